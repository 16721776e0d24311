//! The steps that start, restart and stop a service: the same for every manager.

use crate::managed::{ManagedService, Motion};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Purpose, Resource, Role, ServiceSeen, UndoSource};
use runbook_step::{
    Args, Confirmation, Done, Kind, KindDoc, Lack, OwnUndo, Param, ParamType, Prepared, Probe, ServiceStep, Step,
    Undoing, WasFound, Work,
};
use serde_json::Value as Json;
use std::marker::PhantomData;

/// The parameter `watch` of kinds that restart.
pub(crate) const WATCH: Param =
    Param::optional("watch", ParamType::Paths, "More files and directories whose change calls for a restart");

/// A kind that starts, restarts or stops services of one manager.
pub struct ServiceKind<S> {
    doc: &'static KindDoc,
    motion: Motion,
    of: PhantomData<fn() -> S>,
}

impl<S> ServiceKind<S> {
    pub(crate) const fn new(doc: &'static KindDoc, motion: Motion) -> Self {
        Self { doc, motion, of: PhantomData }
    }
}

impl<S: ManagedService> Kind for ServiceKind<S> {
    fn doc(&self) -> &KindDoc {
        self.doc
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        S::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = S::resource(args);
        let role = match self.motion {
            Motion::Start => Role::Start(service.clone()),
            Motion::Restart => Role::Restart(service.clone()),
            Motion::Stop => Role::Stop(service.clone()),
        };
        let mut declaration = attendant(service);
        declaration.effects.extend(S::effects(args, self.motion));
        declaration.reading(args.path_resources("watch")).role(role)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let (service, wanted) = S::bind(args, self.motion)?;
        Ok(Box::new(Moving { service, wanted, motion: self.motion }))
    }
}

/// A step that changes whether or how a service runs, for the sake of others.
pub(crate) fn attendant(service: Resource) -> Declaration {
    Declaration { purpose: Purpose::Attendant, ..Declaration::principal(UndoSource::Own) }.writes(service)
}

struct Moving<S: ManagedService> {
    service: S,
    wanted: S::Wanted,
    motion: Motion,
}

impl<S: ManagedService> Step for Moving<S> {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.service.resolved(host)?.foresee(host, &self.wanted, self.motion)
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        match self.motion {
            Motion::Stop => Vec::new(),
            Motion::Start | Motion::Restart => self.service.lacks(host, &self.wanted, self.motion, failed),
        }
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        self.service.can_come_back(host, self.motion)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let service = self.service.resolved(work.host)?;
        service.refusal(work.host, &self.wanted, self.motion)?;
        service.remember(work)
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        self.service.resolved(work.host)?.go(work, &self.wanted, self.motion, undo)
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let service = self.service.resolved(host)?;
        if let Some(told) = service.went(host, &self.wanted, self.motion, undo)? {
            return Ok(told);
        }
        Ok(service.foresee(host, &self.wanted, self.motion)?.prediction.into())
    }

    fn service(&self) -> Option<&dyn ServiceStep> {
        Some(self)
    }
}

impl<S: ManagedService> OwnUndo for Moving<S> {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.service.undo(work, undo, S::manner(&self.wanted), self.motion != Motion::Stop)
    }
}

impl<S: ManagedService> ServiceStep for Moving<S> {
    fn halt(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.service.halt(work, undo, S::manner(&self.wanted))
    }

    fn keeps_down(&self) -> bool {
        S::KEEPS_DOWN && self.motion == Motion::Stop
    }

    fn keep_down_again(&self, work: &Work<'_>, undo: &Json) -> Result<(), Failure> {
        self.service.keep_down_again(work, undo, S::manner(&self.wanted))
    }

    fn find(&self, host: &Reader) -> Result<Option<WasFound>, Failure> {
        self.service.find(host)
    }

    fn revive(&self, work: &Work<'_>, found: &Json) -> Result<String, Failure> {
        self.service.revive(work, found, S::manner(&self.wanted))
    }

    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<ServiceSeen, Failure> {
        self.service.close(work, undo)
    }
}
