//! The corpus of plans in `tests/`: what `check` says of the broken ones, and that it says nothing of the sound ones.
//!
//! A plan's name says what is in it. A first line `# args: …` holds further arguments of `check`. Snapshots stand beside
//! the plans; who changes one reads it as the author of that plan would.
#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

mod broken;
mod corpus;
mod inventories;
mod mutated;
mod playbooks;
mod rollouts;
mod schema;
mod sound;
