//! Pages: every link leads somewhere, and every page is reached from README.md.

use super::finding::Finding;
use super::repository::{File, Repository};
use super::table::{prose, without_code};
use std::collections::BTreeSet;

/// Where readers begin.
const DOORS: &[&str] = &["README.md", "docs/README.md"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut found: Vec<Finding> = repository.ending(".md").flat_map(|page| broken(page, repository)).collect();
    let reached = reached(repository);
    let lost = repository.ending(".md").filter(|page| !reached.contains(&page.path));
    let what = "no page leads here; link it from README.md or docs/README.md";
    found.extend(lost.map(|page| Finding::whole(&page.path, what)));
    found
}

/// The links of a page, with their lines: where they lead from the root of the repository, and the heading.
fn links(page: &File) -> impl Iterator<Item = (usize, String, Option<String>)> {
    let dir = page.path.rsplit_once('/').map_or("", |(dir, _)| dir);
    prose(&page.text).flat_map(move |(at, line)| {
        let targets: Vec<String> = without_code(line)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()))
            .collect();
        targets.into_iter().filter(|target| !target.contains("://") && !target.starts_with("mailto:")).map(
            move |target| {
                let (to, heading) = match target.split_once('#') {
                    Some((to, heading)) => (to, Some(heading.to_owned())),
                    None => (target.as_str(), None),
                };
                let to = if to.is_empty() { page.path.clone() } else { resolve(dir, to) };
                (at, to, heading)
            },
        )
    })
}

fn broken(page: &File, repository: &Repository) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, to, heading) in links(page) {
        if !repository.has(&to) {
            found.push(Finding::at(&page.path, at, format!("the link leads to `{to}`, which is not there")));
        } else if let Some(heading) =
            heading.filter(|heading| to.ends_with(".md") && !headings(repository.text(&to)).contains(heading))
        {
            found.push(Finding::at(&page.path, at, format!("`{to}` has no heading `#{heading}`")));
        }
    }
    found
}

fn reached(repository: &Repository) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<String> = DOORS.iter().map(|door| (*door).to_owned()).collect();
    while let Some(path) = next.pop() {
        if !reached.insert(path.clone()) {
            continue;
        }
        // A link to a directory shows its README.md.
        let page = repository.files().find(|file| file.path == path || file.path == format!("{path}/README.md"));
        if let Some(page) = page {
            reached.insert(page.path.clone());
            next.extend(links(page).map(|(_, to, _)| to));
        }
    }
    reached
}

/// `to` seen from the directory `dir`.
fn resolve(dir: &str, to: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The names that GitHub gives to headings.
fn headings(page: &str) -> BTreeSet<String> {
    let lines =
        prose(page).filter_map(|(_, line)| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()));
    lines
        .map(|title| {
            let kept = title.to_lowercase();
            let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Repository::of(files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn linked_pages_are_fine() {
        let files = [
            ("README.md", "[a](docs/a.md#two-words) [x](https://example.org/) [d](docs/d)"),
            (
                "docs/a.md",
                "# A\n## Two words\n[up](../README.md) [here](#a)\n```\n[no](nowhere.md)\n```\n`[no](nowhere.md)`",
            ),
            ("docs/d/README.md", ""),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn broken_links_and_lost_pages_are_found() {
        for (files, says) in [
            (&[("README.md", "[a](docs/a.md)")][..], "which is not there"),
            (&[("README.md", "[a](a.md#no)"), ("a.md", "# Yes")][..], "no heading"),
            (&[("README.md", ""), ("docs/a.md", "")][..], "no page leads here"),
            (&[("README.md", ""), ("a.md", "[b](b.md)"), ("b.md", "[a](a.md)")][..], "no page leads here"),
        ] {
            assert!(found(files).iter().any(|what| what.contains(says)), "{says}");
        }
    }
}
