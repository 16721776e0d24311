//! How output looks: colour, glyphs and width. The binary decides (`NO_COLOR`, `TERM`, locale, window size) and
//! passes a [`Style`] in; nothing here looks at the process or the terminal.

use crate::text;
use anstyle::{AnsiColor, Effects};

/// What the place that is written to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// Whether it shows UTF-8; otherwise everything that is written is ASCII.
    pub unicode: bool,
    /// Its width in columns.
    pub width: usize,
}

impl Style {
    /// No colours, UTF-8, `width` columns: what a file or a pipe gets.
    pub fn plain(width: usize) -> Self {
        Self { color: false, unicode: true, width }
    }

    /// The columns that lines are laid out for: lines that are longer than eyes can follow are not used, and a
    /// window that is too narrow for a table is treated as if it were wide enough for one.
    pub(crate) fn columns(self) -> usize {
        self.width.clamp(40, 120)
    }

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() || tone == Tone::Normal {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{}{text}{}", style.render(), style.render_reset())
    }

    /// `head` in its tone and `text` behind it, in lines of at most `columns`.
    pub(crate) fn headed(self, tone: Tone, head: &str, text: &str, columns: usize) -> Vec<String> {
        let mut lines = text::wrap(&format!("{head} {text}"), columns);
        if let Some(first) = lines.first_mut()
            && let Some(rest) = first.strip_prefix(head)
        {
            *first = format!("{}{rest}", self.paint(tone, head));
        }
        lines
    }

    pub(crate) fn glyph(self, glyph: Glyph) -> &'static str {
        let (unicode, ascii) = glyph.forms();
        if self.unicode { unicode } else { ascii }
    }

    /// `text` as this style can show it. Host text is already clean; what is left to do is to leave no byte above
    /// 0x7f for a terminal that would read it as something else.
    pub(crate) fn encode(self, text: String) -> String {
        if self.unicode { text } else { text::to_ascii(&text) }
    }
}

/// What a piece of text means; the colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Normal,
    Good,
    Bad,
    Warn,
    Dim,
    Strong,
    Frame,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let color = |color: AnsiColor| anstyle::Style::new().fg_color(Some(color.into()));
        match self {
            Self::Normal => anstyle::Style::new(),
            Self::Good => color(AnsiColor::Green),
            Self::Bad => color(AnsiColor::Red).effects(Effects::BOLD),
            Self::Warn => color(AnsiColor::Yellow),
            Self::Dim => anstyle::Style::new().effects(Effects::DIMMED),
            Self::Strong => anstyle::Style::new().effects(Effects::BOLD),
            Self::Frame => color(AnsiColor::Blue),
        }
    }
}

/// Signs with a form for terminals that show only ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    Ok,
    Failed,
    Skipped,
    Retry,
    Undone,
    Note,
    Bar,
    FrameTop,
    FrameBar,
    FrameGap,
    FrameEnd,
    FrameStop,
    Ellipsis,
    Dot,
}

impl Glyph {
    fn forms(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("✓", "+"),
            Self::Failed => ("✗", "x"),
            Self::Skipped => ("–", "-"),
            Self::Retry => ("↻", "~"),
            Self::Undone => ("↩", "<"),
            Self::Note => ("!", "!"),
            Self::Bar => ("│", "|"),
            Self::FrameTop => ("╭─", ",-"),
            Self::FrameBar => ("│", "|"),
            Self::FrameGap => ("┆", ":"),
            Self::FrameEnd => ("╰", "'-"),
            Self::FrameStop => ("╵", "'"),
            Self::Ellipsis => ("…", "~"),
            Self::Dot => ("·", "-"),
        }
    }
}
