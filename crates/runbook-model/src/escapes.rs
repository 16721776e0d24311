//! Escape sequences for terminals (ECMA-48) in what programs and files say: colours, titles, links. What belongs to one
//! is known by a library.

use anstyle_parse::{DefaultCharAccumulator, Parser, Perform};
use std::str::CharIndices;

const ESCAPE: u8 = 0x1b;
/// Printed where text is, and passed over within a sequence.
const ANY_TEXT: u8 = 0x7f;

/// The characters of `text` that are in no escape sequence, each with the byte at which it begins; other control characters are
/// among them, ESC is not. A sequence ends with its line at the latest: what is left open hides no more.
pub fn outside_escapes(text: &str) -> OutsideEscapes<'_> {
    OutsideEscapes { chars: text.char_indices(), parser: Parser::default(), begin: 0, reads_strings: false }
}

/// The same, with what stands in strings for a device as text (ECMA-48, 5.6: titles, links, pictures, the clipboard), and the ESC and the
/// letter that open them.
pub fn outside_controls(text: &str) -> OutsideEscapes<'_> {
    OutsideEscapes { reads_strings: true, ..outside_escapes(text) }
}

/// What [`outside_escapes`] and [`outside_controls`] return.
#[derive(Clone, Debug)]
pub struct OutsideEscapes<'a> {
    chars: CharIndices<'a>,
    parser: Parser,
    /// Where the parser last left the text for a sequence.
    begin: usize,
    reads_strings: bool,
}

impl OutsideEscapes<'_> {
    /// The byte at which a sequence began that has not ended; one that began inside another, and cut it short, counts as a part of that.
    pub fn open_since(&mut self) -> Option<usize> {
        // Wherever the parser is, this byte leaves it there.
        (!is_shown(&mut self.parser, ANY_TEXT)).then_some(self.begin)
    }

    fn opens_string(&self, c: char) -> bool {
        match c {
            '\u{1b}' => self.chars.as_str().starts_with(['P', 'X', ']', '^', '_']),
            c => matches!(c, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}'),
        }
    }
}

impl Iterator for OutsideEscapes<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, c) = self.chars.next()?;
            if matches!(c, '\u{1b}' | '\u{80}'..='\u{9f}') && self.open_since().is_none() {
                self.begin = at;
            }
            let shown = match c {
                c if c == '\n' || (self.reads_strings && self.opens_string(c)) => {
                    self.parser = Parser::default();
                    true
                }
                // Each of these is ESC and another character in one (ECMA-48, 5.3).
                '\u{90}' | '\u{98}' | '\u{9b}'..='\u{9f}' => {
                    let second = u8::try_from(u32::from(c) - 0x40).unwrap_or(ANY_TEXT);
                    is_shown(&mut self.parser, ESCAPE);
                    is_shown(&mut self.parser, second)
                }
                c => is_shown(&mut self.parser, u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(ANY_TEXT)),
            };
            if shown {
                return Some((at, c));
            }
        }
    }
}

fn is_shown(parser: &mut Parser<DefaultCharAccumulator>, byte: u8) -> bool {
    let mut seen = Seen(false);
    parser.advance(&mut seen, byte);
    seen.0
}

/// Whether the byte was text or a control character of its own.
struct Seen(bool);

impl Perform for Seen {
    fn print(&mut self, _: char) {
        self.0 = true;
    }

    fn execute(&mut self, _: u8) {
        self.0 = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        outside_escapes(text).map(|(_, c)| c).collect()
    }

    #[test]
    fn sequences_of_every_form_vanish() {
        for (text, left) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r0;日本\u{1b}\\device", "device"),
            ("\u{1b}^private\u{1b}\\\u{1b}_program\u{1b}\\text", "text"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{9b}2Jone \u{9d}0;title\u{9c}byte", "one byte"),
            ("\u{90}✓ ✐\u{9c}Ü", "Ü"),
            ("open \u{1b}[31\nnext", "open \nnext"),
            ("open \u{1b}]0;title\nnext", "open \nnext"),
            ("open \u{1b}", "open "),
            ("bell\u{7} tab\t del\u{7f} nel\u{85}", "bell\u{7} tab\t del\u{7f} nel\u{85}"),
            ("naïve 日本", "naïve 日本"),
        ] {
            assert_eq!(shown(text), left, "{text:?}");
        }
    }

    #[test]
    fn strings_are_read_where_only_controls_vanish() {
        for (text, left) in [
            ("\u{1b}[31mred\u{1b}[0m\u{1b}(B", "red"),
            ("\u{1b}]0;ti\u{1b}[1mtle\u{7}text", "\u{1b}]0;title\u{7}text"),
            ("\u{1b}Pdevice\u{1b}\\\u{90}other\u{9c}", "\u{1b}Pdevice\u{90}other"),
            ("\u{1b}[1\u{1b}_program\u{1b}\\", "\u{1b}_program"),
        ] {
            let read: String = outside_controls(text).map(|(_, c)| c).collect();
            assert_eq!(read, left, "{text:?}");
        }
    }

    #[test]
    fn what_is_left_open_is_known_from_its_beginning() {
        for (text, open) in [
            ("a", None),
            ("\u{1b}[1m", None),
            ("é\u{1b}[1", Some(2)),
            ("a\u{9b}1", Some(1)),
            ("\u{1b}]0;é", Some(0)),
            ("\u{1b}[1ma\u{1b}^é", Some(5)),
            ("a\u{1b}]0;title\u{85}", Some(1)),
            ("a\u{1b}]0;title\u{1b}[1", Some(1)),
            ("a\u{1b}Pone\u{1b}]two\u{1b}_three\u{9b}", Some(1)),
            ("a\u{1b}Pone\u{1b}\\\u{1b}]two", Some(8)),
            ("a\u{1b}]0;title\u{1b}[1mtext", None),
            ("\u{1b}[1\n\u{1b}[2", Some(4)),
            ("\u{1b}[1\n\u{85}", None),
        ] {
            let mut outside = outside_escapes(text);
            outside.by_ref().for_each(drop);
            assert_eq!(outside.open_since(), open, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn no_escape_passes_and_places_are_right(text in "[\u{1b}\u{9b}\u{9d}\u{9c}\\[\\]\\\\;Pm07aé✓\n\u{7}]{0,24}") {
            for (at, c) in outside_escapes(&text) {
                prop_assert!(text[at..].starts_with(c));
                let acts = matches!(c, '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}'..='\u{9f}');
                prop_assert!(!acts);
            }
            prop_assert_eq!(shown(&shown(&text)), shown(&text));
        }
    }
}
