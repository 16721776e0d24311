//! The agent of a host: the session library behind a socket, which outlives the link that asked for it.
//!
//! [`attach`] is what a link ends in: it copies bytes to the socket of the agent, which it starts where there is none.
//! [`serve`] is the agent itself. It has no rule of its own: what it is asked, the [`Session`](runbook_session::Session) answers.

mod at_boot;
mod attach;
mod by_hand;
mod connection;
mod conversation;
mod detach;
mod epochs;
mod error;
mod follow;
mod hub;
mod link;
mod place;
mod serve;

pub use attach::attach;
pub use error::Error;
pub use place::Place;
pub use serve::{Agent, serve};
