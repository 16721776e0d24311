//! `gate.approve`: the plan goes on when a person says so.

use runbook_host::Reader;
use runbook_model::{
    Approval, Declaration, Diagnostic, Failure, Next, Prediction, Role, RunId, Waiting, format_duration,
};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// How often an approval is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// The kind.
pub(crate) struct GateApprove;

static DOC: KindDoc = KindDoc {
    name: "gate.approve",
    summary: "Holds the plan until a person approves",
    text: "The run names the command that lets it go on, to be typed on this host, from another terminal: `approve`, with the \
         run and the step. Who approved, when and why is kept with the run. Without an answer within the limit the step refuses and the failure policy of the plan \
         decides. An approval outlives a crash: a resumed run does not ask again. It changes nothing, so there is \
         nothing to undo.",
    params: &[
        Param::required("message", ParamType::String, "What the person is asked to decide"),
        Param::default("within", ParamType::Duration, "1h", "How long to wait for an answer"),
    ],
    outputs: &[
        OutputDoc { name: "by", help: "who approved, text" },
        OutputDoc { name: "at", help: "when, milliseconds since 1970, a number" },
        OutputDoc { name: "because", help: "the reason given, text" },
    ],
    example: "- id: go\n  uses: gate.approve\n  with:\n    message: The backup is complete. Stop the gateway?\n    \
         within: 30m\n",
};

impl Kind for GateApprove {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration::attendant().role(Role::Gate).role(Role::Approve)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Approve { message: args.need("message")?, within: args.need("within")? }))
    }
}

struct Approve {
    message: String,
    within: Duration,
}

impl Step for Approve {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        Ok(Probe::of(Prediction::CannotPredict { because: format!("waits for an approval: {}", self.message) }))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let run = super::backup_create::run_name(work.dir);
        let run = RunId::new(&run).ok_or_else(|| Failure::failed(format!("`{run}` is no id of a run")))?;
        let answer = Next::Approve(run, work.step.clone()).to_string();
        let begin = Instant::now();
        let mut asked = false;
        loop {
            if let Some(approval) = work.approval() {
                let summary = approval.to_string();
                let Approval { by, at, because } = approval;
                let outputs = [("by", json!(by)), ("at", json!(at)), ("because", json!(because))];
                return Ok(Done::saying(summary).with(outputs));
            }
            let Some(left) = self.within.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) else {
                let within = format_duration(self.within);
                return Err(Failure::refused(format!("nobody approved within {within}: {}", self.message))
                    .hint("run it again; the new run shows the command that approves it"));
            };
            if !std::mem::replace(&mut asked, true) {
                work.wait_for(Waiting { message: self.message.clone(), answer: answer.clone() });
                work.say("waits for an answer");
            }
            work.host.pause(left.min(LOOK))?;
        }
    }
}
