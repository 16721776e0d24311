//! How two texts differ, as far as it may be shown: what a step prints is kept in the journal and passed around in reports.

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffTag, group_diff_ops};
use std::fs::Metadata;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longer texts are shown by size.
const LIMIT: usize = 256 * 1024;
/// How many lines are shown around what differs.
const AROUND: usize = 3;

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
    let (old_lines, new_lines) = (lines(old_text), lines(new_text));
    let ops = compare(&old_lines, &new_lines);
    let name = path.display();
    let head = format!("--- {name}\n+++ {name}\n");
    if !old.private && !new.private {
        let hunks: String = group_diff_ops(ops, AROUND).iter().map(|ops| hunk(ops, &old_lines, &new_lines)).collect();
        return if hunks.is_empty() { hunks } else { head + &hunks };
    }
    let mut shown = head;
    for op in ops.iter().filter(|op| op.tag() != DiffTag::Equal) {
        let (gone, come) = (op.old_range(), op.new_range());
        shown.push_str(&format!("@@ -{},{} +{},{} @@\n", gone.start + 1, gone.len(), come.start + 1, come.len()));
        shown.push_str(&side('-', &old_lines[gone], old.private));
        shown.push_str(&side('+', &new_lines[come], new.private));
    }
    shown
}

/// Each line with what ends it.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What is the same and what differs, in order. One algorithm is named, so that no other is part of the program.
fn compare(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let mut found = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(&mut found, old, 0..old.len(), new, 0..new.len());
    found.into_inner().into_inner().into_ops()
}

/// What differs at one place, and what is around it.
fn hunk(ops: &[DiffOp], old: &[&str], new: &[&str]) -> String {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return String::new() };
    let from = place(first.old_range().start..last.old_range().end);
    let to = place(first.new_range().start..last.new_range().end);
    let mut shown = format!("@@ -{from} +{to} @@\n");
    for op in ops {
        let (gone, come) = (&old[op.old_range()], &new[op.new_range()]);
        match op.tag() {
            DiffTag::Equal => shown.push_str(&signed(' ', gone)),
            DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                shown.push_str(&signed('-', gone));
                shown.push_str(&signed('+', come));
            }
        }
    }
    shown
}

/// Lines in the head of a hunk, counted from one; where there are none, the line before.
fn place(lines: Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn signed(sign: char, lines: &[&str]) -> String {
    let ended = |line: &&str| match line.strip_suffix('\n') {
        Some(line) => format!("{sign}{line}\n"),
        None => format!("{sign}{line}\n\\ No newline at end of file\n"),
    };
    lines.iter().map(ended).collect()
}

fn side(sign: char, lines: &[&str], private: bool) -> String {
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
    fn hunks_are_where_the_lines_are() {
        let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
        let new = old.replace("\n2\n", "\ntwo\n").replace("\n18\n", "\n") + "end";
        let shown = diff(Path::new("f"), Text::open(old.as_bytes()), Text::open(new.as_bytes()));
        let first = "@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n";
        let second = "@@ -15,6 +15,6 @@\n 15\n 16\n 17\n-18\n 19\n 20\n+end\n\\ No newline at end of file\n";
        assert_eq!(shown, format!("--- f\n+++ f\n{first}{second}"));
        assert_eq!(diff(Path::new("f"), Text::open(b""), Text::open(b"a\n")), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(diff(Path::new("f"), Text::open(b"a\n"), Text::open(b"a\n")), "");
    }

    #[test]
    fn an_open_text_shows_what_is_around() {
        let shown = diff(Path::new("/etc/motd"), Text::open(b"a\nb\n"), Text::open(b"a\nc\n"));
        assert_eq!(shown, "--- /etc/motd\n+++ /etc/motd\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    }
}
