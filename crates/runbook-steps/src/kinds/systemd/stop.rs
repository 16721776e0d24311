//! `systemd.stop`: a unit that is down with every process of its control group. Undo makes it run again as before.

use super::params;
use crate::host::Reader;
use crate::systemd::{Load, Manner, Unit, UnitState};
use crate::{Args, Confirmation, Done, Kind, KindDoc, OutputDoc, Probe, Step, Work};
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Role, SERVICE_KEY, UndoPhase, service_state,
};
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// The kind.
pub(crate) struct Stop;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("systemd.stop"),
    summary: Cow::Borrowed("Stops a unit of systemd, with every process of it"),
    text: Cow::Borrowed(
        "It is done when systemd's job is done, the unit is down and its control group is empty. What stays behind, \
         as it does with `KillMode=process`, is named by number and command, and the step fails; `leave_processes` \
         is for units that mean it so. A unit that is not on the host is down. Units that need this one go down with \
         it: the prediction names them. Undo starts it again if it was up, after its start limit was reset, and with it \
         those that went down.",
    ),
    params: Cow::Borrowed(&[params::UNIT, params::USER, params::LEAVE_PROCESSES]),
    outputs: Cow::Borrowed(&[
        OutputDoc { name: "unit", help: "its whole name, text" },
        OutputDoc { name: "service", help: "name and state (`down`), a map" },
    ]),
    open_outputs: false,
    example: Cow::Borrowed("- id: stop\n  uses: systemd.stop\n  with: { unit: gateway.service }\n"),
};

impl Kind for Stop {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        params::attendant(args).role(Role::Stop(params::resource(args)))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Down { unit: params::unit(args)?, manner: params::manner(args)? }))
    }
}

struct Down {
    unit: Unit,
    manner: Manner,
}

impl Down {
    fn outputs(&self) -> Outputs {
        Outputs::from_iter([
            ("unit".to_owned(), json!(self.unit.name)),
            (SERVICE_KEY.to_owned(), service_state(&self.unit.title(), false)),
        ])
    }

    /// What there is to bring down; `None` if it is down.
    fn left(&self, host: &Reader, state: &UnitState) -> Result<Option<String>, Failure> {
        if state.load == Load::NotFound {
            return Ok(None);
        }
        if !state.is_down() {
            return Ok(Some(format!("{} is {}", self.unit, state.words())));
        }
        let left = host.processes_in_group(&state.control_group)?;
        Ok(match left.first() {
            Some(process) if !self.manner.leave_processes => {
                Some(format!("{} has left {} behind", self.unit, process.identity))
            }
            _ => None,
        })
    }
}

impl Step for Down {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let state = self.unit.state(host)?;
        let prediction = match self.left(host, &state)? {
            None if state.load == Load::NotFound => Prediction::no_change(format!("there is no {}", self.unit)),
            None => Prediction::no_change(format!("{} is down", self.unit)),
            Some(left) => {
                let along = params::along(&self.unit.others_that_are_up(host)?);
                Prediction::change(format!("{left}; it is stopped{along}"))
            }
        };
        Ok(Probe::of(prediction).with(self.outputs()))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.unit.stop(work.host, self.manner)?;
        Ok(Done::saying(format!("{} is down", self.unit)).with(self.outputs()))
    }

    fn confirm(&self, host: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        let left = self.left(host, &self.unit.state(host)?)?;
        Ok(left.map_or(Confirmation::There, Confirmation::NotThere))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.unit.take_back(phase, work, undo, self.manner, false)
    }
}
