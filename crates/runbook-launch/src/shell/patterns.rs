//! Patterns of shells with `*` and `?`. Sets in brackets depend on the language of the service and are not followed.

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `*`
    Any,
    /// `?`
    One,
    /// This character.
    This(char),
}

/// The pattern that text means which is not quoted; `None` with a set in brackets.
pub(super) fn of(text: &str) -> Option<Vec<Piece>> {
    let piece = |c| match c {
        '*' => Some(Piece::Any),
        '?' => Some(Piece::One),
        '[' | '\\' => None,
        c => Some(Piece::This(c)),
    };
    text.chars().map(piece).collect()
}

/// Whether `text` is as `pattern` says.
pub(super) fn fits(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which beginnings of the text the pattern fits so far.
    let mut ends = vec![false; text.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    for piece in pattern {
        let (mut any, mut last) = (false, false);
        let marks = ends.iter().enumerate().map(|(at, end)| {
            any |= *end;
            let before = std::mem::replace(&mut last, *end);
            match piece {
                Piece::Any => any,
                Piece::One => before,
                Piece::This(c) => before && at.checked_sub(1).and_then(|at| text.get(at)) == Some(c),
            }
        });
        ends = marks.collect();
    }
    ends.last() == Some(&true)
}

/// What is left of `text` without the shortest or longest beginning or end that fits `pattern`.
pub(super) fn trimmed(text: &str, operator: &str, pattern: &[Piece]) -> String {
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
            ("?x", "7x", true),
            ("", "", true),
            ("", "a", false),
            ("*CYGWIN*", "Linux", false),
        ] {
            assert_eq!(fits(&of(pattern).unwrap(), text), wanted, "{pattern} {text}");
        }
        assert_eq!(of("[a-z]"), None);
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
            assert_eq!(trimmed(path, operator, &of(pattern).unwrap()), wanted, "{operator}{pattern}");
        }
    }
}
