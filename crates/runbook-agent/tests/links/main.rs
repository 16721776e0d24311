//! A controller and an agent over links that are cut: what begins, begins once, and nothing of it is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod carrying;
mod cuts;
mod reserved;
mod rollout;
mod stage;
mod two;
