//! Who uses files that a person is about to put back, and bringing those services down and up around it.
//!
//! A service that runs meanwhile has open what is replaced, and writes what it has in memory over what was put back.

use crate::observed::AnyService;
use crate::process::Service;
use crate::systemd::{Place, Unit};
use crate::target_service::TargetService;
use runbook_host::{Host, Identity, Reader};
use runbook_model::{Failure, StepId};
use runbook_step::{Note, Work};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

/// Somebody who uses the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    how: String,
    /// The service; `None` for what is in a session, or in a manager that this user may not ask.
    service: Option<AnyService>,
}

impl User {
    fn of(service: AnyService, how: String) -> Self {
        let name = service.target().map_or_else(|| service.to_string(), TargetService::full_name);
        Self { name, how, service: Some(service) }
    }

    /// `redis-server.service: pid 12 (redis-server) uses /var/lib/redis`.
    pub fn line(&self) -> String {
        format!("{}: {}", self.name, self.how)
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Whether it is a service, which can be stopped and started again.
    pub fn is_service(&self) -> bool {
        self.target().is_some()
    }

    fn target(&self) -> Option<&dyn TargetService> {
        self.service.as_deref()?.target()
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
        let how = format!("pid {} ({}) uses {}", process.identity.pid, process.name, path.display());
        found.extend(belongs_to(host, &process.identity, &process.name, how)?);
    }
    for of_user in [false, true] {
        for (unit, how) in Unit::that_use(host, of_user, &trees)? {
            found.push(User::of(Arc::new(unit), how));
        }
    }
    // One unit or service is named once; of processes, each.
    let mut names = BTreeSet::new();
    found.retain(|user| names.insert(user.name.clone()));
    Ok(found)
}

/// Brings all of them down, in their order; `dir` is a directory of `runbook`'s own for the time being.
pub fn bring_down(host: &Host, dir: &Path, users: &[User]) -> Result<(), Failure> {
    with_work(host, dir, |work| {
        users.iter().try_for_each(|user| match user.target() {
            Some(service) => service.put_down(work),
            None => Err(Failure::refused(format!("{} is no service, and is not ended", user.name))),
        })
    })
}

/// Brings all of them up again, in the reverse order. Each has to be up then; the first that is not is the failure, after
/// all were tried. Says how each runs.
pub fn bring_up(host: &Host, dir: &Path, users: &[User]) -> Result<Vec<String>, Failure> {
    with_work(host, dir, |work| {
        let up = |user: &User| user.target().map_or(Ok(String::new()), |service| service.put_up(work));
        let tried: Vec<Result<String, Failure>> = users.iter().rev().map(up).collect();
        tried.into_iter().collect()
    })
}

/// `None` for the service manager itself, which has files of everybody open.
fn belongs_to(host: &Reader, process: &Identity, name: &str, how: String) -> Result<Option<User>, Failure> {
    if let Some(service) = Service::supervised_by(host, process)?.map(Service::named)
        && service.state(host)?.is_some()
    {
        return Ok(Some(User::of(Arc::new(service), how)));
    }
    let other = match Place::of(host, process)? {
        Some(place) if place.is_manager() => return Ok(None),
        Some(place) if place.is_session() || !place.unit.name.ends_with(".service") => None,
        Some(place) if place.of_user.is_some_and(|uid| uid != host.own_uid()) => Some(place.to_string()),
        Some(place) => return Ok(Some(User::of(Arc::new(place.unit), how))),
        None => None,
    };
    let name = other.unwrap_or_else(|| format!("pid {} ({name})", process.pid));
    Ok(Some(User { name, how, service: None }))
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
