//! What a shell script starts, by reading it: `exec` lines, variables, conditions about files, files that are read in.
//!
//! `lexer.rs` and `parser.rs` make commands of the text (`syntax.rs`); `run.rs` goes through them with what `state.rs` holds,
//! `builtins.rs` knows the shell's own commands, `expand.rs` words, `output.rs` substitutions, `conditions.rs` tests and
//! `patterns.rs` patterns.
//! A value that only running the script could tell is `None`, and whatever depends on it is not followed.

mod begin;
mod builtins;
mod conditions;
mod expand;
mod lexer;
mod output;
mod parser;
mod patterns;
mod run;
mod state;
mod syntax;
#[cfg(test)]
mod tests;

pub(super) use begin::{Dialect, run};
