//! `file.remove`: nothing at this path. Undo puts back exactly what was there.

use super::in_the_way::other_names;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, UndoSource};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// The kind.
pub(crate) struct FileRemove;

static DOC: KindDoc = KindDoc {
    name: "file.remove",
    summary: "Removes a file, a symlink, or a directory with all that it holds",
    text: "Nothing there is fine. Links are removed, never followed, so what they point to stays. Before anything goes, \
         all of it is captured with modes, owners, times and attributes; undo puts the exact tree back. The root, the \
         home directory, directories above it, runbook's own files, mount points and trees that hold one are refused.",
    params: &[Param::required("path", ParamType::Path, "What to remove")],
    outputs: &[OutputDoc { name: "removed", help: "whether something was there, true or false" }],
    example: "- id: stale-lock\n  uses: file.remove\n  with:\n    path: ~/.openclaw/gateway.lock\n",
};

impl Kind for FileRemove {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writing(args.path_resource("path"))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Remove { path: args.need("path")? }))
    }
}

struct Remove {
    path: PathBuf,
}

impl Step for Remove {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let path = self.path.display();
        host.expendable(&self.path)?;
        let prediction = match host.lstat(&self.path)? {
            None => Prediction::no_change(format!("nothing is at {path}")),
            Some(found) if found.is_dir() => {
                let inside = host.list(&self.path)?.unwrap_or_default().len();
                Prediction::change(format!("the directory {path} is removed, with {inside} entries directly in it"))
            }
            Some(found) if found.is_symlink() => {
                let target = host.read_link(&self.path)?.unwrap_or_default();
                Prediction::change(format!("the link {path} → {} is removed", target.display()))
            }
            Some(found) => {
                let parted = other_names(Some(&found));
                Prediction::change(format!("{path} is removed, {} bytes{parted}", found.len()))
            }
        };
        let removed = json!(!prediction.is_no_change());
        Ok(Probe::of(prediction).with([("removed", removed)]))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(&self.path))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        work.host.expendable(&self.path)?;
        work.capture(std::slice::from_ref(&self.path)).map(Prepared::of)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        work.host.expendable(&self.path)?;
        work.host.still_wanted()?;
        work.host.remove_tree(&self.path)?;
        Ok(Done::saying(format!("{} removed", self.path.display())).with([("removed", json!(true))]))
    }
}
