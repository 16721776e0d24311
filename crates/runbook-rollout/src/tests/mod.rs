//! The laws of `decide`, tried on random rollouts over an estate that loses, delays, repeats and reorders messages.
//!
//! `script` says what a rollout will meet, `host` is one of its hosts, `world` plays it, `laws` are held at every record, `mutations`
//! break `decide` on purpose, and `waves`, `stories` and `found` are single cases, `by_hand` plays those
//! whose hosts do what the test says.

mod by_hand;
mod found;
mod host;
mod laws;
mod mutations;
mod script;
mod stories;
mod waves;
mod world;
