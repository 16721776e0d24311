//! `systemd.daemon-reload`: systemd has read the files of all units again. Undo lets it read them once more.

use super::params;
use crate::systemd::Unit;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, Purpose, Resource, Role, UndoSource};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};

/// The kind.
pub struct DaemonReload;

static DOC: KindDoc = KindDoc {
    name: "systemd.daemon-reload",
    summary: "Makes systemd read the files of all units again",
    text: "For files that were not written by `systemd.unit-file` or `systemd.drop-in`, which do it themselves. No unit is \
         started or stopped. Undo does it again, when everything else is back.",
    params: &[params::USER],
    outputs: &[],
    example: "- id: read-units\n  uses: systemd.daemon-reload\n",
};

/// The manager itself, in the place of a unit.
const MANAGER: &str = "systemd";

impl Kind for DaemonReload {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let user = args.peek::<bool>("user").known().unwrap_or(false);
        let manager = Resource::Unit(if user { format!("{MANAGER} (user)") } else { MANAGER.to_owned() });
        // The role of a restart: its undo comes after all else is back.
        Declaration { purpose: Purpose::Attendant, ..Declaration::principal(UndoSource::Own) }
            .reads(Resource::UnknownPath)
            .writes(manager.clone())
            .role(Role::Restart(manager))
            .role(Role::Reload)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Reread(Unit::named(MANAGER, args.need("user")?))))
    }
}

struct Reread(Unit);

impl Reread {
    /// When the manager last read the files, in its own count.
    fn read_at(&self, host: &Reader) -> Result<String, Failure> {
        self.0.show(host, &["UnitsLoadTimestampMonotonic"], &[], "the files of units")
    }
}

impl Step for Reread {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.read_at(host)?;
        Ok(Probe::of(Prediction::change("systemd reads the files of all units again")))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        Ok(Prepared::of(json!({ "read_at": self.read_at(work.host)? })))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.0.daemon_reload(work.host)?;
        Ok(Done::saying("systemd has read the files of all units"))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let now = self.read_at(host)?;
        Ok(match undo.get("read_at").and_then(Json::as_str) {
            Some(before) if !before.is_empty() && before == now => {
                Confirmation::NotThere("systemd has not read the files of units since".to_owned())
            }
            Some(before) if !before.is_empty() => Confirmation::There,
            // Older versions of systemd do not tell.
            _ => Confirmation::CannotTell,
        })
    }
}

impl OwnUndo for Reread {
    fn undo(&self, work: &Work<'_>, _: &Json) -> Result<String, Failure> {
        self.0.daemon_reload(work.host)?;
        Ok("systemd has read the files of all units as they are now".to_owned())
    }
}
