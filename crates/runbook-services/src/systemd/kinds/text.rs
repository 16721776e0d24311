//! What `systemd.unit-file` and `systemd.drop-in` share: a text that belongs to a unit, as a step.

use super::params;
use crate::systemd::{Unit, UnitText};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Outputs, Prediction, Resource, UndoPhase, UndoSource};
use runbook_step::TextFile;
use runbook_step::diff::{self, diff};
use runbook_step::{Args, Done, Mode, OutputDoc, Param, ParamType, Probe, Step, Work};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

pub(super) const CONTENT: Param = Param::required("content", ParamType::Content, "Its whole text");
pub(super) const MODE: Param = Param::optional("mode", ParamType::Mode, "Permission bits; 0644 without it");
pub(super) const VERIFY: Param = Param::default(
    "verify",
    ParamType::Bool,
    "true",
    "Whether `systemd-analyze verify` has to accept the text first, where that program is",
);
pub(super) const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "unit", help: "the unit's whole name, text" },
    OutputDoc { name: "path", help: "the file's absolute path, text" },
];

/// What a step does that writes the file at `place` in the directory of units.
pub(super) fn declare(args: &Args<'_>, place: Option<PathBuf>) -> Declaration {
    let user = args.peek::<bool>("user").known().unwrap_or(false);
    let dir = Unit::named("any", user).config_dir(&args.context.home);
    Declaration::principal(UndoSource::Own)
        .writes(place.map_or(Resource::UnknownPath, |place| Resource::Path(dir.join(place))))
        .writes(params::resource(args))
}

pub(super) fn bind(args: &Args<'_>, place: &str) -> Result<Box<dyn Step>, Diagnostic> {
    let unit = params::unit(args)?;
    Ok(Box::new(Text(UnitText {
        file: TextFile {
            path: unit.config_dir(&args.context.home).join(place),
            content: args.need("content")?,
            mode: args.maybe::<Mode>("mode")?.map_or(0o644, |mode| mode.0),
        },
        unit,
        verify: args.need("verify")?,
    })))
}

struct Text(UnitText);

impl Text {
    fn outputs(&self) -> Outputs {
        Outputs::from_iter([
            ("unit".to_owned(), json!(self.0.unit.name)),
            ("path".to_owned(), json!(self.0.file.path.to_string_lossy())),
        ])
    }
}

impl Step for Text {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.0.unit.needs_systemd(host)?;
        let place = self.0.file.path.display();
        let found = self.0.file.found(host)?;
        let prediction = if !self.0.file.is_there(&found) {
            let what = if found.content.is_some() { "changes" } else { "is created" };
            let private = found.mode.is_some_and(|mode| mode & 0o004 == 0);
            let old = diff::Text { bytes: found.content.as_deref().unwrap_or_default(), private };
            let shown = diff(&self.0.file.path, old, diff::Text::open(self.0.file.content.as_bytes()));
            Prediction::change_with(format!("{place} {what}; systemd reads it"), shown)
        } else if self.0.needs_reload(host)? {
            Prediction::change(format!("{place} is as wanted; systemd reads it"))
        } else {
            Prediction::no_change(format!("{place} is as wanted"))
        };
        Ok(Probe::of(prediction).with(self.outputs()))
    }

    fn can_take_back(&self, host: &Reader) -> Result<(), Failure> {
        host.can_put_back(&self.0.file.path)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.0.file.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.0.put(work)?;
        Ok(Done::saying(format!("{} written, systemd has read it", self.0.file.path.display())).with(self.outputs()))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        match phase {
            UndoPhase::Undo => self.0.take_back(work, undo),
            UndoPhase::Halt | UndoPhase::Insurance => Ok(String::new()),
        }
    }
}
