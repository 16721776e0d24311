//! `wait.soak`: a pause in which faults that come late can show.

use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, format_duration};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Param, ParamType, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The kind.
pub(crate) struct WaitSoak;

static DOC: KindDoc = KindDoc {
    name: "wait.soak",
    summary: "Waits, so that faults that come late can show",
    text: "The end of the pause is fixed when the step begins and kept with the run: a run that is resumed waits only for \
         what is left of it. The pause ends early when the operator cancels. A verification after it sees what happened \
         meanwhile. It changes nothing, so there is nothing to undo.",
    params: &[Param::required("for", ParamType::Duration, "How long")],
    outputs: &[],
    example: "- id: soak\n  uses: wait.soak\n  with:\n    for: 10m\n",
};

impl Kind for WaitSoak {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration::attendant()
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Soak { pause: args.need("for")? }))
    }
}

struct Soak {
    pause: Duration,
}

/// When the pause that `prepare` began is over, in milliseconds since 1970.
fn end(undo: &Json) -> Option<i64> {
    undo.get("until_ms").and_then(Json::as_i64)
}

impl Step for Soak {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        Ok(Probe::of(Prediction::change(format!("waits {}", format_duration(self.pause)))))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let pause = i64::try_from(self.pause.as_millis()).unwrap_or(i64::MAX);
        Ok(Prepared::of(json!({ "until_ms": work.host.now_ms().saturating_add(pause) })))
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let left = end(undo).unwrap_or_default().saturating_sub(work.host.now_ms());
        // A clock that was set back must not make the pause longer than the plan says.
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default()).min(self.pause);
        work.host.pause(left)?;
        Ok(Done::saying(format!("waited {}", format_duration(self.pause))))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        match end(undo).unwrap_or_default().saturating_sub(host.now_ms()) {
            ..=0 => Ok(Confirmation::There),
            left => Ok(Confirmation::NotThere(format!(
                "{} of the pause are left",
                format_duration(Duration::from_millis(u64::try_from(left).unwrap_or_default()))
            ))),
        }
    }
}
