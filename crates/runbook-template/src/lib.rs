//! Templates in scalars and `if` expressions: what they read, checked before anything runs, and how they are rendered.
//!
//! The language is a part of Jinja (minijinja, strict mode). Which names exist is judged by `runbook-plan`; this crate
//! knows no plan, only texts and values.

mod budget;
mod engine;
mod error;
mod names;
mod render;
mod rules;
mod scan;
mod scope;
mod versions;

pub use budget::size;
pub use error::TemplateError;
pub use names::Use;
pub use render::{Renderer, condition, render_node, render_text};
pub use rules::{FILTERS, TESTS};
pub use scan::{expression_uses, has_template, is_expression, uses};
pub use scope::Scope;
