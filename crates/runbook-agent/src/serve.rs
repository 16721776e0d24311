//! The agent: one process a state directory and user, which ends by itself when it had nothing to do for a while.

use crate::at_boot::{AtBoot, keep_while_needed};
use crate::conversation::converse;
use crate::epochs::Epochs;
use crate::error::Error;
use crate::hub::Hub;
use crate::link::Shared;
use crate::place::Place;
use runbook_engine::Control;
use runbook_model::Next;
use runbook_session::{CommandError, Session};
use runbook_wire::Contents;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long it stays when it has nothing to do: long enough for the next command of a person.
const IDLE: Duration = Duration::from_secs(60);
/// How long nobody is listened to where there is no room for another connection.
const BUSY: Duration = Duration::from_millis(100);
/// What is said to whoever connects before anything else: the connection is counted, and the agent does not end under it.
pub(crate) const READY: &[u8] = b"!";

/// What the agent is given.
pub struct Agent {
    /// Where it is.
    pub place: Place,
    /// This host, whose secrets of a controller are handed in.
    pub session: Session,
    /// Hears of the controls of each run that begins, for the signals of this process.
    pub on_run: Box<dyn Fn(UnboundedSender<Control>) + Send + Sync>,
    /// The version of `runbook`.
    pub version: String,
    /// This program, if the host is to settle with it a run that a reboot interrupts.
    pub at_boot: Option<PathBuf>,
}

/// Listens until nobody needs it any more. Returns at once where another process is the agent. Why it cannot is left for whoever started it.
pub fn serve(agent: Agent) -> Result<(), Error> {
    let why = agent.place.why();
    let served = listen(agent);
    if let Err(error) = &served {
        // Nobody reads what a process says that has left its login; where even this cannot be written, the one who waits gives up by time.
        let _ = fs::write(why, error.to_string());
    }
    served
}

fn listen(agent: Agent) -> Result<(), Error> {
    let Agent { place, session, on_run, version, at_boot } = agent;
    place.make()?;
    let Some(_lock) = alone(&place)? else { return Ok(()) };
    let socket = place.socket();
    // Whoever listened there is gone: the lock was free.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &socket)(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&socket).map_err(Error::io("listen at", &socket))?;
    let hub = Arc::new(Hub::default());
    let contents = Contents::at(place.kept().join("contents"));
    // Where nobody knows what is in use, everything stays.
    if let Ok(plans) = session.plans_in_use() {
        contents.sweep(|name| plans.iter().any(|plan| plan.contains(name)));
    }
    let epochs = Epochs::at(place.kept().join("epochs"));
    epochs.sweep();
    let at_boot = at_boot.and_then(|program| AtBoot::of(&place, program));
    keep_while_needed(&session, at_boot.as_ref())?;
    let retire = retiring(&place, &hub, at_boot.clone(), contents.clone(), session.clone());
    let shared =
        Arc::new(Shared { session, on_run, version, hub: Arc::clone(&hub), at_boot, contents, epochs, retire });
    let accept = move || listener.incoming().for_each(|stream| answer(&shared, stream));
    thread::Builder::new().name("accept".to_owned()).spawn(accept).map_err(Error::io("listen at", &socket))?;
    hub.wait_for_the_end(IDLE);
    // They are gone already where all of the agent's own was removed.
    [socket, place.lock()].iter().try_for_each(|path| match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    })
}

/// The lock of the one process that is the agent; it holds until it is dropped.
fn alone(place: &Place) -> Result<Option<File>, Error> {
    let path = place.lock();
    loop {
        let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(Error::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Whoever had it took the file away as they went, and another one may have its name by now.
            Ok(()) if !is_it(&file, &path) => {}
            Ok(()) => return Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(Error::io("lock", &path)(error.into())),
        }
    }
}

fn is_it(file: &File, path: &Path) -> bool {
    let [open, named] =
        [file.metadata(), fs::symlink_metadata(path)].map(|found| found.map(|found| (found.dev(), found.ino())).ok());
    open.is_some() && open == named
}

fn answer(shared: &Arc<Shared>, stream: io::Result<UnixStream>) {
    let Ok(mut stream) = stream else {
        // Too many files are open; later there may be room.
        thread::sleep(BUSY);
        return;
    };
    let Some(connected) = shared.hub.connected() else { return };
    if !is_own_user(&stream) {
        tracing::warn!("a process of another user was turned away");
        return;
    }
    let shared = Arc::clone(shared);
    let speak = move || {
        let said = stream.write_all(READY).map_err(Into::into).and_then(|()| converse(&shared, stream, connected));
        if let Err(error) = said {
            tracing::debug!("a conversation ended: {error}");
        }
    };
    if let Err(error) = thread::Builder::new().name("conversation".to_owned()).spawn(speak) {
        tracing::warn!("nobody can be listened to: {error}");
    }
}

/// Whether the process at the other end is of the same user. On systems that cannot tell, the directory keeps others out.
#[cfg(target_os = "linux")]
fn is_own_user(stream: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// Whether the process at the other end is of the same user. On systems that cannot tell, the directory keeps others out.
#[cfg(not(target_os = "linux"))]
fn is_own_user(_: &UnixStream) -> bool {
    true
}

/// Removes what the agent needs and no run, and names what is left.
fn retiring(
    place: &Place,
    hub: &Arc<Hub>,
    at_boot: Option<AtBoot>,
    contents: Contents,
    session: Session,
) -> Box<dyn Fn() -> Result<Vec<String>, CommandError> + Send + Sync> {
    let (place, hub) = (place.clone(), Arc::clone(hub));
    Box::new(move || {
        // Nothing begins between what is asked here and the end.
        let leaving = hub.leave().map_err(|run| {
            let what = format!("run {run} goes on, and this agent is at work on it");
            CommandError::refused(what).hint("retire it when the run is over")
        })?;
        if let Some(holder) = session.at_work()? {
            let what = format!("this host is held, and its agent may be needed: {}", holder.who);
            return Err(CommandError::refused(what).hint("retire it when that is over"));
        }
        let plans = session.plans_in_use()?;
        if contents.digests().iter().any(|digest| plans.iter().any(|plan| plan.contains(digest))) {
            let what = "a run that is not settled needs what was sent for it, which would go with the agent";
            return Err(CommandError::refused(what).hint(format!("`{}` says which", Next::Status)));
        }
        if let Some(at_boot) = &at_boot {
            at_boot.remove().map_err(|error| CommandError::refused(error.to_string()))?;
        }
        let kept = place.kept();
        match fs::remove_dir_all(&kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CommandError::refused(format!("cannot remove {}: {error}", kept.display())));
            }
            _ => {}
        }
        leaving.retire();
        // A directory that holds nothing else is nobody's.
        let _ = fs::remove_dir(place.state_dir());
        Ok(place.state_dir().exists().then(|| place.state_dir().display().to_string()).into_iter().collect())
    })
}
