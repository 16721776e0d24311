//! Kinds that do one thing: write a file, wait for one, wait for a person, prove nothing.

use runbook_host::{Host, Reader};
use runbook_model::*;
use runbook_step::*;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::time::Duration;

const LOOK: Duration = Duration::from_millis(2);

pub(crate) static KINDS: &[&dyn Kind] = &[
    &Of { doc: doc("test.write"), does: Does::Write },
    &Of { doc: doc("test.wait"), does: Does::Wait },
    &Of { doc: doc("test.gate"), does: Does::Gate },
    &Of { doc: doc("test.proven"), does: Does::Prove },
    &Of { doc: doc("test.unproven"), does: Does::ProveNothing },
];

/// Every secret is handed in.
pub(crate) struct AllHandedIn;

impl SecretProvider for AllHandedIn {
    fn before_the_run(&self, _: &Plan, _: &str) -> Result<Early, Failure> {
        Ok(Early::HandedIn)
    }

    fn fetch(&self, _: &Plan, name: &str, _: &Host) -> Result<SecretValue, Failure> {
        Err(Failure::missing(name))
    }

    fn lacks(&self, _: &Plan, _: &str, _: &Reader) -> Vec<Lack> {
        Vec::new()
    }

    fn withheld(&self, _: &Plan) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Clone, Copy)]
enum Does {
    Write,
    Wait,
    Gate,
    Prove,
    ProveNothing,
}

struct Of {
    doc: KindDoc,
    does: Does,
}

const PARAMS: &[Param] = &[
    Param::required("path", ParamType::Path, "A file"),
    Param::default("content", ParamType::Content, "", "What it holds"),
];

const fn doc(name: &'static str) -> KindDoc {
    KindDoc { name, summary: "", text: "", params: PARAMS, outputs: &[], example: "" }
}

impl Kind for Of {
    fn doc(&self) -> &KindDoc {
        &self.doc
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        match self.does {
            Does::Write => {
                let path = args.need("path").unwrap_or_else(|_| panic!("it has a path"));
                Declaration::principal(UndoSource::Own).writes(Resource::Path(path))
            }
            Does::Wait => Declaration::attendant().role(Role::Gate),
            Does::Gate => Declaration::attendant().role(Role::Gate).role(Role::Approve),
            Does::Prove | Does::ProveNothing => Declaration::attendant().role(Role::Verify(Vec::new())),
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(One { does: self.does, path: args.need("path")?, content: args.need("content")? }))
    }
}

struct One {
    does: Does,
    path: PathBuf,
    content: String,
}

impl Step for One {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        let there = matches!(self.does, Does::Write) && self.path.exists();
        Ok(Probe::of(if there { Prediction::no_change("") } else { Prediction::change("") }))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        match self.does {
            Does::Write => {
                std::fs::write(&self.path, &self.content).map_err(|error| Failure::failed(error.to_string()))?
            }
            Does::Wait => {
                while !self.path.exists() {
                    work.host.pause(LOOK)?;
                }
            }
            Does::Gate => {
                if work.approval().is_none() {
                    work.wait_for(Waiting { message: "go?".to_owned(), answer: String::new() });
                }
                while work.approval().is_none() {
                    work.host.pause(LOOK)?;
                }
            }
            Does::Prove => {}
            Does::ProveNothing => return Err(Failure::new(FailureKind::Inconclusive, "nothing is proven")),
        }
        Ok(Done::saying(""))
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::There)
    }
}

impl OwnUndo for One {
    fn undo(&self, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        if matches!(self.does, Does::Write) {
            std::fs::remove_file(&self.path).map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(String::new())
    }
}
