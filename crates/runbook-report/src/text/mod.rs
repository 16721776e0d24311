//! Text as it is shown: made safe for a terminal in `safe.rs`, laid out in `columns.rs`.

mod columns;
mod safe;

pub use columns::wrap;
pub(crate) use columns::{cut, hang, pad, short, to_ascii, width, wrap_around_code};
pub use safe::clean;
pub(crate) use safe::{clean_lines, is_unsafe, safe_json, visible};
