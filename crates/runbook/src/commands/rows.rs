//! Results that come one after the other, each shown as the format wants it.

use crate::cli::Format;
use crate::screen::Screen;
use runbook_report::clean;
use runbook_session::CommandError;
use serde_json::{Value, json};

/// Shows one line of a result at once; for `--format json` it is kept until all are known.
pub(super) fn row(screen: &Screen, rows: &mut Vec<Value>, text: &str, value: Value) -> Result<(), CommandError> {
    match screen.format {
        Format::Text => screen.text(&clean_lines(text))?,
        Format::Ndjson => screen.json(&value)?,
        Format::Json => rows.push(value),
    }
    Ok(())
}

/// Ends what [`row`] began.
pub(super) fn finish(screen: &Screen, rows: &[Value]) -> Result<(), CommandError> {
    if screen.format == Format::Json { screen.json(&json!(rows)) } else { Ok(()) }
}

/// The lines of a result with nothing in them that a terminal obeys: names of files and of other hosts are in them.
pub(super) fn clean_lines(text: &str) -> String {
    text.lines().map(|line| clean(line) + "\n").collect()
}
