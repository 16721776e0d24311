//! A link to an agent: what is sent and what comes, and when it counts as lost.

use runbook_engine::Control;
use runbook_model::RunId;
use runbook_wire::{Frame, FrameReader, FromAgent, ToAgent, WireError, write_bytes, write_message};
use std::io::{BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A link on which nothing comes for so long is asked whether anybody is there.
const QUIET: Duration = Duration::from_secs(10);
/// How often the agent hears of a controller that asks nothing.
const PINGS: Duration = Duration::from_secs(30);
/// A link on which nothing comes for so long is lost.
const DEAD: Duration = Duration::from_secs(35);

/// A stream of bytes to `runbook agent attach` on a host, whatever carries it.
pub struct Stream {
    /// What comes.
    pub reader: Box<dyn Read + Send>,
    /// What goes.
    pub writer: Box<dyn Write + Send>,
    /// What carries it; dropping it ends the link.
    pub carrier: Box<dyn Carrier>,
}

/// What carries a stream.
pub trait Carrier: Send {
    /// What was said beside the stream, for people; may be empty.
    fn said(&self) -> String;
}

impl Carrier for crate::ssh::Link {
    fn said(&self) -> String {
        self.said()
    }
}

/// What a controller that waits hears.
pub(crate) enum Heard {
    /// From the agent, over the link of that number.
    Agent(u64, FromAgent),
    /// Bytes of a file, over the link of that number.
    Bytes(u64, Vec<u8>),
    /// That link is lost, in words.
    Lost(u64, String),
    /// From whoever steers that run here.
    Steered(RunId, Control),
}

/// How much may wait to be heard: a host that floods this side waits itself.
pub(crate) const UNHEARD: usize = 64;

/// The link is lost, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost(pub(crate) String);

/// One link.
pub(crate) struct Link {
    number: u64,
    writer: Shared,
    heard_at: Instant,
    asked_at: Instant,
    carrier: Box<dyn Carrier>,
    /// Ends the pings.
    _there: Sender<()>,
}

/// The way to the agent, for what is asked and for pings.
type Shared = Arc<Mutex<Box<dyn Write + Send>>>;

impl Link {
    /// The link of that number over `stream`. What comes goes to `inbox`.
    pub(crate) fn over(stream: Stream, number: u64, inbox: SyncSender<Heard>) -> Result<Self, Lost> {
        let Stream { reader, writer, carrier } = stream;
        let hear = move || {
            let mut frames = FrameReader::new(BufReader::new(reader));
            let why = loop {
                let heard = match frames.frame() {
                    Ok(Some(Frame::Message(json))) => match serde_json::from_slice(&json) {
                        Ok(message) => Heard::Agent(number, message),
                        Err(error) => break WireError::from(error).to_string(),
                    },
                    Ok(Some(Frame::Bytes(bytes))) => Heard::Bytes(number, bytes),
                    Ok(None) => break "the other side hung up".to_owned(),
                    Err(error) => break error.to_string(),
                };
                if inbox.send(heard).is_err() {
                    return;
                }
            };
            // It may quote what came, which is not for a terminal. Nobody waits any more, if this cannot be told.
            let _ = inbox.send(Heard::Lost(number, runbook_host::without_escapes(&why)));
        };
        thread::Builder::new().name("link".to_owned()).spawn(hear).map_err(|error| Lost(error.to_string()))?;
        let (writer, (there, gone)) = (Arc::new(Mutex::new(writer)), channel());
        let pinged = Arc::downgrade(&writer);
        // The agent takes who says nothing for gone, and a person may think about a question for long.
        let ping = move || {
            while gone.recv_timeout(PINGS) == Err(RecvTimeoutError::Timeout) {
                let Some(writer) = pinged.upgrade() else { return };
                // That the link is lost is found by whoever waits for something.
                let _ = write_message(&mut *locked(&writer), &ToAgent::Ping(number));
            }
        };
        thread::Builder::new().name("pings".to_owned()).spawn(ping).map_err(|error| Lost(error.to_string()))?;
        let now = Instant::now();
        Ok(Self { number, writer, heard_at: now, asked_at: now, carrier, _there: there })
    }

    pub(crate) fn send(&mut self, message: &ToAgent) -> Result<(), Lost> {
        write_message(&mut *locked(&self.writer), message).map_err(|error| Lost(error.to_string()))
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        write_bytes(&mut *locked(&self.writer), bytes).map_err(|error| Lost(error.to_string()))
    }

    /// What was said beside the link, for people.
    pub(crate) fn said(&self) -> String {
        self.carrier.said()
    }

    /// What comes next over this link, or from whoever steers. What comes of older links is passed over.
    pub(crate) fn hear(&mut self, inbox: &Receiver<Heard>) -> Result<Said, Lost> {
        loop {
            match inbox.recv_timeout(QUIET) {
                Ok(Heard::Steered(run, control)) => return Ok(Said::Here(run, control)),
                Ok(Heard::Agent(number, message)) if number == self.number => {
                    self.heard_at = Instant::now();
                    if !matches!(message, FromAgent::Pong(_)) {
                        return Ok(Said::There(Box::new(message)));
                    }
                }
                Ok(Heard::Bytes(number, bytes)) if number == self.number => {
                    self.heard_at = Instant::now();
                    return Ok(Said::Bytes(bytes));
                }
                Ok(Heard::Lost(number, why)) if number == self.number => return Err(Lost(why)),
                Ok(Heard::Agent(..) | Heard::Bytes(..) | Heard::Lost(..)) => {}
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

fn locked(writer: &Shared) -> MutexGuard<'_, Box<dyn Write + Send>> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came, and from where.
pub(crate) enum Said {
    /// From the agent.
    There(Box<FromAgent>),
    /// Bytes of a file from there.
    Bytes(Vec<u8>),
    /// From whoever steers that run here.
    Here(RunId, Control),
}

/// Bytes came that nobody asked for.
pub(crate) fn unasked() -> Lost {
    Lost("bytes of a file came where a message was due".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::mpsc::sync_channel;

    struct Nothing;

    impl Carrier for Nothing {
        fn said(&self) -> String {
            String::new()
        }
    }

    /// Frames that are there at once, and who hears that the last was read.
    struct Flood(io::Cursor<Vec<u8>>, Sender<()>);

    impl Read for Flood {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            if count == 0 {
                let _ = self.1.send(());
            }
            Ok(count)
        }
    }

    #[test]
    fn what_nobody_hears_yet_waits_on_the_other_side() {
        const FRAMES: usize = 4 * UNHEARD;
        let mut frames = Vec::new();
        (0..FRAMES).for_each(|_| write_message(&mut frames, &FromAgent::Released).unwrap());
        let (read, all_read) = channel();
        let (to_inbox, inbox) = sync_channel(UNHEARD);
        let reader = Box::new(Flood(io::Cursor::new(frames), read));
        let stream = Stream { reader, writer: Box::new(io::sink()), carrier: Box::new(Nothing) };
        let mut link = Link::over(stream, 1, to_inbox).unwrap();
        assert!(all_read.recv_timeout(Duration::from_millis(200)).is_err(), "it is all in memory");
        for _ in 0..FRAMES {
            assert!(matches!(link.hear(&inbox), Ok(Said::There(_))));
        }
        assert!(all_read.recv_timeout(Duration::from_secs(20)).is_ok());
        assert!(link.hear(&inbox).is_err(), "it hung up");
    }
}
