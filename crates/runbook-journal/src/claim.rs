//! What the runs of a host are about to change: two that would change the same do not run at the same time, whatever state
//! directory each of them has.
//!
//! One file a claim, locked for as long as its process lives, so that a claim dies with its holder. Those of root bind
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
use std::sync::atomic::{AtomicU32, Ordering};

/// Where root claims: gone with the boot, as the processes are.
const OF_ROOT: &str = if cfg!(target_os = "macos") { "/var/run/runbook/claims" } else { "/run/runbook/claims" };
const ENDING: &str = "claim";

/// Numbers the claims of this process, which may be at work in several state directories.
static STAKED: AtomicU32 = AtomicU32::new(0);

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
    #[serde(flatten)]
    holder: Holder,
    state_dir: PathBuf,
    writes: Vec<Resource>,
}

impl Claim {
    /// Claims what a run writes, or says who has claimed a part of it. What is not known before the run (a path that a step
    /// puts out, a command that declares nothing) cannot be claimed. `None` where this user has no place for claims.
    pub fn stake(dir: &StateDir, holder: &Holder, writes: &[Resource]) -> Result<Option<Self>, Error> {
        let root = rustix::process::geteuid().is_root();
        let own = if root { Some(PathBuf::from(OF_ROOT)) } else { place_of_user() };
        // No step may change the root itself; a step that names it is refused when its turn comes, and keeps nobody out.
        let is_root = |one: &&Resource| matches!(one, Resource::Path(path) if path == Path::new("/"));
        let writes: Vec<Resource> = writes.iter().filter(|one| !is_root(one)).map(real).collect();
        let Some(own) = own.filter(|own| DirBuilder::new().recursive(true).mode(0o755).create(own).is_ok()) else {
            return Ok(None);
        };
        let places = if root { vec![own.as_path()] } else { vec![own.as_path(), Path::new(OF_ROOT)] };
        Self::stake_in(&own, &places, dir, holder, writes).map(Some)
    }

    fn stake_in(
        own: &Path,
        places: &[&Path],
        dir: &StateDir,
        holder: &Holder,
        writes: Vec<Resource>,
    ) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::StateDir { path: own.to_owned(), source };
        // One at a time looks and claims.
        let guard = open(&own.join("guard")).map_err(failed)?;
        flock(&guard, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        for said in places.iter().copied().flat_map(living) {
            let common = said.writes.iter().find(|theirs| writes.iter().any(|ours| overlap(ours, theirs)));
            if let (Some(common), false) = (common, said.state_dir == dir.path()) {
                let doing = format!(
                    "{}, which changes {common} too, with the state directory {}",
                    said.holder.doing,
                    said.state_dir.display()
                );
                return Err(Error::Held(Holder { doing, ..said.holder }));
            }
        }
        let number = STAKED.fetch_add(1, Ordering::Relaxed);
        let path = own.join(format!("{}-{number}.{ENDING}", holder.pid));
        let mut file = open(&path).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let said = Said { holder: holder.clone(), state_dir: dir.path().to_owned(), writes };
        let text = serde_json::to_vec(&said).map_err(|error| failed(error.into()))?;
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(failed)?;
        Ok(Self { _file: file, path })
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
                found.extend(serde_json::from_slice::<Said>(text.as_bytes()).ok());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_claims_for_several_state_directories() {
        let dir = tempfile::tempdir().unwrap();
        let claims = dir.path();
        let holder = Holder { pid: std::process::id(), user: String::new(), doing: "apply".to_owned(), since: 1 };
        let stake = |state: &str, path: &str| {
            let writes = vec![Resource::Path(PathBuf::from(path))];
            Claim::stake_in(claims, &[claims], &StateDir::at(claims.join(state)), &holder, writes)
        };
        let first = stake("a", "/srv/a").unwrap();
        let second = stake("b", "/srv/b").unwrap();
        assert!(matches!(stake("c", "/srv/a/x"), Err(Error::Held(_))));
        drop(first);
        let third = stake("c", "/srv/a/x").unwrap();
        assert!(matches!(stake("d", "/srv/b"), Err(Error::Held(_))), "the end of one claim is not the end of another");
        drop((second, third));
        assert!(living(claims).is_empty());
    }
}
