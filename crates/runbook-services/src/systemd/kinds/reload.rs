//! `systemd.reload`: a unit that has read its configuration again. Undo reloads it once more, when that is back.

use super::params::{self, OUTPUTS};
use crate::managed::ServiceUndo;
use crate::manner::Manner;
use crate::steps::attendant;
use crate::systemd::{Before, Unit};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, Resource, Role};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Lack, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde_json::Value as Json;

/// The kind.
pub struct Reload;

static DOC: KindDoc = KindDoc {
    name: "systemd.reload",
    summary: "Lets a unit of systemd read its configuration again while it runs",
    text: "The unit has to be up and able to reload. It has to survive: its main process stays the same for as long as \
         `settle`. systemd does not tell what was read, so verify it with `verify.signals`. Undo reloads it again when \
         everything else is back, if it was up before.",
    params: &[params::UNIT, params::USER, params::SETTLE],
    outputs: OUTPUTS,
    example: "- id: reload\n  uses: systemd.reload\n  with: { unit: nginx.service }\n",
};

impl Kind for Reload {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        // The role of a restart: it comes after the change, before the verification, and its undo after all else.
        let restart = Role::Restart(params::resource(args));
        attendant(params::resource(args)).reads(Resource::UnknownPath).role(restart).role(Role::Reload)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Reread { unit: params::unit(args)?, manner: Manner::of(args)? }))
    }
}

struct Reread {
    unit: Unit,
    manner: Manner,
}

impl Step for Reread {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.runnable(host)?;
        Ok(Probe::of(Prediction::change(format!("{unit} reads its configuration again")))
            .with(params::up(&unit, &state)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        self.unit.lacks(host, failed)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        // It is not down for a moment, so it is no service whose time is counted.
        Ok(Prepared { service: None, ..self.unit.resolved(work.host)?.remember(work)? })
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let unit = self.unit.resolved(work.host)?;
        let state = unit.reload(work.host, self.manner)?;
        Ok(Done::saying(format!("{unit} has read it, {}", state.words())).with(params::up(&unit, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let now = self.unit.runnable(host)?;
        let changed = now.get("StateChangeTimestampMonotonic");
        Ok(match Before::read(undo)? {
            Some(before) if before.changed == changed => {
                Confirmation::NotThere(format!("{} was not reloaded yet", self.unit))
            }
            _ if now.active != "active" => Confirmation::NotThere(format!("{} is {}", self.unit, now.words())),
            _ => Confirmation::There,
        })
    }
}

impl OwnUndo for Reread {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let Some(before) = Before::read(undo)? else { return Ok(String::new()) };
        let unit = self.unit.resolved(work.host)?;
        let now = unit.state(work.host)?;
        // Where it was down there was nothing to reload, and where it went down there is nothing any more.
        if !before.up || now.active != "active" {
            return Ok(format!("{unit} is {}, nothing to reload", now.words()));
        }
        let state = unit.reload(work.host, self.manner)?;
        Ok(format!("{unit} has read its old configuration, {}", state.words()))
    }
}
