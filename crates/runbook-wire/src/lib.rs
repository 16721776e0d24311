//! What a controller and the agent of a host say to each other, over any stream of bytes. Nothing here knows what carries it.

mod contents;
mod frame;
mod hello;
mod message;
mod superseded;

pub use contents::{ContentError, Contents, Incoming, piece};
pub use frame::{Frame, FrameReader, LARGEST_FRAME, LARGEST_MESSAGE, WireError, write_bytes, write_message};
pub use hello::{Hello, PROTOCOL, Versions, Welcome, agreed};
pub use message::{Done, FromAgent, Held, Lack, ToAgent};
pub use superseded::superseded;
