//! The only reader of YAML: text in, a tree of spanned nodes out.

mod document;
mod fault;
mod odd;
mod plain;
mod raw;

pub use document::read;
