//! JSON Pointers (RFC 6901).

use std::fmt;

/// A place in a document: the keys and indices on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// The pointer written in `text`, or what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(parts) = text.strip_prefix('/') else { return Err("it must start with `/`") };
        parts.split('/').map(unescaped).collect::<Option<_>>().map(Self).ok_or("`~` must be followed by `0` or `1`")
    }

    /// The keys and indices, the outermost first.
    pub(super) fn parts(&self) -> &[String] {
        &self.0
    }

    /// Whether both name the same value, or one names a value inside the other's. Two appends to one array do not
    /// overlap.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let both_append = self == other && self.0.last().is_some_and(|part| part == "-");
        !both_append && (self.0.starts_with(&other.0) || other.0.starts_with(&self.0))
    }

    /// The pointer to the first `count` parts.
    pub(super) fn first(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).cloned().collect())
    }
}

fn unescaped(part: &str) -> Option<String> {
    let mut pieces = part.split('~');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(1)?;
        text.push(match code {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(text)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the whole document");
        }
        self.0.iter().try_for_each(|part| write!(f, "/{}", part.replace('~', "~0").replace('/', "~1")))
    }
}

/// The index written in `part`: digits without a leading zero.
pub(super) fn index(part: &str) -> Option<usize> {
    let plain = part == "0" || !part.starts_with('0');
    if plain && part.bytes().all(|byte| byte.is_ascii_digit()) { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_read_and_print() {
        for text in ["/a", "/a~1b/~0", "/", "//x", "/a/-", "/0"] {
            assert_eq!(Pointer::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Pointer::parse("/a~1b").unwrap().parts(), ["a/b"]);
        assert_eq!(Pointer::parse("/~01").unwrap().parts(), ["~1"]);
        for text in ["a", "/~", "/~2", "/a~", "/~é"] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            ["0", "10", "01", "-", "", "+1", "1a"].map(index),
            [Some(0), Some(10), None, None, None, None, None]
        );
    }

    #[test]
    fn overlaps_are_seen() {
        let overlap = |a: &str, b: &str| Pointer::parse(a).unwrap().overlaps(&Pointer::parse(b).unwrap());
        assert!(overlap("/a", "/a/b") && overlap("/a/b", "/a") && overlap("/a", "/a") && overlap("", "/x"));
        assert!(!overlap("/a", "/ab") && !overlap("/a/b", "/a/c") && !overlap("/a/-", "/a/-"));
    }
}
