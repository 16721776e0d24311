//! How much one template may make: values that are used again and again multiply, and nothing of them is needed.

use crate::error::TemplateError;
use crate::names::Use;
use crate::scope::Scope;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::{self, Write};

/// The most bytes that a scalar of a plan may be rendered to.
pub(crate) const MOST: usize = 4 << 20;
/// The most bytes that a whole file may be rendered to.
pub(crate) const MOST_OF_A_FILE: usize = 64 << 20;
/// What a filter says that would make more.
pub(crate) const TOO_LARGE: &str = "the text would be too large";

/// Refuses names whose values together are more than a scalar may be, before any of them is copied. Operators and
/// filters make little more of them than their sum; those that could make more look for themselves.
pub(crate) fn affordable(uses: &[Use], scope: &Scope) -> Result<(), TemplateError> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut sum: usize = 0;
    for name in uses {
        if let [root, variable, ..] = name.path.as_slice()
            && root == "vars"
        {
            let size = known.entry(variable).or_insert_with(|| scope.vars.get(variable).map_or(0, size));
            sum = sum.saturating_add(*size);
        }
    }
    if sum <= MOST { Ok(()) } else { Err(TemplateError::TooLarge { most: MOST }) }
}

/// About how many bytes a value takes, as text.
pub fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(|item| size(item) + 8).sum(),
        Json::Object(fields) => fields.iter().map(|(key, value)| key.len() + size(value) + 8).sum(),
    }
}

/// A text that takes no more than so many bytes.
pub(crate) struct Limited {
    pub(crate) text: Vec<u8>,
    pub(crate) most: usize,
    pub(crate) is_full: bool,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.most {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
