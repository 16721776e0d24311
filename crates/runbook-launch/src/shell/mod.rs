//! What a shell script starts, by reading it: assignments, tests, `cd`, files that are read in, nvm, and the command line at
//! its end. That is what wrappers of services and nvm need; each other construct is unclear, with its name and its line
//! ([decision 30](../../../../docs/decisions/0030-a-small-shell-reader.md)).
//!
//! `parser.rs` makes commands of the text (`syntax.rs`), one line after the other, with words from `words.rs` and its place from `cursor.rs`; `run.rs` goes through them with what
//! `state.rs` holds; `builtins.rs` knows the shell's own commands, `files.rs` what they ask of the host, `nvm.rs` the function
//! `nvm`, `expand.rs` words, `output.rs` substitutions, `conditions.rs` tests and `patterns.rs` patterns.

mod begin;
mod builtins;
mod conditions;
mod cursor;
mod expand;
mod files;
mod nvm;
mod output;
mod parser;
mod patterns;
mod run;
mod state;
mod syntax;
#[cfg(test)]
mod tests;
mod words;

pub(super) use begin::{Dialect, run};
