//! `systemd.enable` and `systemd.disable`: whether a unit starts by itself. Undo puts back the links that were there.

use super::params;
use crate::systemd::{Links, Unit};
use crate::undo_data;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Outputs, Prediction, Resource, UndoSource, outputs};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};

/// The kinds `systemd.enable` and `systemd.disable`.
pub struct Boot {
    doc: &'static KindDoc,
    enabled: bool,
}

impl Boot {
    /// `systemd.enable`.
    pub const ENABLE: Self = Self { doc: &ENABLE, enabled: true };
    /// `systemd.disable`.
    pub const DISABLE: Self = Self { doc: &DISABLE, enabled: false };
}

const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "unit", help: "its whole name, text" },
    OutputDoc { name: "state", help: "`enabled`, `disabled` or another word of `systemctl is-enabled`, text" },
];

static ENABLE: KindDoc = KindDoc {
    name: "systemd.enable",
    summary: "Lets a unit of systemd start by itself, at boot or on demand",
    text: "Makes the links that the unit's [Install] section asks for. It starts nothing now: that is `systemd.start`. A \
         unit that is masked, or that has nothing to install, is refused. Undo puts back exactly the links that were \
         there, also of a unit that was enabled in part, and those of units in `Also=`.",
    params: &[params::UNIT, params::USER],
    outputs: OUTPUTS,
    example: "- id: at-boot\n  uses: systemd.enable\n  with: { unit: gateway.service }\n",
};

static DISABLE: KindDoc = KindDoc {
    name: "systemd.disable",
    summary: "Keeps a unit of systemd from starting by itself",
    text: "Removes the links that start the unit at boot or on demand. It stops nothing now: that is `systemd.stop`; and \
         another unit that needs this one still starts it. Undo puts back exactly the links that were there.",
    params: &[params::UNIT, params::USER],
    outputs: OUTPUTS,
    example: "- id: not-at-boot\n  uses: systemd.disable\n  with: { unit: gateway.service }\n",
};

impl Kind for Boot {
    fn doc(&self) -> &KindDoc {
        self.doc
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let user = args.peek::<bool>("user").known().unwrap_or(false);
        let links = Unit::named("any", user).config_dir(&args.context.home);
        Declaration::principal(UndoSource::Own).writes(params::resource(args)).writes(Resource::Path(links))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(AtBoot { unit: params::unit(args)?, enabled: self.enabled }))
    }
}

struct AtBoot {
    unit: Unit,
    enabled: bool,
}

impl AtBoot {
    /// The word of `systemctl is-enabled`, read from the disk; a failure if no such unit is there.
    fn state(unit: &Unit, host: &Reader) -> Result<String, Failure> {
        unit.needs_systemd(host)?;
        let output = host.ask(&unit.systemctl_for(host, &["is-enabled"], &[&unit.name]))?;
        let word = output.text();
        match word.lines().last() {
            Some(word) if !word.is_empty() && word != "not-found" => Ok(word.to_owned()),
            _ => Err(Failure::missing(format!("there is no file of unit {unit} on this host"))
                .detail(output.tail())
                .hint(unit.correct_the_name())),
        }
    }

    fn outputs(unit: &Unit, state: &str) -> Outputs {
        outputs([("unit", json!(unit.name)), ("state", json!(state))])
    }

    /// Whether the state is what is wanted; a failure if it cannot become that.
    fn is_wanted(&self, unit: &Unit, state: &str) -> Result<bool, Failure> {
        match (self.enabled, state) {
            (true, "enabled" | "alias") => Ok(true),
            (true, "masked" | "masked-runtime") => {
                Err(Failure::refused(format!("{unit} is masked, so it cannot be enabled"))
                    .hint(format!("`systemctl unmask {unit}` lifts the mask, if it is not there for a reason")))
            }
            (true, "static" | "indirect" | "generated" | "transient") => Err(Failure::refused(format!(
                "{unit} cannot be enabled: it is {state}, its file has no [Install] section for it"
            ))
            .hint("enable the unit that starts it, such as its socket or timer")),
            (true, _) => Ok(false),
            (false, state) => Ok(!matches!(state, "enabled" | "enabled-runtime" | "linked" | "linked-runtime")),
        }
    }
}

impl Step for AtBoot {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = Self::state(&unit, host)?;
        let prediction = match (self.is_wanted(&unit, &state)?, self.enabled) {
            (true, _) => Prediction::no_change(format!("{unit} is {state}")),
            (false, true) => Prediction::change(format!("{unit} is {state}; it is enabled")),
            (false, false) => Prediction::change(format!("{unit} is {state}; it is disabled")),
        };
        Ok(Probe::of(prediction).with(Self::outputs(&unit, &state)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let unit = self.unit.resolved(work.host)?;
        self.unit.note_alias_of(work.host, &unit)?;
        undo_data::to_json(&Links::of(&unit, work.host)?).map(Prepared::of)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let unit = self.unit.resolved(work.host)?;
        if !self.is_wanted(&unit, &Self::state(&unit, work.host)?)? {
            let verb = if self.enabled { "enable" } else { "disable" };
            work.host.run_well(&unit.systemctl_for(work.host, &[verb], &[&unit.name]))?;
        }
        let state = Self::state(&unit, work.host)?;
        Ok(Done::saying(format!("{unit} is {state}")).with(Self::outputs(&unit, &state)))
    }
}

impl OwnUndo for AtBoot {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let Some(before) = undo_data::read::<Links>(undo)? else { return Ok(String::new()) };
        let unit = self.unit.resolved(work.host)?;
        let (removed, made) = before.restore(&unit, work.host)?;
        unit.daemon_reload(work.host)?;
        Ok(match (removed, made) {
            (0, 0) => format!("the links of {unit} were as before"),
            _ => format!("{unit}: {removed} links removed, {made} put back"),
        })
    }
}
