//! Patterns of shells: `*`, `?`, `[a-z]`; and the files that one matches.

use crate::Unclear;
use runbook_host::Reader;
use std::path::Path;

/// How many files a pattern may match.
const MOST: usize = 512;

/// Whether `text` is as `pattern` says.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(at), text.get(seen)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((at + 1, seen));
                at += 1;
                continue;
            }
            (Some(_), Some(c)) => one(pattern.get(at..).unwrap_or_default(), *c),
            _ => None,
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                seen += 1;
            }
            // The last star takes one character more.
            (None, Some((behind, from))) if from < text.len() => {
                star = Some((behind, from + 1));
                (at, seen) = (behind, from + 1);
            }
            _ => return false,
        }
    }
}

/// How long the piece of the pattern is that takes the character `c`.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => {
            let (negated, set) = match rest {
                ['!' | '^', set @ ..] => (true, set),
                set => (false, set),
            };
            // A bracket right at the beginning is one of the characters.
            let Some(length) = set.iter().skip(1).position(|c| *c == ']').map(|at| at + 1) else {
                return (c == '[').then_some(1);
            };
            let set = set.get(..length).unwrap_or_default();
            let in_set =
                set.contains(&c) || set.windows(3).any(|range| matches!(range, [a, '-', b] if (*a..=*b).contains(&c)));
            (in_set != negated).then_some(length + 2 + usize::from(negated))
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// What is left of `text` without the shortest or longest beginning or end that fits `pattern`.
pub(super) fn trimmed(text: &str, operator: &str, pattern: &str) -> String {
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let at_begin = operator.starts_with('#');
    let fits_at = |cut: &&usize| {
        let (begin, end) = text.split_at(**cut);
        fits(pattern, if at_begin { begin } else { end })
    };
    // The shortest beginning ends first; the shortest end begins last.
    let ascending = at_begin == (operator.len() == 1);
    let cut = if ascending { cuts.iter().find(fits_at) } else { cuts.iter().rev().find(fits_at) };
    match cut.map(|cut| text.split_at(*cut)) {
        Some((_, end)) if at_begin => end.to_owned(),
        Some((begin, _)) => begin.to_owned(),
        None => text.to_owned(),
    }
}

/// The files that `pattern` matches, sorted; the pattern itself if there are none.
pub(super) fn files(host: &Reader, pattern: &str) -> Result<Vec<String>, Unclear> {
    let mut found = vec![String::new()];
    for (nth, part) in pattern.split('/').enumerate() {
        let mut next = Vec::new();
        for dir in found {
            let base = if nth == 0 { String::new() } else { format!("{dir}/") };
            if !part.contains(['*', '?', '[']) {
                next.push(format!("{base}{part}"));
                continue;
            }
            let names = host.list(Path::new(if base.is_empty() { "/nowhere" } else { &base }))?.unwrap_or_default();
            let names = names.iter().filter_map(|name| name.to_str());
            let shown = names.filter(|name| part.starts_with('.') || !name.starts_with('.'));
            next.extend(shown.filter(|name| fits(part, name)).map(|name| format!("{base}{name}")));
        }
        next.truncate(MOST);
        found = next;
    }
    let mut there = Vec::new();
    for path in found {
        if host.lstat(Path::new(&path))?.is_some() {
            there.push(path);
        }
    }
    Ok(if there.is_empty() { vec![pattern.to_owned()] } else { there })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("*i*", "hB", false),
            ("*i*", "himB", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("[0-9]?", "7x", true),
            ("[!0-9]*", "7x", false),
            ("[]x]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("", "a", false),
            ("*CYGWIN*", "Linux", false),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn ends_are_cut_off() {
        let path = "/opt/a/b.tar.gz";
        for (operator, pattern, wanted) in [
            ("%", "/*", "/opt/a"),
            ("%%", "/*", ""),
            ("#", "*/", "opt/a/b.tar.gz"),
            ("##", "*/", "b.tar.gz"),
            ("%", ".gz", "/opt/a/b.tar"),
            ("%%", ".*", "/opt/a/b"),
            ("%", "no", path),
        ] {
            assert_eq!(trimmed(path, operator, pattern), wanted, "{operator}{pattern}");
        }
    }
}
