//! What a service manager has to be able to do with a service, for `steps.rs` to start, restart and stop it.
//!
//! One implementation a manager. What is the same for all of them is not here.

use crate::manner::Manner;
use runbook_host::Reader;
use runbook_model::{Diagnostic, Diagnostics, Effect, Failure, Resource, ServiceSeen};
use runbook_step::{Args, Confirmation, Done, Lack, Prepared, Probe, WasFound, Work};
use serde_json::Value as Json;

/// What a step does to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// It is up afterwards.
    Start,
    /// It is up afterwards, and runs what is on the disk.
    Restart,
    /// It is down afterwards.
    Stop,
}

/// A service of one manager.
pub trait ManagedService: ServiceUndo + AroundRun + Clone + Send + Sync + 'static {
    /// What the parameters of a step say besides which service is meant.
    type Wanted: Send + Sync;

    /// What only the whole of the parameters shows to be wrong.
    fn check(_args: &Args<'_>, _found: &mut Diagnostics) {}

    /// The service and what is wanted of it.
    fn bind(args: &Args<'_>, motion: Motion) -> Result<(Self, Self::Wanted), Diagnostic>;

    /// How it is brought up and down.
    fn manner(wanted: &Self::Wanted) -> Manner;

    /// The service as far as it is known before the run; everything, if its name waits for a step.
    fn resource(args: &Args<'_>) -> Resource;

    /// What a step reads and writes besides the service and the paths in `watch`.
    fn effects(args: &Args<'_>, motion: Motion) -> Vec<Effect>;

    /// The same service by the name that the manager has for it.
    fn resolved(&self, _host: &Reader) -> Result<Self, Failure> {
        Ok(self.clone())
    }

    /// What there is to do, and the outputs as far as they can be told.
    fn foresee(&self, host: &Reader, wanted: &Self::Wanted, motion: Motion) -> Result<Probe, Failure>;

    /// What keeps the manager from bringing it up at all; `failed` is what [`foresee`](Self::foresee) failed with.
    fn lacks(&self, _host: &Reader, _wanted: &Self::Wanted, _motion: Motion, _failed: Option<&Failure>) -> Vec<Lack> {
        Vec::new()
    }

    /// A refusal if the step could not be done.
    fn refusal(&self, _host: &Reader, _wanted: &Self::Wanted, _motion: Motion) -> Result<(), Failure> {
        Ok(())
    }

    /// Starts, restarts or stops it, and believes it when the manager and the processes show it.
    fn go(&self, work: &Work<'_>, wanted: &Self::Wanted, motion: Motion, undo: &Json) -> Result<Done, Failure>;

    /// Whether that was done, after it or after a crash in it; `None` if that is to be told from whether something is left
    /// to do.
    fn went(
        &self,
        _host: &Reader,
        _wanted: &Self::Wanted,
        _motion: Motion,
        _undo: &Json,
    ) -> Result<Option<Confirmation>, Failure> {
        Ok(None)
    }
}

/// The undo of the steps that start, restart and stop a service.
pub trait ServiceUndo {
    /// Whether it can be brought back as it is, as far as that can be read.
    fn can_come_back(&self, _host: &Reader, _motion: Motion) -> Result<(), Failure> {
        Ok(())
    }

    /// How it is, for [`undo`](Self::undo); a refusal if the step could not be undone.
    fn remember(&self, work: &Work<'_>) -> Result<Prepared, Failure>;

    /// Brings it down for what lies below the step. Says what was done; nothing if it was down.
    fn halt(&self, work: &Work<'_>, undo: &Json, manner: Manner) -> Result<String, Failure>;

    /// Brings it to the state that it had. Without undo data the step found nothing to do: then it was only brought down
    /// for what lies below it, and comes up again if `up` says that the step is about one that is up.
    fn undo(&self, work: &Work<'_>, undo: &Json, manner: Manner, up: bool) -> Result<String, Failure>;
}

/// A service before the first step of a run and after the last one.
pub trait AroundRun {
    /// Whether the manager keeps others from starting what it has stopped until the run is over.
    const KEEPS_DOWN: bool = false;

    /// Brings it down and keeps it down if this run had it down when its process before ended.
    fn keep_down_again(&self, _work: &Work<'_>, _undo: &Json, _manner: Manner) -> Result<(), Failure> {
        Ok(())
    }

    /// How it is before the first change of the run, with what [`revive`](Self::revive) needs; `None` if a boot takes
    /// nothing down that would have to be brought up.
    fn find(&self, _host: &Reader) -> Result<Option<WasFound>, Failure> {
        Ok(None)
    }

    /// Brings up what was up before and is not since the boot.
    fn revive(&self, _work: &Work<'_>, _found: &Json, _manner: Manner) -> Result<String, Failure> {
        Ok(String::new())
    }

    /// Lets everybody start it again, and reads how it is, at the end of a run.
    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<ServiceSeen, Failure>;
}
