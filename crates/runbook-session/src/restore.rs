//! Paths put back by hand, with nobody at work in them.

use crate::error::Error;
use crate::session::Session;
use runbook_backup::Backup;
use runbook_host::{Host, now_ms};
use runbook_journal::Lock;
use runbook_services::attached::{User, bring_down, bring_up, users_of};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What becomes of those who use what is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Users {
    /// They are named, and nothing is put back.
    Refuse,
    /// They are stopped, and started again.
    Stop,
    /// They go on.
    Leave,
}

/// What is to be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The backup, or the beginning of its name.
    pub backup: String,
    /// What of it; everything if none is named.
    pub paths: Vec<PathBuf>,
    /// What becomes of those who use it.
    pub users: Users,
}

/// Paths that may be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToRestore {
    /// What will be as it was.
    pub paths: Vec<PathBuf>,
    /// Who uses it, each in one sentence.
    pub users: Vec<String>,
    /// Whether they are stopped meanwhile.
    pub stops: bool,
}

/// What a restore tells as it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restoring {
    /// Those who used the paths are stopped: their names.
    Stopped(Vec<String>),
    /// A path is as it is in the backup.
    PutBack {
        /// The path.
        path: PathBuf,
        /// Where what was there is now; `None` if it was as in the backup already.
        aside: Option<PathBuf>,
    },
    /// All paths are put back.
    Complete,
    /// A service is up again; one sentence.
    Up(String),
}

/// Paths that may be put back. It holds the lock; dropping it lets go.
pub struct RestoreProposal {
    session: Session,
    backup: Backup,
    paths: Vec<PathBuf>,
    users: Vec<User>,
    stop: bool,
    _lock: Lock,
}

impl Session {
    /// Looks whether that can be put back, and holds the host for it.
    pub fn propose_restore(&self, wanted: Restore) -> Result<RestoreProposal, Error> {
        let Restore { backup, paths, users: what } = wanted;
        let kept = self.backup(&backup)?;
        let unreadable = |error: runbook_backup::Error| Error::BackupUnreadable {
            backup: kept.name.clone(),
            why: error.to_string(),
        };
        let backup = kept.backup.map_err(unreadable)?;
        let all = || backup.roots().iter().map(|root| root.path.clone()).collect();
        let paths = if paths.is_empty() { all() } else { paths };
        let paths = paths.into_iter().map(std::path::absolute).collect::<std::io::Result<Vec<PathBuf>>>()?;
        if let Some(path) = paths.iter().find(|path| !backup.covers(path)) {
            return Err(Error::NotInBackup { path: path.clone(), backup: kept.name });
        }
        let lock = self.lock(format!("restore {}", kept.name))?;
        let users = users_of(&self.reader_by_hand(), &paths)?;
        let others = || users.iter().filter(|user| !user.is_service()).cloned().collect::<Vec<_>>();
        match what {
            Users::Refuse if !users.is_empty() => return Err(Error::InUse(users)),
            Users::Stop if !others().is_empty() => return Err(Error::InUseByOthers(others())),
            _ => {}
        }
        let stop = what == Users::Stop;
        Ok(RestoreProposal { session: self.clone(), backup, paths, users, stop, _lock: lock })
    }
}

impl RestoreProposal {
    /// What it would do.
    pub fn offer(&self) -> ToRestore {
        ToRestore { paths: self.paths.clone(), users: self.users.iter().map(User::line).collect(), stops: self.stop }
    }

    /// Puts the paths back. Returns where what was there before is, if anything had to be set aside.
    pub fn begin(self, tell: &mut dyn FnMut(Restoring)) -> Result<Option<PathBuf>, Error> {
        let dir = self.session.state_dir();
        let aside = dir.path().join("restored").join(now_ms().to_string());
        dir.create_below(&aside)?;
        if self.stop && !self.users.is_empty() {
            self.while_stopped(&aside, tell)?;
        } else {
            self.restore(&aside, tell)?;
        }
        // Only an empty directory can be removed: then nothing had to be set aside.
        Ok(std::fs::remove_dir(&aside).is_err().then_some(aside))
    }

    fn while_stopped(&self, aside: &Path, tell: &mut dyn FnMut(Restoring)) -> Result<(), Error> {
        let own_program = (self.session.host.own_program)()?;
        let reader = self.session.reader_by_hand();
        Host::by_hand(reader.clone(), own_program, |host| {
            let restored = bring_down(host, aside, &self.users).map_err(Error::from).and_then(|()| {
                tell(Restoring::Stopped(self.users.iter().map(User::name).collect()));
                match users_of(&reader, &self.paths)?.into_iter().next() {
                    Some(user) => Err(Error::StillInUse(user)),
                    None => self.restore(aside, tell),
                }
            });
            // They come up whatever became of the files: so it was before.
            let up = bring_up(host, aside, &self.users);
            up.iter().flatten().for_each(|line| tell(Restoring::Up(line.clone())));
            restored.and(up.map(drop).map_err(Error::from))
        })
    }

    fn restore(&self, aside: &Path, tell: &mut dyn FnMut(Restoring)) -> Result<(), Error> {
        for path in &self.paths {
            let restored = self.backup.restore(path, aside, &|| false)?;
            let aside = (!restored.identical).then(|| aside.to_owned());
            tell(Restoring::PutBack { path: path.clone(), aside });
        }
        tell(Restoring::Complete);
        Ok(())
    }
}
