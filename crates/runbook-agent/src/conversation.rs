//! A link to a controller, from its first frame to its end.

use crate::connection::{Connection, Question};
use crate::hub::Connected;
use crate::link::{Link, Out, Shared};
use runbook_session::{CommandError, Exit, now_ms};
use runbook_wire::{Frame, FrameReader, FromAgent, Hello, PROTOCOL, ToAgent, Welcome, WireError, agreed, superseded};
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How many questions may wait: a controller asks one at a time, and sends files in pieces.
const QUEUE: usize = 4;
/// For how long the first answer waits for older links of the same work, which may be at a question that takes its time.
const OLDER: Duration = Duration::from_secs(30);
/// A controller that says nothing for so long is gone: it pings far more often.
const SILENCE: Duration = Duration::from_secs(120);

/// Speaks with whoever is at the other end, until they hang up.
pub(crate) fn converse(shared: &Arc<Shared>, stream: UnixStream, connected: Connected) -> Result<(), WireError> {
    stream.set_read_timeout(Some(SILENCE))?;
    let whole = stream.try_clone()?;
    let spoken = speak(shared, stream, connected);
    // Whoever follows a run for this link stops as well. It may be gone already.
    let _ = whole.shutdown(Shutdown::Both);
    spoken
}

fn speak(shared: &Arc<Shared>, stream: UnixStream, connected: Connected) -> Result<(), WireError> {
    let whole = stream.try_clone()?;
    let out = Out::over(stream.try_clone()?);
    let mut frames = FrameReader::new(BufReader::new(stream));
    let Some(ToAgent::Hello(hello)) = frames.message()? else { return Err(WireError::OutOfTurn) };
    let refused = |error: CommandError| out.send(&FromAgent::Refused(Box::new(error)));
    if let Err(error) = understood(shared, &hello) {
        return refused(error);
    }
    let (work, epoch) = (hello.work.clone(), hello.epoch);
    shared.hub.supersede(&work, epoch, whole.try_clone()?, OLDER);
    match welcome(shared) {
        Ok(welcome) => out.send(&FromAgent::Welcome(Box::new(welcome)))?,
        Err(error) => {
            shared.hub.unlink(&work, epoch);
            return refused(error);
        }
    }
    let link = Arc::new(Link { out, hello });
    let mut connection = Connection {
        shared: Arc::clone(shared),
        link: Arc::clone(&link),
        session: shared.session.clone(),
        held: None,
        restoring: None,
        incoming: None,
        refused: false,
        _connected: connected,
    };
    // What takes its time is answered on a thread of its own: meanwhile it is heard whether the other side is still there.
    let (asked, questions) = sync_channel(QUEUE);
    let hangup = Hangup(whole);
    let answer = move || {
        let _whatever_happens = hangup;
        questions.into_iter().try_for_each(|question| connection.take(question))
    };
    let answering = thread::Builder::new().name("answers".to_owned()).spawn(answer)?;
    let heard = hear(shared, &mut frames, &link, &asked);
    drop(asked);
    // What this link held is let go with it.
    let answered = answering.join().unwrap_or(Err(WireError::Cut));
    shared.hub.unlink(&work, epoch);
    heard.and(answered)
}

/// Hands on what comes, except what waits for nothing.
fn hear(
    shared: &Shared,
    frames: &mut FrameReader<BufReader<UnixStream>>,
    link: &Link,
    asked: &SyncSender<Question>,
) -> Result<(), WireError> {
    while let Some(frame) = frames.frame()? {
        let question = match frame {
            Frame::Bytes(bytes) => Question::Bytes(bytes),
            Frame::Message(json) => match ToAgent::of(&json)? {
                Err(name) => Question::Unknown(name),
                Ok(ToAgent::Ping(nonce)) => {
                    link.out.send(&FromAgent::Pong(nonce))?;
                    continue;
                }
                Ok(ToAgent::Tell { run, control }) => {
                    link.tell(&shared.hub, &run, control);
                    continue;
                }
                Ok(message) => Question::Message(message),
            },
        };
        if asked.send(question).is_err() {
            // The answers have ended, and say why.
            return Ok(());
        }
    }
    Ok(())
}

/// Ends its link, so that whoever waits for an answer hears that none comes.
struct Hangup(UnixStream);

impl Drop for Hangup {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Whether both speak the same, and this is the last link of its work.
fn understood(shared: &Shared, hello: &Hello) -> Result<(), CommandError> {
    if agreed(PROTOCOL, hello.proto).is_none() {
        let (ours, theirs) = (PROTOCOL, hello.proto);
        let what = format!(
            "the agent (runbook {}) speaks the protocol {} to {}, and the controller (runbook {}) {} to {}",
            shared.version, ours.min, ours.max, hello.version, theirs.min, theirs.max
        );
        return Err(CommandError::new(Exit::Unreachable, what).hint("use the same version of runbook here and there"));
    }
    let seen = shared.epochs.enter(&hello.work, hello.epoch);
    match seen.map_err(|error| CommandError::refused(error.to_string()))? {
        Some(higher) => Err(superseded(&hello.operator, Some(higher))),
        None => Ok(()),
    }
}

fn welcome(shared: &Shared) -> Result<Welcome, CommandError> {
    Ok(Welcome {
        proto: PROTOCOL.max,
        version: shared.version.clone(),
        facts: shared.session.facts(),
        now_ms: now_ms(),
        holder: shared.session.at_work()?,
        at_work_on: shared.hub.at_work_on(),
        contents: shared.contents.dir().to_owned(),
    })
}
