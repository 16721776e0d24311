//! Why a template is refused.

use std::ops::Range;

/// Why a template cannot be read or rendered. Ranges are bytes of the text that was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not well-formed, or uses a part of the language that plans do not have.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where, if that is known.
        range: Option<Range<usize>>,
    },
    /// It uses a filter, a test or a function that does not exist.
    #[error("there is no {what} `{name}`")]
    UnknownName {
        /// `filter`, `test` or `function`.
        what: &'static str,
        /// The name.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<&'static str>,
        /// Where the name stands.
        range: Range<usize>,
    },
    /// It would be rendered to more than so many bytes.
    #[error("it would be rendered to more than {} MiB", most >> 20)]
    TooLarge {
        /// The limit.
        most: usize,
    },
    /// It is well-formed and fails on the values. The message holds no value where a secret takes part.
    #[error("{message}")]
    Render {
        /// What is wrong.
        message: String,
    },
}

impl TemplateError {
    /// Where in the text the fault is, if that is known.
    pub fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Syntax { range, .. } => range.clone(),
            Self::UnknownName { range, .. } => Some(range.clone()),
            Self::TooLarge { .. } | Self::Render { .. } => None,
        }
    }

    pub(crate) fn syntax(message: impl Into<String>, range: Range<usize>) -> Self {
        Self::Syntax { message: message.into(), range: Some(range) }
    }

    pub(crate) fn render(message: impl Into<String>) -> Self {
        Self::Render { message: message.into() }
    }
}
