//! What `systemd.unit-file` and `systemd.drop-in` share: the text that belongs to a unit.

use super::params;
use crate::definition_file::WriteDefinition;
use crate::systemd::{Unit, UnitText};
use runbook_model::{Declaration, Diagnostic, Resource, UndoSource};
use runbook_step::{Args, Mode, OutputDoc, Param, ParamType, Step, TextFile};
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
    Ok(Box::new(WriteDefinition(UnitText {
        file: TextFile {
            path: unit.config_dir(&args.context.home).join(place),
            content: args.need("content")?,
            mode: args.maybe::<Mode>("mode")?.map_or(0o644, |mode| mode.0),
        },
        unit,
        verify: args.need("verify")?,
    })))
}
