//! Paths and byte strings in JSON: readable, and lossless for names that are not UTF-8.
//!
//! A byte that is not part of valid UTF-8 becomes `%XX`, and `%` itself becomes `%25`. Values of attributes are hexadecimal.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn escape(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('%') => Cow::Borrowed(text),
        _ => Cow::Owned(escape_slowly(bytes)),
    }
}

fn escape_slowly(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).ok_or_else(|| format!("a lone % in {text:?}"))?;
        out.push(u8::from_str_radix(code, 16).map_err(|_| format!("%{code} is no escape in {text:?}"))?);
        out.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
    }
    Ok(out)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2);
        pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    pairs.collect::<Option<_>>().ok_or_else(|| format!("{text:?} is not hexadecimal"))
}

pub(crate) fn to_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

pub(crate) fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

pub(crate) fn name_of(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// For `#[serde(with = "escaped::path")]`.
pub(crate) mod path {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&escape(bytes_of(path)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        unescape(&text).map(to_path).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "escaped::maybe_path")]`.
pub(crate) mod maybe_path {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        match path {
            Some(path) => to.serialize_some(&*escape(bytes_of(path))),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        let text = Option::<Cow<str>>::deserialize(from)?;
        text.map(|text| unescape(&text).map(to_path)).transpose().map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "escaped::paths")]`.
pub(crate) mod paths {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(paths.iter().map(|path| escape(bytes_of(path))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| unescape(text).map(to_path)).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(super::unescape(&super::escape(&bytes)).unwrap(), bytes.clone());
            prop_assert_eq!(super::from_hex(&super::to_hex(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn readable_names_stay_readable() {
        assert_eq!(super::escape("a b\n100% né".as_bytes()), "a b\n100%25 né");
        assert_eq!(super::escape(b"\xff%"), "%FF%25");
        assert!(super::unescape("%4").is_err() && super::unescape("%zz").is_err() && super::from_hex("abc").is_err());
    }
}
