//! Jobs of systemd over D-Bus: asking for one, and waiting for the result that systemd itself gives it.
//!
//! What the results mean, and the way without a bus, is in `job.rs`.

use runbook_host::{Host, Reader};
use runbook_model::{Failure, FailureKind};
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use zbus::address::transport::{Transport, Unix, UnixSocket};
use zbus::export::futures_core::Stream;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, MatchRule, MessageStream};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const OBJECT: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// How long systemd may take to answer a call. It answers nobody while it reads its files again.
const ANSWER: Duration = Duration::from_secs(90);
/// How long the bus may take until a call can be made; one that is there and does not answer counts as none.
const REACHED: Duration = Duration::from_secs(20);
/// How many ends of other jobs may come in before the answer to our call; beyond that the connection would block.
const QUEUE: usize = 4096;

/// What came of asking for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BusAnswer {
    /// There is no bus, or no systemd on it: nothing was asked.
    NoBus,
    /// systemd made no job: the name of the error, and what it says.
    Refused(String, String),
    /// The job is over, with this result of systemd's: `done`, `failed`, `canceled`, …
    Over(String),
}

/// Calls `method` of systemd's manager (`StartUnit` and its like) for `unit` with a mode of jobs, and waits until the job that it
/// makes is over. A cancel and the step's deadline end the waiting, not the job.
pub(super) fn unit_job(
    host: &Host,
    user: bool,
    (method, mode): (&'static str, &'static str),
    unit: &str,
) -> Result<BusAnswer, Failure> {
    host.still_wanted()?;
    let answer = async {
        let reached = tokio::time::timeout(REACHED, manager(host, user)).await;
        let Some((bus, mut ends)) = reached.ok().flatten() else { return Ok(BusAnswer::NoBus) };
        host.act()?;
        let body = (unit, mode);
        let job = match bus.call_method(Some(SYSTEMD), OBJECT, Some(MANAGER), method, &body).await {
            Ok(reply) => reply.body().deserialize::<OwnedObjectPath>().map_err(|error| lost(unit, &error))?,
            Err(error) => return refused(unit, error),
        };
        result_of(unit, &job, &mut ends).await.map(BusAnswer::Over)
    };
    host.wait(None, answer).unwrap_or_else(|kind| Err(unwanted(unit, kind)))
}

/// A connection to the manager, and the ends of jobs from now on. They are asked for before the job, so that none is
/// missed.
async fn manager(host: &Reader, user: bool) -> Option<(Connection, MessageStream)> {
    let socket = if user { host.runtime_dir()?.join("bus") } else { Path::new("/run/dbus/system_bus_socket").into() };
    let address = Transport::Unix(Unix::new(UnixSocket::File(socket)));
    let bus = zbus::connection::Builder::address(address).method_timeout(ANSWER).build().await.ok()?;
    let ended = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(SYSTEMD)
        .path(OBJECT)
        .interface(MANAGER)
        .member("JobRemoved")
        .build()
        .ok()?;
    let ends = MessageStream::for_match_rule(ended, &bus, NonZeroUsize::new(QUEUE)).await.ok()?;
    bus.call_method(Some(SYSTEMD), OBJECT, Some(MANAGER), "Subscribe", &()).await.ok()?;
    Some((bus, ends))
}

/// The operator cancels, or the step's time is up.
fn unwanted(unit: &str, kind: FailureKind) -> Failure {
    let why = if kind == FailureKind::TimedOut { "the time is up" } else { "cancelled by the operator" };
    Failure::new(kind, format!("{why} while systemd works on {unit}"))
        .hint("systemd goes on with it: `systemctl list-jobs` shows how far it is")
}

async fn result_of(unit: &str, job: &OwnedObjectPath, ends: &mut MessageStream) -> Result<String, Failure> {
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut *ends).poll_next(context)).await;
        let message = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(lost(unit, &error)),
            None => return Err(lost(unit, &"it was closed")),
        };
        let (_, path, _, result): (u32, OwnedObjectPath, String, String) =
            message.body().deserialize().map_err(|error| lost(unit, &error))?;
        if path == *job {
            return Ok(result);
        }
    }
}

fn refused(unit: &str, error: zbus::Error) -> Result<BusAnswer, Failure> {
    match error {
        zbus::Error::MethodError(name, text, _) => {
            Ok(BusAnswer::Refused(name.to_string(), text.unwrap_or_else(|| name.to_string())))
        }
        zbus::Error::FDO(error) => {
            use zbus::DBusError;
            let text = error.description().unwrap_or_default().to_owned();
            Ok(BusAnswer::Refused(error.name().to_string(), text))
        }
        other => Err(lost(unit, &other)),
    }
}

fn lost(unit: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("the connection to systemd was lost while it worked on {unit}: {why}"))
        .hint("look at the unit with `systemctl status`, then resume or roll back")
}
