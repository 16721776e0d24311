//! `systemd.unit-file`: the file that says what a unit is. Undo puts back the exact file that was there, or its absence.

use super::{params, text};
use crate::systemd::Unit;
use runbook_model::{Declaration, Diagnostic};
use runbook_step::{Args, Kind, KindDoc, Step};
use std::path::PathBuf;

/// The kind.
pub struct UnitFile;

static DOC: KindDoc = KindDoc {
    name: "systemd.unit-file",
    summary: "Writes the file of a unit, and lets systemd read it",
    text: "The file is /etc/systemd/system/UNIT, for a unit of the user ~/.config/systemd/user/UNIT. `systemd-analyze \
         verify` judges the new text first, in a place where systemd does not look; what it refuses is not written. The \
         unit is not restarted. There is nothing to do if the file is the same and systemd has read it. A link at the \
         path, such as that of a masked unit, is refused. Undo puts back the file with mode and owner, or its absence, \
         and lets systemd read it.",
    params: &[params::UNIT, text::CONTENT, text::MODE, params::USER, text::VERIFY],
    outputs: text::OUTPUTS,
    example: "- id: unit\n  uses: systemd.unit-file\n  with:\n    unit: gateway.service\n    content: |\n      [Service]\n      \
         ExecStart=/srv/app/bin/gateway\n      [Install]\n      WantedBy=multi-user.target\n",
};

impl Kind for UnitFile {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let name = args.peek::<String>("unit").known();
        text::declare(args, name.map(|name| PathBuf::from(Unit::named(&name, false).name)))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let unit = params::unit(args)?;
        text::bind(args, &unit.name)
    }
}
