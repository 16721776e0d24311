//! How programs write a text that they were given: escaped, quoted or encoded. Pure.

use std::fmt::Write as _;

/// `text` as JSON, shells, HTML, URLs and hex dumps write it, without itself.
pub(super) fn plain_forms(text: &str) -> Vec<String> {
    let forms = [
        json(text, false),
        json(text, true),
        json(&json(text, false), false),
        text.replace('\'', r"'\''"),
        html(text),
        percent(text, ""),
        percent(text, "/"),
        percent(text, "").replace("%20", "+"),
        hex(text, "", ""),
        hex(text, "", ":"),
        hex(text, r"\x", ""),
    ];
    distinct(forms.into_iter().filter(|form| form != text).collect())
}

/// The characters that stand in the base64 of every text that holds `text`, for the three ways in which it can lie on
/// the groups of three bytes, in both alphabets.
pub(super) fn base64_cores(text: &str) -> Vec<String> {
    let core = |before: usize| {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(text.as_bytes());
        let encoded = base64(&bytes);
        // Only what is made from bits of `text` alone.
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        encoded.get(from..to).unwrap_or_default().to_owned()
    };
    let cores: Vec<String> = (0..3).map(core).collect();
    let for_urls = cores.iter().map(|core| core.replace('+', "-").replace('/', "_")).collect::<Vec<_>>();
    distinct(cores.into_iter().chain(for_urls).collect())
}

fn distinct(mut forms: Vec<String>) -> Vec<String> {
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Without the quotes around it; with `ascii` as encoders write it that escape all other letters.
fn json(text: &str, ascii: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || (ascii && !c.is_ascii()) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

fn percent(text: &str, kept: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hex(text: &str, before: &str, between: &str) -> String {
    text.bytes().map(|byte| format!("{before}{byte:02x}")).collect::<Vec<_>>().join(between)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0u32, |bits, (nth, byte)| bits | u32::from(*byte) << (16 - 8 * nth));
        for nth in 0..=group.len() {
            let letter = usize::try_from(bits >> (18 - 6 * nth) & 63).unwrap_or_default();
            out.extend(LETTERS.get(letter).map(|letter| char::from(*letter)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_what_is_expected() {
        assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
        assert_eq!(json("a\"b\\c\nü𝄞", true), r#"a\"b\\c\n\u00fc\ud834\udd1e"#);
        assert_eq!(percent("a b/ü", ""), "a%20b%2F%C3%BC");
        assert_eq!(hex("AZ", "", ":"), "41:5a");
    }

    #[test]
    fn base64_holds_the_core_wherever_the_text_lies_in_it() {
        let cores = base64_cores("from-environment-7121");
        for before in ["", "u", "us", "user:", "Bearer  "] {
            for after in ["", "@", "@d", "@db"] {
                let whole = base64(format!("{before}from-environment-7121{after}").as_bytes());
                assert!(cores.iter().any(|core| whole.contains(core.as_str())), "{before}…{after}: {whole}");
            }
        }
    }
}
