//! A link to an agent: what is sent and what comes, and when it counts as lost.

use runbook_engine::Control;
use runbook_wire::{FrameReader, FromAgent, ToAgent, write_bytes, write_message};
use std::any::Any;
use std::io::{BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// A link on which nothing comes for so long is asked whether anybody is there.
const QUIET: Duration = Duration::from_secs(10);
/// A link on which nothing comes for so long is lost.
const DEAD: Duration = Duration::from_secs(35);

/// A stream of bytes to `runbook agent attach` on a host, whatever carries it.
pub struct Stream {
    /// What comes.
    pub reader: Box<dyn Read + Send>,
    /// What goes.
    pub writer: Box<dyn Write + Send>,
    /// What carries it; dropping it ends the link.
    pub carrier: Box<dyn Any + Send>,
}

/// What a controller that waits hears.
pub(crate) enum Heard {
    /// From the agent, over the link of that number.
    Agent(u64, FromAgent),
    /// That link is lost, in words.
    Lost(u64, String),
    /// From whoever steers the run here.
    Steered(Control),
}

/// The link is lost, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost(pub(crate) String);

/// One link.
pub(crate) struct Link {
    number: u64,
    writer: Box<dyn Write + Send>,
    heard_at: Instant,
    asked_at: Instant,
    _carrier: Box<dyn Any + Send>,
}

impl Link {
    /// The link of that number over `stream`. What comes goes to `inbox`.
    pub(crate) fn over(stream: Stream, number: u64, inbox: Sender<Heard>) -> Result<Self, Lost> {
        let Stream { reader, writer, carrier } = stream;
        let hear = move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let why = loop {
                match frames.message() {
                    Ok(Some(message)) => match inbox.send(Heard::Agent(number, message)) {
                        Ok(()) => {}
                        Err(_) => return,
                    },
                    Ok(None) => break "the other side hung up".to_owned(),
                    Err(error) => break error.to_string(),
                }
            };
            // Nobody waits any more, then.
            let _ = inbox.send(Heard::Lost(number, why));
        };
        thread::Builder::new().name("link".to_owned()).spawn(hear).map_err(|error| Lost(error.to_string()))?;
        let now = Instant::now();
        Ok(Self { number, writer, heard_at: now, asked_at: now, _carrier: carrier })
    }

    pub(crate) fn send(&mut self, message: &ToAgent) -> Result<(), Lost> {
        write_message(&mut self.writer, message).map_err(|error| Lost(error.to_string()))
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        write_bytes(&mut self.writer, bytes).map_err(|error| Lost(error.to_string()))
    }

    /// What comes next over this link, or from whoever steers. What comes of older links is passed over.
    pub(crate) fn hear(&mut self, inbox: &Receiver<Heard>) -> Result<Said, Lost> {
        loop {
            match inbox.recv_timeout(QUIET) {
                Ok(Heard::Steered(control)) => return Ok(Said::Here(control)),
                Ok(Heard::Agent(number, message)) if number == self.number => {
                    self.heard_at = Instant::now();
                    if !matches!(message, FromAgent::Pong(_)) {
                        return Ok(Said::There(Box::new(message)));
                    }
                }
                Ok(Heard::Lost(number, why)) if number == self.number => return Err(Lost(why)),
                Ok(Heard::Agent(..) | Heard::Lost(..)) => {}
                Err(RecvTimeoutError::Timeout) => self.ask_whether_anybody_is_there()?,
                Err(RecvTimeoutError::Disconnected) => return Err(Lost("nobody listens any more".to_owned())),
            }
        }
    }

    fn ask_whether_anybody_is_there(&mut self) -> Result<(), Lost> {
        if self.heard_at.elapsed() > DEAD {
            return Err(Lost(format!("nothing came for {} s", DEAD.as_secs())));
        }
        if self.asked_at.elapsed() >= QUIET {
            self.asked_at = Instant::now();
            return self.send(&ToAgent::Ping(self.number));
        }
        Ok(())
    }
}

/// What came, and from where.
pub(crate) enum Said {
    /// From the agent.
    There(Box<FromAgent>),
    /// From whoever steers the run here.
    Here(Control),
}
