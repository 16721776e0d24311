//! The word list: what docs/words.md says in its column "do not say" is not said on any page.

use super::finding::Finding;
use super::repository::Repository;
use super::table::{cells, prose, without_code};

const LIST: &str = "docs/words.md";

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let list = wrong_words(repository.text(LIST));
    if list.is_empty() {
        return vec![Finding::whole(LIST, "has no table `| word | meaning | do not say |`")];
    }
    let mut found = Vec::new();
    for page in repository.ending(".md").filter(|page| page.path != LIST) {
        for (at, line) in prose(&page.text) {
            let line = without_code(line).to_lowercase();
            let said: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric()).collect();
            for (wrong, right) in list.iter().filter(|(wrong, _)| said.contains(&wrong.as_str())) {
                found.push(Finding::at(&page.path, at, format!("`{wrong}` is not our word; say `{right}`")));
            }
        }
    }
    found
}

/// Pairs of a word that we do not use and the one that we do.
fn wrong_words(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| word | meaning | do not say |")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .filter_map(cells)
        .filter_map(|row| Some((row.first()?.to_string(), row.get(2)?.to_string())))
        .flat_map(|(right, wrong)| {
            let wrong: Vec<String> = wrong.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect();
            wrong.into_iter().map(move |wrong| (wrong, right.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: (&str, &str) = (
        LIST,
        "| word | meaning | do not say |\n|---|---|---|\n| step | one node | task, job |\n| run | one apply | |\n",
    );

    #[test]
    fn a_wrong_word_is_found() {
        let found = check(&Repository::of(&[WORDS, ("a.md", "Every Task has an id.")]));
        assert_eq!(found, [Finding::at("a.md", 1, "`task` is not our word; say `step`")]);
    }

    #[test]
    fn code_and_other_words_are_fine() {
        assert!(check(&Repository::of(&[WORDS, ("a.md", "`task` multitasking\n```\njob\n```\n")])).is_empty());
    }

    #[test]
    fn a_list_that_is_gone_is_found() {
        assert_eq!(check(&Repository::of(&[])).len(), 1);
    }
}
