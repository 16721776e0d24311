//! A wall: words that must not stand in some sources. Which there are is in `walls.rs`.

use super::finding::Finding;
use super::repository::File;
use super::sources::code;

/// Words that must not stand in some sources.
pub(super) struct Wall<'a> {
    /// The crates, without `runbook-`; all if none is named.
    pub(super) within: &'a [&'a str],
    /// Sources in them that it does not bind.
    pub(super) except: &'a [&'a [&'a str]],
    pub(super) words: &'a [&'a str],
    /// What holds such a word and is fine.
    pub(super) fine: &'a [&'a str],
    /// What is said behind the word.
    pub(super) why: &'a str,
}

impl Wall<'_> {
    /// Where `file` has a word that must not stand there. Comments may have it.
    pub(super) fn judge(&self, file: &File) -> Vec<Finding> {
        let is_in = |places: &[&str]| places.iter().any(|place| file.path.starts_with(place));
        let own = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"));
        let own = own.map(|(name, _)| name.trim_start_matches("runbook-"));
        let binds = self.within.is_empty() || own.is_some_and(|name| self.within.contains(&name));
        if !binds || self.except.iter().any(|places| is_in(places)) {
            return Vec::new();
        }
        let lines = code(&file.text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let found = lines.filter_map(|(at, line)| {
            let line = self.fine.iter().fold(line.to_owned(), |line, fine| line.replace(fine, ""));
            let word = self.words.iter().find(|word| line.contains(**word))?;
            Some(Finding::at(&file.path, at + 1, format!("`{word}` {}", self.why)))
        });
        found.collect()
    }
}
