//! How two texts differ, as far as it may be shown: what a step prints is kept in the journal and passed around in reports.

use similar::{DiffTag, TextDiff};
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longer texts are shown by size.
const LIMIT: usize = 256 * 1024;

/// One of the two.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The whole text.
    pub bytes: &'a [u8],
    /// Whether there is somebody who may not read it.
    pub private: bool,
}

impl<'a> Text<'a> {
    /// What everybody may read, the plan's own text among it: its secrets are struck out later.
    pub fn open(bytes: &'a [u8]) -> Self {
        Self { bytes, private: false }
    }

    /// What is in this file.
    pub fn of(bytes: &'a [u8], file: &Metadata) -> Self {
        Self { bytes, private: is_private(file) }
    }
}

/// Whether there is somebody who may not read the file.
pub fn is_private(file: &Metadata) -> bool {
    file.permissions().mode() & 0o004 == 0
}

/// A unified diff; for anything but short text, only the sizes. Of a private text no line is shown, only how many come
/// or go, and what does not change is left out.
pub fn diff(path: &Path, old: Text<'_>, new: Text<'_>) -> String {
    let texts = (std::str::from_utf8(old.bytes), std::str::from_utf8(new.bytes));
    let (Ok(old_text), Ok(new_text)) = texts else { return sizes(old, new) };
    if old_text.len() + new_text.len() > LIMIT {
        return sizes(old, new);
    }
    let name = path.display().to_string();
    let lines = TextDiff::from_lines(old_text, new_text);
    if !old.private && !new.private {
        return lines.unified_diff().context_radius(3).header(&name, &name).to_string();
    }
    let mut shown = format!("--- {name}\n+++ {name}\n");
    for op in lines.ops().iter().filter(|op| op.tag() != DiffTag::Equal) {
        let (gone, come) = (op.old_range(), op.new_range());
        shown.push_str(&format!("@@ -{},{} +{},{} @@\n", gone.start + 1, gone.len(), come.start + 1, come.len()));
        shown.push_str(&side('-', gone.filter_map(|at| lines.old_slice(at)).collect(), old.private));
        shown.push_str(&side('+', come.filter_map(|at| lines.new_slice(at)).collect(), new.private));
    }
    shown
}

fn side(sign: char, lines: Vec<&str>, private: bool) -> String {
    match (lines.len(), private) {
        (0, _) => String::new(),
        (1, true) => format!("{sign}(a line that not everybody may read)\n"),
        (count, true) => format!("{sign}({count} lines that not everybody may read)\n"),
        (_, false) => lines.iter().map(|line| format!("{sign}{}\n", line.trim_end_matches('\n'))).collect(),
    }
}

fn sizes(old: Text<'_>, new: Text<'_>) -> String {
    format!("{} bytes → {} bytes\n", old.bytes.len(), new.bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_text_shows_that_it_changes_and_no_line_of_it() {
        let old = Text { bytes: b"token = s3cret\nport = 1\nkeep = s3cret\nlast = s3cret", private: true };
        let shown = diff(Path::new("/etc/app"), old, Text::open(b"port = 2\nkeep = s3cret\nadded = yes\n"));
        assert!(!shown.contains("s3cret") && !shown.contains("port = 1"), "{shown}");
        assert!(shown.contains("-(2 lines that not everybody may read)\n+port = 2\n"), "{shown}");
        assert!(shown.contains("-(a line that not everybody may read)\n+added = yes\n"), "{shown}");
        let copied = Text { bytes: b"s3cret\n", private: true };
        assert!(!diff(Path::new("/etc/app"), Text::open(b""), copied).contains("s3cret"));
    }

    #[test]
    fn an_open_text_shows_what_is_around() {
        let shown = diff(Path::new("/etc/motd"), Text::open(b"a\nb\n"), Text::open(b"a\nc\n"));
        assert_eq!(shown, "--- /etc/motd\n+++ /etc/motd\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    }
}
