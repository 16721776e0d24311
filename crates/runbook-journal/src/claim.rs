//! What the runs of a host are about to change: two that would change the same do not run at the same time, whatever state
//! directory each of them has.
//!
//! One file a run, locked for as long as its process lives, so that a claim dies with its holder. Those of root bind
//! everybody; those of another user bind that user, for nobody may keep root from its host.

use crate::holder::Holder;
use crate::{Error, StateDir};
use runbook_model::Resource;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where root claims: gone with the boot, as the processes are.
const OF_ROOT: &str = if cfg!(target_os = "macos") { "/var/run/runbook/claims" } else { "/run/runbook/claims" };
const ENDING: &str = "claim";

/// A claim. Dropping it, or dying, lets it go.
#[derive(Debug)]
pub struct Claim {
    /// Keeps the lock.
    _file: File,
    path: PathBuf,
}

/// What stands in a claim's file.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    pid: u32,
    user: String,
    doing: String,
    since: i64,
    state_dir: PathBuf,
    writes: Vec<Resource>,
}

impl Claim {
    /// Claims what a run writes, or says who has claimed a part of it. What is not known before the run (a path that a step
    /// puts out, a command that declares nothing) cannot be claimed. `None` where this user has no place for claims.
    pub fn stake(dir: &StateDir, holder: &Holder, writes: &[Resource]) -> Result<Option<Self>, Error> {
        let root = rustix::process::geteuid().is_root();
        let own = if root { Some(PathBuf::from(OF_ROOT)) } else { place_of_user() };
        // No step may change the root itself; whoever names it is refused when its turn comes, and keeps nobody out.
        let is_root = |one: &&Resource| matches!(one, Resource::Path(path) if path == Path::new("/"));
        let writes: Vec<Resource> = writes.iter().filter(|one| !is_root(one)).map(real).collect();
        let Some(own) = own.filter(|own| DirBuilder::new().recursive(true).mode(0o755).create(own).is_ok()) else {
            return Ok(None);
        };
        let failed = |source: io::Error| Error::StateDir { path: own.clone(), source };
        // One at a time looks and claims.
        let guard = open(&own.join("guard")).map_err(failed)?;
        flock(&guard, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let places = if root { vec![own.as_path()] } else { vec![own.as_path(), Path::new(OF_ROOT)] };
        for said in places.into_iter().flat_map(living) {
            let common = said.writes.iter().find(|theirs| writes.iter().any(|ours| overlap(ours, theirs)));
            if let (Some(common), false) = (common, said.state_dir == dir.path()) {
                let doing = format!(
                    "{}, which changes {common} too, with the state directory {}",
                    said.doing,
                    said.state_dir.display()
                );
                return Err(Error::Held(Holder { pid: said.pid, user: said.user, doing, since: said.since }));
            }
        }
        let path = own.join(format!("{}.{ENDING}", holder.pid));
        let mut file = open(&path).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let Holder { pid, user, doing, since } = holder.clone();
        let said = Said { pid, user, doing, since, state_dir: dir.path().to_owned(), writes };
        let text = serde_json::to_vec(&said).map_err(|error| failed(error.into()))?;
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(failed)?;
        Ok(Some(Self { _file: file, path }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // One that stays is not locked any more, and goes with the next look.
        let _ = fs::remove_file(&self.path);
    }
}

fn place_of_user() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute())?;
    Some(runtime.join("runbook/claims"))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)
}

/// The claims whose processes live; files of others are removed.
fn living(dir: &Path) -> Vec<Said> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(mut file) = path.extension().filter(|ending| *ending == ENDING).and_then(|_| File::open(&path).ok())
        else {
            continue;
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => drop(fs::remove_file(&path)),
            Err(_) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                found.extend(serde_json::from_str::<Said>(&text).ok());
            }
        }
    }
    found
}

/// The resource with a path as it is without links, as far as there is anything: one place has several names.
fn real(resource: &Resource) -> Resource {
    let Resource::Path(path) = resource else { return resource.clone() };
    let found = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let found = found.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)));
    Resource::Path(found.unwrap_or_else(|| path.clone()))
}

fn overlap(one: &Resource, other: &Resource) -> bool {
    match (one, other) {
        (Resource::Path(one), Resource::Path(other)) => one.starts_with(other) || other.starts_with(one),
        // Services of the embedded supervisor belong to one state directory, and a package may be installed in many places,
        // whose paths are claimed.
        (Resource::Process(_) | Resource::Package(_) | Resource::UnknownPath | Resource::Everything, _) => false,
        _ => one == other,
    }
}
