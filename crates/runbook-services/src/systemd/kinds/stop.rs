//! `systemd.stop`: a unit that is down with every process of its control group. Undo makes it run again as before.

use super::params;
use crate::systemd::{Load, Manner, Unit, UnitState};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Role, SERVICE_KEY, ServiceSeen, UndoPhase,
    service_state,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, OutputDoc, Probe, Step, Work};
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// The kind.
pub struct Stop;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("systemd.stop"),
    summary: Cow::Borrowed("Stops a unit of systemd, with every process of it"),
    text: Cow::Borrowed(
        "It is done when systemd's job is done, the unit is down and its control group is empty. What stays behind, \
         as it does with `KillMode=process`, is named by number and command, and the step fails; `leave_processes` \
         is for units that mean it so. A unit that is not on the host is down. Sockets, timers and paths that start it and are \
         active are stopped before it, units that need it go down with it: the prediction names them. Until the plan starts \
         it again, and otherwise until the run is over, nobody else can, be it over the bus or from a cron job: a drop-in below \
         /run asserts that this `runbook` has ended. What a plan stops and does not start is down at its end, and then anybody \
         may start it; how it is then is read and told. A unit that runs and is masked is refused: nothing could bring it \
         back. Undo starts it again if it was up, after its start limit was reset, and with it all that went \
         down.",
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
    fn outputs(unit: &Unit) -> Outputs {
        Outputs::from_iter([
            ("unit".to_owned(), json!(unit.name)),
            (SERVICE_KEY.to_owned(), service_state(&unit.title(), false)),
        ])
    }

    /// What there is to bring down; `None` if it is down, and nothing that is active can start it.
    fn left(&self, host: &Reader, unit: &Unit, state: &UnitState) -> Result<Option<String>, Failure> {
        if state.load == Load::NotFound {
            return Ok(None);
        }
        if !state.is_down() {
            return Ok(Some(format!("{unit} is {}", state.words())));
        }
        let left = host.processes_in_group(&state.control_group)?;
        if let Some(process) = left.first().filter(|_| !self.manner.leave_processes) {
            return Ok(Some(format!("{unit} has left {} behind", process.identity)));
        }
        let triggers = unit.triggers(host, state)?;
        Ok((!triggers.is_empty()).then(|| format!("{unit} is down, and {} can start it", triggers.join(", "))))
    }
}

impl Step for Down {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.state(host)?;
        let prediction = match self.left(host, &unit, &state)? {
            None if state.load == Load::NotFound => Prediction::no_change(format!("there is no {unit}")),
            None => Prediction::no_change(format!("{unit} is down")),
            Some(left) => {
                let triggers = unit.triggers(host, &state)?;
                let along = params::along(&unit.others_that_are_up(host, &triggers)?);
                let starters = unit.starters_words(host, &state)?;
                Prediction::change(format!("{left}; it is stopped{starters}{along}"))
            }
        };
        Ok(Probe::of(prediction).with(Self::outputs(&unit)))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.resolved(work.host)?.remember(work)
    }

    fn can_take_back(&self, host: &Reader) -> Result<(), Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.state(host)?;
        if state.load != Load::Masked || !state.is_up() {
            return Ok(());
        }
        Err(Failure::refused(format!("{unit} is masked and runs: once it is stopped, nothing can start it again"))
            .hint(format!("`systemctl unmask {unit}` lifts the mask, if it is not there for a reason")))
    }

    fn keeps_down(&self) -> bool {
        true
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let unit = self.unit.resolved(work.host)?;
        unit.bring_down(work, self.manner)?;
        let triggers = unit.owed(work)?.map(|owed| owed.triggers).unwrap_or_default();
        let with = if triggers.is_empty() { String::new() } else { format!(", and so is {}", triggers.join(", ")) };
        Ok(Done::saying(format!("{unit} is down{with}")).with(Self::outputs(&unit)))
    }

    fn confirm(&self, host: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        let unit = self.unit.resolved(host)?;
        let left = self.left(host, &unit, &unit.state(host)?)?;
        Ok(left.map_or(Confirmation::There, Confirmation::NotThere))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.unit.take_back(phase, work, undo, self.manner, false)
    }

    fn keep_down_again(&self, work: &Work<'_>, undo: &Json) -> Result<(), Failure> {
        self.unit.keep_down_again(work, undo, self.manner)
    }

    fn find(&self, host: &Reader) -> Result<Json, Failure> {
        self.unit.find(host)
    }

    fn revive(&self, work: &Work<'_>, found: &Json) -> Result<String, Failure> {
        self.unit.revive(work, found, self.manner)
    }

    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.unit.close(work, undo).map(Some)
    }
}
