//! How a service was when it was read.

use serde::{Deserialize, Serialize};

/// How a service was when it was read at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSeen {
    /// Whether it was up; `None` if it was not read.
    pub up: Option<bool>,
    /// In a few words: `inactive`, or why it was not read; empty where nothing can read it.
    pub words: String,
    /// The command that brings it up, where somebody knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

impl ServiceSeen {
    /// It was not read, and why.
    pub fn unread(why: impl Into<String>) -> Self {
        Self { up: None, words: why.into(), start: None }
    }
}
