//! Text that Markdown and HTML read as nothing but text.

use crate::text;

/// Characters of one piece of evidence; the journal has all of it.
const LONGEST: usize = 300;

/// Clean text with everything that Markdown or HTML would read as markup escaped; safe inside a table.
pub(crate) fn escape(raw: &str) -> String {
    escape_all(raw, "\\`*_{}[]<>|#~&")
}

/// The same, but code spans stay: for evidence, in which we write ids and commands ourselves.
pub(crate) fn escape_keeping_code(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(raw);
    }
    let part = |(nth, part): (usize, &&str)| match nth % 2 {
        0 => escape(part),
        _ => format!("`{}`", text::clean(part).replace('|', "\\|")),
    };
    parts.iter().enumerate().map(part).collect()
}

fn escape_all(raw: &str, special: &str) -> String {
    let mut out = String::new();
    for (nth, c) in text::clean(raw).chars().enumerate() {
        if nth == LONGEST {
            out.push('…');
            return out;
        }
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    // A piece before a code span keeps the space that parts it from the code.
    if raw.ends_with(' ') {
        out.push(' ');
    }
    out
}
