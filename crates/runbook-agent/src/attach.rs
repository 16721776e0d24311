//! What a link ends in: bytes go to the agent and come from it. Nothing here understands them.

use crate::detach::start;
use crate::error::Error;
use crate::place::Place;
use crate::serve::READY;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the agent may take to listen after it was started.
const STARTS: Duration = Duration::from_secs(30);
/// After how long another one is started where none listens.
const AGAIN: Duration = Duration::from_secs(3);
/// The time between two looks whether it does.
const LOOK: Duration = Duration::from_millis(10);

/// Copies `input` to the agent at `place` and what it says to `output`, until one of them ends. Starts the agent with
/// `program`, which is `runbook` itself, where there is none.
pub fn attach(
    place: &Place,
    program: &Path,
    mut input: impl Read + Send + 'static,
    mut output: impl Write,
) -> Result<(), Error> {
    let mut agent = reach(place, program)?;
    let mut to_agent = agent.try_clone()?;
    let send = move || {
        // However the link ends, the agent is to hear of it.
        let _ = copy(&mut input, &mut to_agent);
        let _ = to_agent.shutdown(Shutdown::Write);
    };
    thread::Builder::new().name("to the agent".to_owned()).spawn(send)?;
    copy(&mut agent, &mut output).map_err(Into::into)
}

/// Hands on at once what there is.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(buffer.get(..count).unwrap_or_default())?;
                to.flush()?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A connection that the agent has counted.
fn reach(place: &Place, program: &Path) -> Result<UnixStream, Error> {
    place.make()?;
    let end = Instant::now() + STARTS;
    let (mut started, mut started_at) = (0, None::<Instant>);
    // What an earlier one left is no news.
    let _ = fs::remove_file(place.why());
    loop {
        if let Some(agent) = connect(place)? {
            return Ok(agent);
        }
        let silent = |why: String| Error::Silent { socket: place.socket(), why };
        if Instant::now() > end {
            return Err(silent(format!("it did not listen within {} s", STARTS.as_secs())));
        }
        // It may say it just before the next one is started, which begins without it.
        if started > 0
            && let Ok(why) = fs::read_to_string(place.why())
        {
            // Told once: the next one may come to more.
            let _ = fs::remove_file(place.why());
            return Err(silent(why));
        }
        // One that was about to end kept the new one away. That two are started does no harm: one of them is the agent.
        if started_at.is_none_or(|at| at.elapsed() > AGAIN) {
            start(place, program, started).map_err(silent)?;
            started += 1;
            started_at = Some(Instant::now());
        }
        thread::sleep(LOOK);
    }
}

/// `None` where nobody listens, or where the agent ends just now.
fn connect(place: &Place) -> Result<Option<UnixStream>, Error> {
    let socket = place.socket();
    let mut agent = match UnixStream::connect(&socket) {
        Ok(agent) => agent,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(Error::io("connect to", socket)(error)),
    };
    let mut said = [0; READY.len()];
    // One that is stopped says nothing.
    agent.set_read_timeout(Some(STARTS))?;
    let read = agent.read_exact(&mut said);
    agent.set_read_timeout(None)?;
    match read {
        Ok(()) if said == READY => Ok(Some(agent)),
        _ => Ok(None),
    }
}
