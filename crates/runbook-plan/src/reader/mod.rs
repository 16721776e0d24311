//! The only reader of YAML: text in, a tree of spanned nodes out.

mod document;
mod fault;
mod limits;
mod odd;
mod places;
mod plain;
mod raw;

pub use document::read;
