//! Tables: columns as wide as they need to be, and cells that break where the window is too narrow.

use crate::style::{Style, Tone};
use crate::text;

const GAP: usize = 2;
const NARROWEST: usize = 6;
/// Columns of words that a narrow window should not break.
const WHOLE_WORD: usize = 14;
/// Columns of a place, which has no head and breaks only where words would break otherwise: `journal 02:14:07 pid 41233`.
const WHOLE_CELL: usize = 26;

/// One cell; its text is made clean on the way in.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: &str) -> Self {
        Self::toned(Tone::Normal, text)
    }

    pub(crate) fn toned(tone: Tone, text: &str) -> Self {
        Self { text: text::clean(text), tone }
    }
}

/// Rows under a head. Columns in which every cell is empty are left out.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table with `indent` blanks before each line, in at most the style's columns.
    pub(crate) fn render(&self, indent: usize, style: Style) -> String {
        let widths = self.widths(style.columns().saturating_sub(indent));
        let head = self.head.iter().map(|name| Cell::toned(Tone::Dim, name)).collect::<Vec<_>>();
        std::iter::once(&head).chain(&self.rows).map(|row| render_row(row, &widths, indent, style)).collect()
    }

    /// Whether no cell has to break in so many columns.
    pub(crate) fn fits(&self, columns: usize) -> bool {
        let used =
            self.widths(usize::MAX / 2).iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>();
        used <= columns + GAP
    }

    fn widths(&self, available: usize) -> Vec<usize> {
        let column =
            |at: usize| self.rows.iter().filter_map(move |row| row.get(at)).map(|cell| text::width(&cell.text));
        let widest = |(at, name): (usize, &&str)| match column(at).max().unwrap_or(0) {
            0 if !self.rows.is_empty() && !name.is_empty() => 0,
            widest => widest.max(text::width(name)),
        };
        let mut widths: Vec<usize> = self.head.iter().enumerate().map(widest).collect();
        let words: Vec<usize> =
            (0..self.head.len()).map(|at| self.longest_word(at).clamp(NARROWEST, WHOLE_WORD)).collect();
        let places = widths.iter().zip(&words).zip(&self.head);
        let places: Vec<usize> = places
            .map(|((width, word), name)| if name.is_empty() { (*width).min(WHOLE_CELL) } else { *word })
            .collect();
        shrink(&mut widths, available, &places);
        shrink(&mut widths, available, &words);
        let heads: Vec<usize> = self.head.iter().map(|name| text::width(name).max(NARROWEST)).collect();
        shrink(&mut widths, available, &heads);
        widths
    }

    fn longest_word(&self, at: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.as_str());
        cells.chain(self.head.get(at).copied()).flat_map(|text| text.split(' ')).map(text::width).max().unwrap_or(0)
    }
}

/// Takes columns from the widest one that is above its floor until all fit, or none is left.
fn shrink(widths: &mut [usize], available: usize, floors: &[usize]) {
    loop {
        let used = widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>();
        let candidates = widths.iter_mut().zip(floors).filter(|(width, floor)| **width > **floor);
        let Some((widest, _)) = candidates.max_by_key(|(width, _)| **width) else { return };
        if used <= available + GAP {
            return;
        }
        *widest -= 1;
    }
}

fn render_row(row: &[Cell], widths: &[usize], indent: usize, style: Style) -> String {
    let shown = row.iter().zip(widths).filter(|(_, width)| **width > 0);
    let cells: Vec<(Vec<String>, Tone, usize)> =
        shown.map(|(cell, width)| (text::wrap(&cell.text, *width), cell.tone, *width)).collect();
    let height = cells.iter().map(|(lines, ..)| lines.len()).max().unwrap_or(0);
    let mut out = String::new();
    for nth in 0..height {
        let mut line = " ".repeat(indent);
        let mut blank = 0;
        for (lines, tone, width) in &cells {
            let part = lines.get(nth).map_or("", String::as_str);
            if !part.is_empty() {
                line.push_str(&" ".repeat(std::mem::take(&mut blank)));
                line.push_str(&style.paint(*tone, part));
            }
            blank += width.saturating_sub(text::width(part)) + GAP;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
