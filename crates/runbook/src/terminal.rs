//! What a terminal can show: colour, characters beyond ASCII, and how many columns.

use crate::cli::Color;
use std::env;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Whether to colour what goes to a stream that is, or is not, a terminal.
pub(crate) fn color(choice: Color, is_terminal: bool) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if env::var("CLICOLOR_FORCE").is_ok_and(|value| value != "0") => true,
        Color::Auto => is_terminal && env::var("TERM").as_deref() != Ok("dumb"),
    }
}

/// Whether what is written to both ends up in the same file or pipe.
pub(crate) fn are_one_file(one: impl AsFd, other: impl AsFd) -> bool {
    let place = |stream: BorrowedFd<'_>| {
        let found = rustix::fs::fstat(stream).ok()?;
        Some((found.st_dev, found.st_ino))
    };
    place(one.as_fd()).is_some_and(|found| Some(found) == place(other.as_fd()))
}

/// By the locale, as the C library would decide: C and POSIX mean ASCII. Where no locale is set, as in a container,
/// UTF-8 is what everybody has.
pub(crate) fn unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    match locale {
        None => true,
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
    }
}

/// The columns of the terminal; 80 where that is not known.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stderr()));
    size.ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(80)
}
