//! Who uses files that a person is about to put back, and bringing those services down and up around it.
//!
//! A service that runs meanwhile has open what is replaced, and writes what it has in memory over what was put back.

use crate::manner::Manner;
use crate::process::{Life, Service};
use crate::systemd::{Place, Rise, Unit};
use runbook_host::{Host, Identity, Reader};
use runbook_model::{Failure, StepId};
use runbook_step::{Note, Work};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

/// Somebody who uses the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    who: Who,
    how: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Unit(Unit),
    Service(Service),
    /// In a session, or in a manager that this user may not ask.
    Other(String),
}

impl User {
    /// `redis-server.service: pid 12 (redis-server) uses /var/lib/redis`.
    pub fn line(&self) -> String {
        format!("{}: {}", self.name(), self.how)
    }

    /// Its name.
    pub fn name(&self) -> String {
        match &self.who {
            Who::Unit(unit) => unit.title(),
            Who::Service(service) => format!("service `{}`", service.name),
            Who::Other(name) => name.clone(),
        }
    }

    /// Whether it is a service, which can be stopped and started again.
    pub fn is_service(&self) -> bool {
        !matches!(self.who, Who::Other(_))
    }
}

/// Everybody who uses `paths` or something in them, each once: by what processes have open, and by what the running
/// units of systemd say that they use. This process and those that it runs in are left out.
pub fn users_of(host: &Reader, paths: &[PathBuf]) -> Result<Vec<User>, Failure> {
    let mut trees = paths.to_vec();
    for path in paths {
        trees.extend(host.canonical(path)?);
    }
    let mut own: Vec<u32> = host.ancestors(std::process::id())?.iter().map(|one| one.identity.pid).collect();
    own.push(std::process::id());
    let mut found: Vec<User> = Vec::new();
    for (process, path) in host.users_of(&trees)? {
        if own.contains(&process.identity.pid) {
            continue;
        }
        let Some(who) = belongs_to(host, &process.identity, &process.name)? else { continue };
        let how = format!("pid {} ({}) uses {}", process.identity.pid, process.name, path.display());
        add(&mut found, User { who, how });
    }
    for of_user in [false, true] {
        for (unit, how) in Unit::that_use(host, of_user, &trees)? {
            add(&mut found, User { who: Who::Unit(unit), how });
        }
    }
    Ok(found)
}

/// Brings all of them down, in their order; `dir` is a directory of `runbook`'s own for the time being.
pub fn bring_down(host: &Host, dir: &Path, users: &[User]) -> Result<(), Failure> {
    with_work(host, dir, |work| {
        users.iter().try_for_each(|user| match &user.who {
            Who::Unit(unit) => unit.bring_down(work, Manner::default()).map(drop),
            Who::Service(service) => service.stop(host).map(drop),
            Who::Other(name) => Err(Failure::refused(format!("{name} is no service, and is not ended"))),
        })
    })
}

/// Brings all of them up again, in the reverse order. Each has to be up then; the first that is not is the failure, after
/// all were tried. Says how each runs.
pub fn bring_up(host: &Host, dir: &Path, users: &[User]) -> Result<Vec<String>, Failure> {
    with_work(host, dir, |work| {
        let up = |user: &User| -> Result<String, Failure> {
            match &user.who {
                Who::Unit(unit) => {
                    let state = unit.bring_up(work, Manner::default(), Rise::Start, &[])?;
                    Ok(format!("{unit} is up, {}", state.words()))
                }
                Who::Service(service) => match (service.life(host)?, service.spec(host)?) {
                    (Life::Running(now), _) => Ok(format!("`{}` is up, {now}", service.name)),
                    (_, Some(spec)) => service.start(host, &spec).map(|_| format!("`{}` is up", service.name)),
                    (_, None) => Err(Failure::missing(format!("nothing says how `{}` is run", service.name))),
                },
                Who::Other(_) => Ok(String::new()),
            }
        };
        let tried: Vec<Result<String, Failure>> = users.iter().rev().map(up).collect();
        tried.into_iter().collect()
    })
}

/// One unit or service is named once; of processes, each.
fn add(found: &mut Vec<User>, user: User) {
    if !found.iter().any(|known| known.who == user.who) {
        found.push(user);
    }
}

/// `None` for the service manager itself, which has files of everybody open.
fn belongs_to(host: &Reader, process: &Identity, name: &str) -> Result<Option<Who>, Failure> {
    if let Some(service) = Service::supervised_by(host, process)?.map(Service::named)
        && service.state(host)?.is_some()
    {
        return Ok(Some(Who::Service(service)));
    }
    let other = || Some(Who::Other(format!("pid {} ({name})", process.pid)));
    Ok(match Place::of(host, process)? {
        Some(place) if place.is_manager() => None,
        Some(place) if place.is_session() || !place.unit.name.ends_with(".service") => other(),
        Some(place) if place.of_user.is_some_and(|uid| uid != host.own_uid()) => Some(Who::Other(place.to_string())),
        Some(place) => Some(Who::Unit(place.unit)),
        None => other(),
    })
}

/// What a step would be given.
fn with_work<T>(host: &Host, dir: &Path, act: impl FnOnce(&Work<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let step = StepId::new("restore").ok_or_else(|| Failure::failed("`restore` is no id of a step"))?;
    act(&Work {
        host,
        dir: &dir.join("restore"),
        step: &step,
        backups: &[],
        restore_points: &[],
        marks: &Json::Null,
        baseline: &[],
        evidence: &Mutex::default(),
        remains: &Mutex::default(),
        approvals: &RwLock::default(),
        now_ms: host.now_ms(),
        progress: &|_: Note| (),
    })
}
