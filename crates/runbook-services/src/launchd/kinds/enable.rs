//! `launchd.enable` and `launchd.disable`: whether launchd loads a job. Undo says again what was said.

use super::params;
use crate::launchd::{Definition, Job};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, UndoSource, outputs};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// The kinds `launchd.enable` and `launchd.disable`.
pub struct Overrides {
    doc: &'static KindDoc,
    disabled: bool,
}

impl Overrides {
    /// `launchd.enable`.
    pub const ENABLE: Self = Self { doc: &ENABLE, disabled: false };
    /// `launchd.disable`.
    pub const DISABLE: Self = Self { doc: &DISABLE, disabled: true };
}

const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "label", help: "its label, text" },
    OutputDoc { name: "state", help: "`enabled` or `disabled`, text" },
];

static ENABLE: KindDoc = KindDoc {
    name: "launchd.enable",
    summary: "Lets launchd load a job",
    text: "launchd keeps in a database of its own which jobs it may load; without an entry there, `Disabled` in the job's \
         property list counts. This writes the entry. It loads nothing now: that is `launchd.bootstrap`, which refuses a \
         job that is disabled. Undo writes the opposite if the job was disabled. launchd has no way to remove an entry: one \
         that was not there stays, and says what was so without it.",
    params: &[params::LABEL, params::DOMAIN, params::PLIST],
    outputs: OUTPUTS,
    example: "- id: at-login\n  uses: launchd.enable\n  with: { label: com.example.gateway, domain: gui/501 }\n",
};

static DISABLE: KindDoc = KindDoc {
    name: "launchd.disable",
    summary: "Keeps launchd from loading a job",
    text: "Writes into launchd's database that the job is not to be loaded, at the next boot or login either. A job that is \
         loaded goes on: ending it is `launchd.bootout`. Undo writes the opposite if the job was enabled; an entry that was \
         not there stays, and says what was so without it.",
    params: &[params::LABEL, params::DOMAIN, params::PLIST],
    outputs: OUTPUTS,
    example: "- id: not-at-login\n  uses: launchd.disable\n  with: { label: com.example.gateway, domain: gui/501 }\n",
};

impl Kind for Overrides {
    fn doc(&self) -> &KindDoc {
        self.doc
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writes(params::resource(args)).reading(params::plists(args))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(AtBoot { job: params::job(args)?, plist: params::plist(args)?, disabled: self.disabled }))
    }
}

struct AtBoot {
    job: Job,
    plist: Option<PathBuf>,
    disabled: bool,
}

impl AtBoot {
    /// Whether it is disabled now. A job without a property list has only the entry.
    fn is_disabled(&self, host: &Reader) -> Result<bool, Failure> {
        let plist = self.job.plist(host, self.plist.as_deref())?;
        self.job.is_disabled(host, Definition::at(host, &plist)?.as_ref())
    }

    fn outputs(&self) -> Outputs {
        outputs([("label", json!(self.job.label)), ("state", json!(word(self.disabled)))])
    }
}

fn word(disabled: bool) -> &'static str {
    if disabled { "disabled" } else { "enabled" }
}

impl Step for AtBoot {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (job, now) = (&self.job, self.is_disabled(host)?);
        let prediction = match now == self.disabled {
            true => Prediction::no_change(format!("{job} is {}", word(now))),
            false => Prediction::change(format!("{job} is {}; it becomes {}", word(now), word(self.disabled))),
        };
        Ok(Probe::of(prediction).with(self.outputs()))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        Ok(Prepared::of(json!({ "disabled": self.is_disabled(work.host)? })))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        if self.is_disabled(work.host)? != self.disabled {
            self.job.set_disabled(work.host, self.disabled)?;
        }
        Ok(Done::saying(format!("{} is {}", self.job, word(self.disabled))).with(self.outputs()))
    }
}

impl OwnUndo for AtBoot {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let Some(before) = undo.get("disabled").and_then(Json::as_bool) else {
            return Ok(String::new());
        };
        if self.is_disabled(work.host)? == before {
            return Ok(format!("{} was {} as before", self.job, word(before)));
        }
        self.job.set_disabled(work.host, before)?;
        Ok(format!("{} is {} as before", self.job, word(before)))
    }
}
