//! A bound step of an external kind: each method is one call of the program.

use super::call::{answer, command, text};
use crate::{Confirmation, Done, OwnUndo, PlanFile, Prepared, Probe, Step, Undoing, Work};
use runbook_host::Reader;
use runbook_model::{Failure, Outputs, Prediction};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may take to read the host; `apply`, `prepare` and `undo` have the limit of the step.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) struct ExternalStep {
    pub(super) name: String,
    pub(super) program: PathBuf,
    /// The copy of it that the run keeps.
    pub(super) kept: Option<PlanFile>,
    pub(super) parameters: Json,
    pub(super) probe_reads: bool,
    pub(super) own_undo: bool,
    /// Paths that come back from the plan's backup.
    pub(super) covered: Vec<PathBuf>,
}

impl Step for ExternalStep {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        if !self.probe_reads {
            let because = format!("`{}` does not promise that its probe only reads", self.name);
            return Ok(Probe::of(Prediction::CannotPredict { because }));
        }
        let answer = self.ask(host, "probe", json!({ "dry_run": true }))?;
        let summary = text(&answer, "summary");
        let diff = answer.get("diff").and_then(Json::as_str).map(str::to_owned);
        let prediction = match text(&answer, "prediction").as_str() {
            "no-change" => Prediction::NoChange { summary },
            "change" => Prediction::Change { summary, diff },
            "cannot-predict" => Prediction::CannotPredict { because: summary },
            other => return Err(self.unknown_word("probe", "prediction", other, "no-change, change, cannot-predict")),
        };
        Ok(Probe::of(prediction).with(outputs(&answer)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        self.covered.iter().try_for_each(|path| host.can_restore(path))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let restore_points = work.covering_all(&self.covered)?;
        if !self.own_undo {
            return Ok(Prepared { restore_points, ..Prepared::default() });
        }
        let answer = self.call(work, "prepare", &Json::Null)?;
        let undo = answer.get("undo").cloned().ok_or_else(|| {
            Failure::failed(format!("`{}` prepared nothing to undo its work with", self.program.display()))
                .hint("its capabilities say `undo: own`, so the answer to `prepare` needs `undo`")
        })?;
        Ok(Prepared { undo, restore_points, service: None })
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let answer = self.call(work, "apply", undo)?;
        Ok(Done::saying(text(&answer, "summary")).with(outputs(&answer)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let answer = self.ask(host, "confirm", json!({ "undo": undo }))?;
        match text(&answer, "state").as_str() {
            "there" => Ok(Confirmation::There),
            "not-there" => Ok(Confirmation::NotThere(text(&answer, "summary"))),
            "cannot-tell" => Ok(Confirmation::CannotTell),
            other => Err(self.unknown_word("confirm", "state", other, "there, not-there, cannot-tell")),
        }
    }

    fn ends_what_it_left(&self) -> bool {
        self.own_undo
    }
}

impl OwnUndo for ExternalStep {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        if self.own_undo {
            return Ok(text(&self.call(work, "undo", undo)?, "summary"));
        }
        let done: Result<Vec<String>, Failure> = self.covered.iter().map(|path| work.restore(path)).collect();
        Ok(done?.join("; "))
    }
}

impl ExternalStep {
    /// The program as it was judged: the one that is installed, beside which lies what it may need; where that was changed or is
    /// gone, the copy that the run keeps.
    fn place(&self, host: &Reader) -> Result<PathBuf, Failure> {
        let Some((kept, path)) = self.kept.as_ref().and_then(|kept| Some((kept, kept.kept()?))) else {
            return Ok(self.program.clone());
        };
        if matches!(host.digest(&self.program), Ok(Some(digest)) if digest == kept.brought().digest()) {
            return Ok(self.program.clone());
        }
        // The copy, too, is run only as it was judged.
        kept.content()?;
        Ok(path.to_owned())
    }

    fn ask(&self, host: &Reader, call: &str, mut message: Json) -> Result<Json, Failure> {
        message["kind"] = json!(self.name);
        message["parameters"] = self.parameters.clone();
        let mut command = command(&self.place(host)?, call, message);
        command.limit = Some(LIMIT);
        answer(&self.program, call, &host.ask(&command)?)
    }

    fn call(&self, work: &Work<'_>, call: &str, undo: &Json) -> Result<Json, Failure> {
        let message = json!({
            "kind": self.name,
            "step": work.step.to_string(),
            "dir": work.dir.to_string_lossy(),
            "parameters": self.parameters,
            "undo": undo,
        });
        answer(&self.program, call, &work.host.run(&command(&self.place(work.host)?, call, message))?)
    }

    fn unknown_word(&self, call: &str, key: &str, word: &str, words: &str) -> Failure {
        Failure::failed(format!("the answer of `{} {call}` has `{key}` = `{word}`", self.program.display()))
            .hint(format!("it is one of {words}; see docs/external-kinds.md"))
    }
}

fn outputs(answer: &Json) -> Outputs {
    answer.get("outputs").and_then(Json::as_object).cloned().unwrap_or_default()
}
