//! A unit that settles an open run after a reboot: it is there before a run begins, and goes when the run is over. Whoever applied from
//! elsewhere has put no such unit there.

use crate::error::Error;
use crate::place::Place;
use runbook_session::Session;
use rustix::process::geteuid;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const UNITS: &str = "/etc/systemd/system";

/// The unit of one agent.
#[derive(Clone, Debug)]
pub(crate) struct AtBoot {
    unit: PathBuf,
    wanted: PathBuf,
    state_dir: PathBuf,
    /// The `runbook` that recovers.
    program: PathBuf,
}

impl AtBoot {
    /// `None` where this process cannot have one: only root's units come up with the host.
    pub(crate) fn of(place: &Place, program: PathBuf) -> Option<Self> {
        let can = geteuid().is_root() && Path::new("/run/systemd/system").is_dir();
        can.then(|| Self::in_dir(place, program, Path::new(UNITS)))
    }

    fn in_dir(place: &Place, program: PathBuf, units: &Path) -> Self {
        let name = place.recovery();
        let wanted = units.join("multi-user.target.wants").join(&name);
        Self { unit: units.join(name), wanted, state_dir: place.state_dir().to_owned(), program }
    }

    /// Puts it there, durably.
    pub(crate) fn put(&self) -> Result<(), Error> {
        let text = self.text();
        if fs::read_to_string(&self.unit).is_ok_and(|there| there == text) && self.wanted.exists() {
            return Ok(());
        }
        let next = self.unit.with_extension("next");
        let write = || -> io::Result<()> {
            let mut file = File::create(&next)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&next, &self.unit)?;
            let wants = self.wanted.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(wants)?;
            match symlink(&self.unit, &self.wanted) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            [self.unit.parent().unwrap_or(wants), wants].into_iter().try_for_each(|dir| File::open(dir)?.sync_all())
        };
        write().map_err(Error::io("write", &self.unit))
    }

    /// Takes it away. The link goes first: one that leads nowhere is an error of the next boot.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        for path in [&self.wanted, &self.unit] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let [program, dir] = [&self.program, &self.state_dir].map(|path| quoted(path));
        format!(
            "[Unit]\nDescription=Settle a run of runbook that was interrupted\nAfter=local-fs.target\n\n\
             [Service]\nType=oneshot\nExecStart={program} --state-dir {dir} recover --boot\n\
             TimeoutStartSec=infinity\nKillMode=process\n\n[Install]\nWantedBy=multi-user.target\n"
        )
    }
}

/// Takes the unit away that settles a run at boot, where there is none to settle. A stuck one keeps it: then the unit fails at
/// every boot, and monitoring says so.
pub(crate) fn keep_while_needed(session: &Session, at_boot: Option<&AtBoot>) -> Result<(), Error> {
    let is_free = session.status().is_ok_and(|state| state.standing.blocks.is_empty());
    at_boot.filter(|_| is_free).map_or(Ok(()), AtBoot::remove)
}

/// A path as one word of a unit, systemd.syntax(7).
fn quoted(path: &Path) -> String {
    let text =
        path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_comes_and_goes_whole() {
        let dir = tempfile::tempdir().unwrap();
        let units = dir.path().join("units");
        fs::create_dir(&units).unwrap();
        let at_boot =
            AtBoot::in_dir(&Place::of(Path::new("/srv/the state")), PathBuf::from("/opt/100%/runbook"), &units);
        at_boot.put().unwrap();
        at_boot.put().unwrap();
        let text = fs::read_to_string(&at_boot.wanted).unwrap();
        assert!(
            text.contains("ExecStart=\"/opt/100%%/runbook\" --state-dir \"/srv/the state\" recover --boot\n"),
            "{text}"
        );
        at_boot.remove().unwrap();
        at_boot.remove().unwrap();
        let left: Vec<_> = fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["multi-user.target.wants"]);
        assert_eq!(fs::read_dir(units.join("multi-user.target.wants")).unwrap().count(), 0);
    }
}
