//! A unit for housekeeping around it.

use super::{Load, Rise, Unit};
use crate::manner::Manner;
use crate::target_service::{Surroundings, TargetService};
use crate::whose::{manager_of, sockets_of};
use runbook_host::{Identity, PortOwners, Reader};
use runbook_model::Failure;
use runbook_step::Work;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl TargetService for Unit {
    fn full_name(&self) -> String {
        self.title()
    }

    fn standing(&self, host: &Reader) -> Result<(bool, Option<String>), Failure> {
        let state = self.state(host)?;
        let up = (!state.is_down()).then(|| format!("{} ({})", state.active, state.sub));
        Ok((state.load != Load::NotFound, up))
    }

    fn unknown(&self) -> Failure {
        Failure::refused(format!("there is no unit {self} on this host")).hint(self.correct_the_name())
    }

    /// Its own processes, and its manager where that listens for it.
    fn keepers(&self, host: &Reader, port: u16, owners: &PortOwners) -> Result<Vec<Identity>, Failure> {
        let state = self.state(host)?;
        let unit = self.resolved(host)?;
        let mut own = unit.members(host, &state)?;
        if state.is_down()
            && let Some(left) = owners.processes().into_iter().find(|process| own.contains(&process.identity))
        {
            let (left, what) = (&left.identity, host.executed(&left.identity)?.unwrap_or_default().line());
            return Err(Failure::refused(format!(
                "port {port} belongs to {left} ({what}), which {unit} left behind in its control group when it stopped"
            ))
            .hint(format!("stop {unit} with `systemd.stop` without `leave_processes`: that ends what is left in it")));
        }
        for process in owners.processes() {
            if let Some(of_user) = manager_of(host, &process.identity)?
                && of_user == unit.user.then(|| host.own_uid())
                && sockets_of(host, of_user, port)?.iter().any(|socket| socket.starts.contains(&unit.name))
            {
                own.push(process.identity.clone());
            }
        }
        Ok(own)
    }

    fn has_own_network(&self, host: &Reader) -> Result<bool, Failure> {
        let state = self.state(host)?;
        Ok(state.get("PrivateNetwork") == "yes" || !state.get("NetworkNamespacePath").is_empty())
    }

    fn is_beside_us(&self) -> bool {
        false
    }

    fn owner(&self, host: &Reader) -> Result<Option<u32>, Failure> {
        self.uid(host, &self.state(host)?).map(Some)
    }

    fn surroundings(&self, host: &Reader) -> Result<Option<Surroundings>, Failure> {
        let state = self.state(host)?;
        // A unit that the plan has yet to write has left nothing.
        if state.load == Load::NotFound {
            return Ok(None);
        }
        if !state.get("RootImage").is_empty() {
            return Err(Failure::refused(format!("{self} runs in an image of its own, {}", state.get("RootImage")))
                .hint("where its cache is on this host is not guessed: name it with `dir`"));
        }
        let definition = self.definition(host, &state).unwrap_or_default();
        Ok(Some(Surroundings {
            environment: self.process_environment(host, &definition, BTreeMap::new())?,
            cwd: state.get("WorkingDirectory").trim_start_matches('!').into(),
            commands: state.exec_start,
        }))
    }

    fn temp_dirs(&self, host: &Reader, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        self.temp_dirs_of(host, &self.state(host)?, dir)
    }

    fn put_down(&self, work: &Work<'_>) -> Result<(), Failure> {
        self.bring_down(work, Manner::default()).map(drop)
    }

    fn put_up(&self, work: &Work<'_>) -> Result<String, Failure> {
        let state = self.bring_up(work, Manner::default(), Rise::Start, &[])?;
        Ok(format!("{self} is up, {}", state.words()))
    }
}
