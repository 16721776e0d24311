//! What a step read for people to judge, such as a changelog: lines, and why some of them matter here.

use crate::Outputs;
use serde::{Deserialize, Serialize};

/// The output under which a step says how its output `text` is shown: `{ "title": …, "marks": [{ "line": 0, "because": […] }] }`.
pub const EXCERPT_KEY: &str = "excerpt";

/// A text with marks, as a step put it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// What it is.
    pub title: String,
    /// Its lines.
    pub lines: Vec<ExcerptLine>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptLine {
    /// Its text, without its end.
    pub text: String,
    /// Why it matters to this plan; empty for most lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
}

/// What a step puts out beside `text`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptNotes {
    /// What the text is.
    pub title: String,
    /// The marked lines, from 0, in their order.
    pub marks: Vec<Mark>,
}

/// Why one line matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which line of the text, from 0.
    pub line: usize,
    /// Why: words of the plan, or `breaking`.
    pub because: Vec<String>,
}

impl Excerpt {
    /// The text that `outputs` hold for people; `None` for most steps, and where there was nothing to read.
    pub fn of(outputs: &Outputs) -> Option<Self> {
        let notes: ExcerptNotes = serde_json::from_value(outputs.get(EXCERPT_KEY)?.clone()).ok()?;
        let text = outputs.get("text")?.as_str()?;
        let mut lines: Vec<ExcerptLine> =
            text.lines().map(|line| ExcerptLine { text: line.to_owned(), marks: Vec::new() }).collect();
        for mark in notes.marks {
            if let Some(line) = lines.get_mut(mark.line) {
                line.marks = mark.because;
            }
        }
        (!lines.is_empty()).then_some(Self { title: notes.title, lines })
    }

    /// How many lines are marked.
    pub fn marked(&self) -> usize {
        self.lines.iter().filter(|line| !line.marks.is_empty()).count()
    }
}

impl ExcerptLine {
    /// Whether it is a heading in Markdown.
    pub fn is_heading(&self) -> bool {
        self.text.starts_with('#')
    }
}
