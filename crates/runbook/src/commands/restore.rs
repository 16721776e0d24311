//! `backup restore`: paths put back by hand, with nobody at work in them.

use super::rows::{finish, row};
use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::keeping::Kept;
use crate::running::lock;
use crate::screen::Screen;
use runbook_backup::Backup;
use runbook_host::{Host, Reader};
use runbook_journal::StateDir;
use runbook_services::attached::{User, bring_down, bring_up, users_of};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What becomes of those who use what is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Users {
    /// They are named, and nothing is put back.
    Refuse,
    /// They are stopped, and started again.
    Stop,
    /// They go on.
    Leave,
}

/// One `backup restore`.
pub(super) struct Restore<'a> {
    pub(super) screen: &'a Screen,
    pub(super) dir: &'a StateDir,
    pub(super) one: &'a Kept,
    pub(super) users: Users,
}

impl Restore<'_> {
    /// Puts `paths` back; everything in the backup if there are none.
    pub(super) fn go(&self, paths: Vec<PathBuf>, yes: bool) -> Result<Exit, CommandError> {
        let Self { screen, one, .. } = self;
        let backup = match &one.backup {
            Ok(backup) => backup,
            Err(error) => return Err(CommandError::refused(format!("{} cannot be read: {error}", one.name))),
        };
        let all = || backup.roots().iter().map(|root| root.path.clone()).collect();
        let paths = if paths.is_empty() { all() } else { paths };
        let paths = paths.into_iter().map(std::path::absolute).collect::<std::io::Result<Vec<PathBuf>>>()?;
        if let Some(path) = paths.iter().find(|path| !backup.covers(path)) {
            return Err(CommandError::refused(format!("{} is not in the backup {}", path.display(), one.name)));
        }
        let _lock = lock(self.dir, format!("restore {}", one.name))?;
        let reader = Reader::new(self.dir.path(), host_facts().home);
        let users = users_of(&reader, &paths)?;
        self.judge(&users)?;
        for path in &paths {
            screen.note(&format!("{} will be as it was; what is there now is set aside", path.display()));
        }
        for user in &users {
            let becomes =
                if self.users == Users::Stop { "is stopped meanwhile" } else { "goes on, and may write over it" };
            screen.note(&format!("{}; it {becomes}", user.line()));
        }
        screen.consent("Restore?", yes)?;
        let aside = self.dir.path().join("restored").join(now_ms().to_string());
        self.dir.create_below(&aside)?;
        if self.users == Users::Stop && !users.is_empty() {
            self.while_stopped(&reader, backup, &paths, &aside, &users)?;
        } else {
            self.put_back(backup, &paths, &aside)?;
        }
        // Only an empty directory can be removed: then nothing had to be set aside.
        if std::fs::remove_dir(&aside).is_err() {
            screen.note(&format!("what was there before is in {}", aside.display()));
        }
        Ok(Exit::Done)
    }

    /// Whether it may go on with these users.
    fn judge(&self, users: &[User]) -> Result<(), CommandError> {
        let lines = |users: &[&User]| users.iter().map(|user| user.line()).collect::<Vec<_>>().join("\n");
        let all: Vec<&User> = users.iter().collect();
        let others: Vec<&User> = users.iter().filter(|user| !user.is_service()).collect();
        match self.users {
            Users::Refuse if !all.is_empty() => Err(CommandError::refused(format!(
                "what is to be put back is in use, and whoever uses it may write over it:\n{}",
                lines(&all)
            ))
            .hint(
                "`--stop` stops the services, puts it back, starts them and looks whether they are up; `--while-running` \
                 goes ahead all the same",
            )),
            Users::Stop if !others.is_empty() => Err(CommandError::refused(format!(
                "what is to be put back is in use by what is no service, and is not stopped for you:\n{}",
                lines(&others)
            ))
            .hint("end it, then say it again; `--while-running` goes ahead all the same")),
            _ => Ok(()),
        }
    }

    fn while_stopped(
        &self,
        reader: &Reader,
        backup: &Backup,
        paths: &[PathBuf],
        aside: &Path,
        users: &[User],
    ) -> Result<(), CommandError> {
        let names = users.iter().map(User::name).collect::<Vec<_>>().join(", ");
        Host::by_hand(reader.clone(), std::env::current_exe()?, |host| {
            let put_back = bring_down(host, aside, users).map_err(CommandError::from).and_then(|()| {
                self.screen.note(&format!("stopped: {names}"));
                match users_of(reader, paths)?.first() {
                    Some(user) => Err(CommandError::refused(format!("still in use: {}", user.line()))),
                    None => self.put_back(backup, paths, aside),
                }
            });
            // They come up whatever became of the files: so it was before.
            let up = bring_up(host, aside, users);
            for line in up.as_deref().unwrap_or_default() {
                self.screen.note(line);
            }
            put_back.and(up.map(drop).map_err(CommandError::from))
        })
    }

    fn put_back(&self, backup: &Backup, paths: &[PathBuf], aside: &Path) -> Result<(), CommandError> {
        let mut rows = Vec::new();
        for path in paths {
            let restored = backup.restore(path, aside, &|| false)?;
            let what = if restored.identical { "was as in the backup" } else { "put back" };
            let set_aside = (!restored.identical).then_some(aside);
            let value = json!({ "path": path, "identical": restored.identical, "aside": set_aside });
            row(self.screen, &mut rows, &format!("{}: {what}\n", path.display()), value)?;
        }
        finish(self.screen, &rows)
    }
}
