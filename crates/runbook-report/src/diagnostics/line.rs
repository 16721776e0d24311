//! One line of a source as a terminal shows it, and where a range of its bytes then stands.

use crate::style::{Glyph, Style};
use crate::text;

const TAB: usize = 4;

/// A line in which every character has its columns: tabs expanded, controls made visible.
pub(super) struct Line {
    /// Byte offset in the line, first column, text.
    cells: Vec<(usize, usize, String)>,
    /// Columns in all.
    width: usize,
}

/// A part of a line that fits the width.
pub(super) struct Cut {
    pub(super) text: String,
    /// Columns that are left out before it, and columns that its own sign for that takes.
    from: usize,
    lead: usize,
    /// Columns of the original that it shows.
    shown: usize,
}

impl Line {
    pub(super) fn new(text: &str) -> Self {
        let (mut cells, mut at) = (Vec::new(), 0);
        for (offset, c) in text.char_indices() {
            let shown = match c {
                '\t' => " ".repeat(TAB - at % TAB),
                c if text::is_unsafe(c) => text::visible(c),
                c => c.to_string(),
            };
            let width = text::width(&shown);
            cells.push((offset, at, shown));
            at += width;
        }
        Self { cells, width: at }
    }

    /// The column of byte `offset`; the end of the line for offsets past it.
    pub(super) fn column(&self, offset: usize) -> usize {
        let at = self.cells.partition_point(|(start, ..)| *start < offset);
        self.cells.get(at).map_or(self.width, |(_, column, _)| *column)
    }

    /// The columns that bytes `from..to` take; at least one, so that there is something to point at.
    pub(super) fn columns(&self, from: usize, to: usize) -> (usize, usize) {
        let start = self.column(from);
        (start, self.column(to).max(start + 1))
    }

    /// The columns without the indentation.
    pub(super) fn content(&self) -> (usize, usize) {
        let blank = self.cells.iter().take_while(|(.., shown)| shown.trim().is_empty()).count();
        let start = self.cells.get(blank).map_or(0, |(_, column, _)| *column);
        (start, self.width.max(start + 1))
    }

    /// At most `columns` of the line, chosen so that `focus` can be seen.
    pub(super) fn cut(&self, columns: usize, focus: (usize, usize), style: Style) -> Cut {
        let columns = columns.max(12);
        if self.width <= columns {
            let text = self.cells.iter().map(|(.., shown)| shown.as_str()).collect();
            return Cut { text, from: 0, lead: 0, shown: self.width };
        }
        let focus_width = (focus.1 - focus.0).min(columns - 2);
        let room = columns - 2 - focus_width;
        // A span that is longer than the window shows its beginning, after as much as fits of what is before it.
        let wanted = focus_width.min(columns / 2);
        let from = if focus.0 + wanted < columns { 0 } else { focus.0 - focus.0.min(room / 2) };
        let lead = usize::from(from > 0);
        let mut text = String::new();
        let mut shown = 0;
        let mut first = None;
        for (_, column, cell) in &self.cells {
            let wide = text::width(cell);
            if *column < from || (wide == 0 && first.is_none()) {
                continue;
            }
            let start = *first.get_or_insert(*column);
            if column + wide - start > columns - 1 - lead {
                break;
            }
            text.push_str(cell);
            shown = column + wide - start;
        }
        let sign = style.glyph(Glyph::Ellipsis);
        let from = first.unwrap_or(from);
        let tail = if from + shown < self.width { sign } else { "" };
        Cut { text: format!("{}{text}{tail}", if lead == 1 { sign } else { "" }), from, lead, shown }
    }
}

impl Cut {
    /// The first column of the line that it shows.
    pub(super) fn from(&self) -> usize {
        self.from
    }

    /// Where columns `range` of the whole line stand in this part: blanks before, length.
    pub(super) fn place(&self, range: (usize, usize)) -> (usize, usize) {
        let end = self.from + self.shown + 1;
        let start = range.0.clamp(self.from, end);
        let stop = range.1.clamp(start + 1, end.max(start + 1));
        (start - self.from + self.lead, stop - start)
    }
}
