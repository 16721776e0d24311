//! `systemd.drop-in`: a file that changes a unit whose own file belongs to somebody else, such as a package.

use super::{params, text};
use crate::systemd::Unit;
use runbook_model::{Declaration, Diagnostic};
use runbook_step::{Args, Kind, KindDoc, Names, Param, ParamType, Peek, Step};
use std::path::PathBuf;

/// What its name has to be.
const NAME: Names = Names { wanted: "a name of letters, digits, `-`, `_`, `.` and `@`, without `.conf`", fit: is_name };

/// The kind.
pub struct DropIn;

static DOC: KindDoc = KindDoc {
    name: "systemd.drop-in",
    summary: "Writes a drop-in of a unit, and lets systemd read it",
    text: "The file is /etc/systemd/system/UNIT.d/NAME.conf, for a unit of the user ~/.config/systemd/user/UNIT.d/NAME.conf. \
         Drop-ins are read in the order of their names. `systemd-analyze verify` judges the unit with the new text first. \
         Everything else is as with `systemd.unit-file`; a directory that the step made goes again if it is empty.",
    params: &[
        params::UNIT,
        Param::required("name", ParamType::Name(NAME), "The drop-in's name, without `.conf`"),
        text::CONTENT,
        text::MODE,
        params::USER,
        text::VERIFY,
    ],
    outputs: text::OUTPUTS,
    example: "- id: memory\n  uses: systemd.drop-in\n  with:\n    unit: gateway.service\n    name: 50-memory\n    content: |\n      \
         [Service]\n      MemoryMax=2G\n",
};

impl Kind for DropIn {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let place = match (args.peek::<String>("unit"), args.peek::<String>("name")) {
            (Peek::Known(unit), Peek::Known(name)) => Some(PathBuf::from(place(&Unit::named(&unit, false), &name))),
            _ => None,
        };
        text::declare(args, place)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        text::bind(args, &place(&params::unit(args)?, &args.need::<String>("name")?))
    }
}

fn place(unit: &Unit, name: &str) -> String {
    format!("{}.d/{name}.conf", unit.name)
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.ends_with(".conf")
        && name.chars().all(plain)
}
