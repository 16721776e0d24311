//! A changelog as text: its sections, which of them are new, and the lines that matter to a plan. No I/O.

use runbook_model::{Mark, Version};
use std::cmp::Ordering;

/// More text than this is not kept; what is marked is kept all the same.
const KEPT: usize = 256 << 10;

/// The part of a changelog that a reviewer has to read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// The versions of the sections, in the order of the file.
    pub(super) sections: Vec<String>,
    /// The lines of the sections with their headings.
    pub(super) lines: Vec<String>,
    /// Whether the target has a section.
    pub(super) has_target: bool,
    /// Whether [`shortened`] left lines out because there were too many.
    pub(super) cut: bool,
}

/// The sections newer than `from`, up to and including `to`; without `from` that of `to` alone.
pub(super) fn news(text: &str, package: &str, from: Option<&Version>, to: &Version) -> News {
    let mut news = News::default();
    let mut open: Option<usize> = None;
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if let Some((level, title)) = heading(line).filter(|_| !fenced) {
            match version_of(title, package) {
                Some((written, version)) if is_new(&version, from, to) => {
                    news.has_target |= version.compare(to) == Some(Ordering::Equal);
                    news.sections.push(written);
                    open = Some(level);
                }
                Some(_) => open = None,
                None if open.is_some_and(|above| level <= above) => open = None,
                None => {}
            }
        }
        if open.is_some() {
            news.lines.push(line.trim_end().to_owned());
        }
    }
    while news.lines.last().is_some_and(String::is_empty) {
        news.lines.pop();
    }
    news
}

fn is_new(version: &Version, from: Option<&Version>, to: &Version) -> bool {
    let up_to = matches!(version.compare(to), Some(Ordering::Less | Ordering::Equal));
    match from {
        Some(from) => up_to && version.compare(from) == Some(Ordering::Greater),
        None => version.compare(to) == Some(Ordering::Equal),
    }
}

/// `## 1.2.3` as its level and its text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=3).contains(&level) && title.starts_with(' ')).then(|| (level, title.trim()))
}

/// The version that a heading is about: its first word, or the second behind a word that only introduces it.
fn version_of(title: &str, package: &str) -> Option<(String, Version)> {
    let mut words = title.split_whitespace();
    let first = words.next()?;
    if let Some(found) = version_in(first, package) {
        return Some(found);
    }
    let plain = first.trim_end_matches(':').to_lowercase();
    let introduces = ["version", "release", "v"].contains(&plain.as_str()) || first == package;
    words.next().filter(|_| introduces).and_then(|word| version_in(word, package))
}

/// `1.2.3`, `v1.2.3`, `[1.2.3]`, `[1.2.3](https://…)`, `demo@1.2.3:`
fn version_in(word: &str, package: &str) -> Option<(String, Version)> {
    let word = word.trim_start_matches(['[', '(']);
    let word = word.split([']', ')', ':', ',', '(']).next().unwrap_or(word);
    let word = word.strip_prefix(package).and_then(|rest| rest.strip_prefix('@')).unwrap_or(word);
    let word = word.strip_prefix(['v', 'V']).unwrap_or(word);
    Version::parse(word).ok().map(|version| (word.to_owned(), version))
}

/// The news with the marks of its lines; from where it is too long, the marked lines alone.
pub(super) fn shortened(mut news: News, words: &[String]) -> (News, Vec<Mark>) {
    let mut marks = marks(&news.lines, words);
    let mut wanted = marks.iter_mut().peekable();
    let mut size = 0;
    for (at, line) in std::mem::take(&mut news.lines).into_iter().enumerate() {
        size += line.len() + 1;
        match wanted.next_if(|mark| mark.line == at) {
            Some(mark) => mark.line = news.lines.len(),
            None if size > KEPT => {
                news.cut = true;
                continue;
            }
            None => {}
        }
        news.lines.push(line);
    }
    (news, marks)
}

/// The lines that name one of `words`, and those that break something; the line numbers are from 0.
fn marks(lines: &[String], words: &[String]) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut breaking: Option<usize> = None;
    for (at, line) in lines.iter().enumerate() {
        let title = heading(line).or_else(|| deeper(line));
        if let Some((level, title)) = title {
            let breaks = names(title, "breaking");
            if breaks || breaking.is_some_and(|above| level <= above) {
                breaking = breaks.then_some(level);
            }
        }
        let mut because: Vec<String> = words.iter().filter(|word| names(line, word)).cloned().collect();
        let is_item = title.is_none() && !line.trim().is_empty();
        if (is_item && (breaking.is_some() || names(line, "breaking")))
            && !because.iter().any(|word| word == "breaking")
        {
            because.push("breaking".to_owned());
        }
        if !because.is_empty() {
            marks.push(Mark { line: at, because });
        }
    }
    marks
}

/// A heading below those that can name a version.
fn deeper(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((4..=6).contains(&level) && title.starts_with(' ')).then(|| (level, title.trim()))
}

/// Whether `line` names `word`, whole, in whatever case: `#704` is not `#70462`, and `slack` is not `slacken`.
fn names(line: &str, word: &str) -> bool {
    let (line, word) = (line.to_lowercase(), word.trim().to_lowercase());
    if word.is_empty() {
        return false;
    }
    let whole = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let bounded = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(&word).any(|(at, found)| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(found.len()..).unwrap_or_default();
        let left = !bounded(word.chars().next()) || whole(before.chars().next_back());
        let mut letters = after.chars();
        let next = letters.next();
        // One plural is the same word: "breaking" has none, "plugin" has.
        let plural = next == Some('s') && whole(letters.next());
        left && (!bounded(word.chars().next_back()) || whole(next) || plural)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENCLAW: &str = "# Changelog\n\nDocs: somewhere.\n\n## Unreleased\n\n### Fixes\n\n- not out yet (#99999)\n\n\
        ## 2026.4.23\n\n### Changes\n\n- Plugins: link the host package, so that a peer dependency resolves. (#70462)\n\n\
        ## 2026.4.22\n\n### Breaking\n\n- Plugins must name their runtime.\n\n### Fixes\n\n- slacken a limit\n- Slack: retry\n\n\
        ```md\n## 2026.4.21\n```\n\n## 2026.4.15\n\n- older\n";

    fn between(from: Option<&str>, to: &str) -> News {
        let parse = |text: &str| Version::parse(text).unwrap();
        news(OPENCLAW, "openclaw", from.map(parse).as_ref(), &parse(to))
    }

    #[test]
    fn sections_are_chosen_by_the_order_of_versions() {
        let both = between(Some("2026.4.15"), "2026.4.23");
        assert_eq!(both.sections, ["2026.4.23", "2026.4.22"]);
        assert!(both.has_target && both.lines[0] == "## 2026.4.23" && both.lines.last().unwrap() == "```");
        assert!(both.lines.iter().any(|line| line == "## 2026.4.21"), "what stands in code is no heading");
        assert!(!both.lines.iter().any(|line| line.contains("not out yet") || line.contains("older")));
        assert_eq!(between(None, "2026.4.23").sections, ["2026.4.23"]);
        assert_eq!(between(Some("2026.4.22"), "2026.4.23").sections, ["2026.4.23"]);
        let rebuilt = between(Some("2026.4.22"), "2026.4.23-2");
        assert!(rebuilt.sections == ["2026.4.23"] && !rebuilt.has_target);
        assert_eq!(between(Some("2026.4.15"), "1.0.0"), News::default(), "a date is not compared with semver");
    }

    #[test]
    fn headings_as_packages_write_them() {
        for title in [
            "1.2.3",
            "v1.2.3",
            "[1.2.3]",
            "[1.2.3] - 2024-05-01",
            "[1.2.3](https://x/y) (2024-05-01)",
            "1.2.3 / 2024-05-01",
            "Version 1.2.3",
            "Release: v1.2.3",
            "demo 1.2.3",
            "demo@1.2.3",
            "1.2.3:",
            "1.2.3, a name",
        ] {
            assert_eq!(version_of(title, "demo").map(|found| found.0).as_deref(), Some("1.2.3"), "{title}");
        }
        for title in ["Fixes", "Upgrade from 1.2.3", "Unreleased", "2024-05-01", "", "latest", "other 1.2.3"] {
            assert_eq!(version_of(title, "demo"), None, "{title}");
        }
    }

    #[test]
    fn lines_are_marked_by_whole_words() {
        let lines = between(Some("2026.4.15"), "2026.4.23").lines;
        let words = ["slack", "#70462", "#704", "peer dependency"].map(str::to_owned);
        let found: Vec<(&str, Vec<String>)> =
            marks(&lines, &words).into_iter().map(|mark| (lines[mark.line].as_str(), mark.because)).collect();
        let because = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [
                (
                    "- Plugins: link the host package, so that a peer dependency resolves. (#70462)",
                    because(&["#70462", "peer dependency"])
                ),
                ("- Plugins must name their runtime.", because(&["breaking"])),
                ("- Slack: retry", because(&["slack"])),
            ]
        );
        assert!(names("two plugins", "plugin") && !names("pluginsx", "plugin") && !names("x", " "));
    }

    #[test]
    fn a_changelog_without_an_end_is_cut_and_says_so() {
        let long = format!("## 1.0.0\n{}\n### Breaking\n\n- the end of it\n", "- a line\n".repeat(40_000));
        let (found, marks) = shortened(news(&long, "demo", None, &Version::parse("1.0.0").unwrap()), &[]);
        assert!(found.cut && found.lines.len() < 40_000 && found.lines.len() > 20_000);
        let marked: Vec<&str> = marks.iter().map(|mark| found.lines[mark.line].as_str()).collect();
        assert_eq!(marked, ["- the end of it"], "what breaks is told, wherever it stands");
    }
}
