//! The session: what a client hands in once, and what every operation shares.

use crate::error::Error;
use runbook_engine::{Program, Saved, reopen};
use runbook_host::{Reader, now_ms};
use runbook_journal::{Claim, Holder, Lock, StateDir};
use runbook_model::{Declaration, Diagnostic, HostFacts, Resource, RunId, Severity};
use runbook_step::{Catalogue, SecretProvider};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// What a client hands in.
///
/// Two things are the whole process's, and the client's to do before it starts a thread: `umask(runbook_host::UMASK)`, for
/// services have to read what a plan installs, and [`runbook_host::adopt_orphans`], so that what a step left running is found.
pub struct Host {
    /// Where runs, backups and undo data are.
    pub state_dir: StateDir,
    /// What this host is, and who acts on it. Read when it is asked for.
    pub facts: LazyLock<HostFacts>,
    /// Where the `runbook` binary is, which supervises services. Asked when something is about to act.
    pub own_program: fn() -> io::Result<PathBuf>,
    /// The kinds that plans may use.
    pub catalogue: fn() -> Catalogue,
    /// Where the secrets of plans come from; [`HostSecrets`](crate::HostSecrets) where nobody else knows them,
    /// [`SecretsFromAfar`](crate::SecretsFromAfar) where runs are steered from elsewhere.
    pub secrets: Arc<dyn SecretProvider>,
    /// The version of `runbook`, for the journal.
    pub version: String,
}

/// A host as a library. Every operation is a method; one session serves many threads, and clones of it are the same one.
#[derive(Clone)]
pub struct Session {
    pub(crate) host: Arc<Host>,
    /// Whose lock is taken where one is needed, if this one works within it.
    pub(crate) reserved: Option<Reservation>,
}

/// The host, held for somebody whose runs are still to come. Dropping the last clone, and what was done [within](Session::within) it, lets go.
#[derive(Clone)]
pub struct Reservation(Lock);

impl Session {
    /// A session on this host. Reads and writes nothing yet.
    pub fn open(host: Host) -> Self {
        Self { host: Arc::new(host), reserved: None }
    }

    /// Where this session keeps its files.
    pub fn state_dir(&self) -> &StateDir {
        &self.host.state_dir
    }

    /// What this host is.
    pub fn facts(&self) -> HostFacts {
        self.host.facts.clone()
    }

    /// Takes the lock of the state directory for `doing`.
    pub(crate) fn lock(&self, doing: String) -> Result<Lock, Error> {
        match &self.reserved {
            Some(Reservation(lock)) => Ok(lock.shared(doing)),
            None => Lock::acquire(self.state_dir(), &self.holder(doing)).map_err(|error| match error {
                runbook_journal::Error::Held(by) => {
                    let run = Lock::at_work(self.state_dir()).ok().flatten().and_then(|(_, run)| run);
                    Error::Held { by, run }
                }
                other => Error::Journal(other),
            }),
        }
    }

    /// Holds the host for somebody, for what `doing` says to everybody else.
    ///
    /// # Errors
    /// Somebody else holds it.
    pub fn reserve(&self, doing: String) -> Result<Reservation, Error> {
        Ok(Reservation(self.lock(doing)?))
    }

    /// The same session for whom the host is reserved: what it proposes shares the reservation's lock.
    #[must_use]
    pub fn within(&self, reservation: &Reservation) -> Self {
        Self { reserved: Some(reservation.clone()), ..self.clone() }
    }

    /// Claims what `program` changes, against runs with other state directories. It holds until it is dropped.
    pub(crate) fn claim(&self, program: &Program, doing: String) -> Result<Option<Claim>, Error> {
        let schedule = &program.execution.schedule;
        let declared = schedule.order().iter().filter_map(|step| schedule.declaration(step));
        let writes: Vec<Resource> = declared.flat_map(Declaration::written).cloned().collect();
        Claim::stake(self.state_dir(), &self.holder(doing), &writes).map_err(Error::of_claim)
    }

    fn holder(&self, doing: String) -> Holder {
        Holder { pid: std::process::id(), user: self.host.facts.user.clone(), doing, since: now_ms() }
    }

    /// The program of the saved run `run`, or why this version does not understand its plan.
    pub(crate) fn reopen(&self, run: &RunId, saved: Saved) -> Result<Program, Vec<Diagnostic>> {
        let secrets = Arc::clone(&self.host.secrets);
        let (program, found) = reopen(saved, (self.host.catalogue)(), secrets, self.state_dir().bundle(run));
        program.ok_or_else(|| found.into_iter().filter(|fault| fault.severity == Severity::Error).collect())
    }

    /// Reads the host for `program`.
    pub(crate) fn reader(&self, program: &Program) -> Reader {
        program.reader(self.state_dir().path())
    }

    /// Reads the host for what is done by hand.
    pub(crate) fn reader_by_hand(&self) -> Reader {
        Reader::new(self.state_dir().path(), self.host.facts.home.clone())
    }
}

impl Reservation {
    /// The same, held for what `doing` says from now on.
    pub fn retold(&self, doing: String) -> io::Result<Self> {
        let lock = self.0.shared(doing);
        lock.tell()?;
        Ok(Self(lock))
    }
}
