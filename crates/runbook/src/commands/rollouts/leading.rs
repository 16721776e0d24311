//! One controller on this screen: it is begun or gone on with, watched, steered by Ctrl-C, and told of at its end.

use crate::cli::Format;
use crate::commands::reaching::{Reaching, Work};
use crate::screen::Screen;
use runbook_engine::{Control, Letter};
use runbook_fleet::rollout::{AfarSite, Controller, JudgePlan, RolloutError, Seen, Setup, Sites, prune};
use runbook_fleet::{Call, Dial, RolloutFiles, not_made};
use runbook_host::Reader;
use runbook_journal::Holder;
use runbook_model::{HostName, Inventory, Next, Severity, StepId};
use runbook_plan::ArtifactAt;
use runbook_report::{Estate, clean, rollout_json, rollout_line, rollout_rows};
use runbook_rollout::{How, RolloutRecord, RolloutState, TargetVerdict, Told, Waves, WhyLeave};
use runbook_session::{CommandError, Exit, Session, now_ms};
use runbook_wire::Contents;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use tokio::sync::mpsc::unbounded_channel;

/// Who leads, and how hosts are reached.
pub(super) struct Leading<'a> {
    pub(super) screen: &'a Screen,
    pub(super) session: &'a Session,
    pub(super) reaching: Reaching,
    pub(super) common: Arc<Common>,
    /// The number of the attempt, once it is known.
    pub(super) number: Arc<OnceLock<u32>>,
    pub(super) given: GivenBefore,
}

impl Leading<'_> {
    /// Leads the attempt that `begin` begins or opens to its end, and gives the worst of what its hosts came to.
    pub(super) fn lead(
        self,
        begin: impl FnOnce(Setup) -> Result<Controller, RolloutError>,
    ) -> Result<Exit, CommandError> {
        let Self { screen, session, .. } = self;
        let ((watch, seen), (tell, told)) = (channel(), channel());
        let (send, mut controls) = unbounded_channel();
        screen.interrupts().steer(send);
        let by = session.facts().user;
        let setup = Setup { by: by.clone(), site: self.sites(), watch, told, uptime: Box::new(uptime) };
        let controller = begin(setup).map_err(refused)?;
        let waves = controller.waves().clone();
        thread::spawn(move || {
            while let Some(control) = controls.blocking_recv() {
                if letters(&control, &by).is_some_and(|told| tell.send(told).is_err()) {
                    return;
                }
            }
        });
        let leads = thread::Builder::new().name("controller".to_owned()).spawn(move || controller.run())?;
        let mut records = Vec::new();
        for one in seen {
            show(screen, &waves, &one)?;
            if let Seen::Record(record) = one {
                records.push(*record);
            }
        }
        let ended = leads.join().map_err(|_| io::Error::other("the controller ended by a fault of its own"))?;
        let ended = ended.map_err(refused)?;
        conclude(screen, &waves, &ended.state, &records)?;
        Ok(match ended.why {
            WhyLeave::Finished => {
                let exit = worst(&waves, &ended.state);
                if exit == Exit::Done {
                    tidy_up(screen, session);
                }
                exit
            }
            WhyLeave::Drained => Exit::Cancelled,
            WhyLeave::Superseded => {
                return Err(CommandError::new(Exit::Held, "another controller acts for this rollout"));
            }
        })
    }

    fn sites(&self) -> Sites {
        let (reaching, common, session) = (self.reaching.clone(), Arc::clone(&self.common), self.session.clone());
        let (number, given) = (Arc::clone(&self.number), self.given.clone());
        let stages = &self.common.files.rollout.stages;
        let gives: BTreeMap<StepId, Vec<StepId>> = stages
            .iter()
            .map(|stage| (stage.id.clone(), stage.artifacts.iter().map(|(id, _)| id.clone()).collect()))
            .collect();
        let takes = stages.iter().filter(|stage| !stage.promote.is_empty()).map(|stage| stage.id.clone());
        let takes: BTreeSet<StepId> = takes.collect();
        Box::new(move |name, epoch| {
            // A later attempt takes over what an earlier one kept, whether or not that could still let go of it.
            let epoch = (u64::from(number.get().copied().unwrap_or_default()) << 16) + epoch;
            let work = format!("rollout {}", common.files.rollout.name);
            Box::new(AfarSite {
                call: calling(reaching.clone(), &common, name, work),
                epoch,
                what: common.what.clone(),
                hold: common.files.rollout.confirm_within,
                judge: judging(&common, &session, name),
                gives: gives.clone(),
                takes: takes.clone(),
                given: given.get(name).cloned().unwrap_or_default(),
                contents: common.contents.clone(),
                door: None,
                called: 0,
                interrupted: None,
            })
        })
    }
}

/// What is past its retention goes after an attempt that ended well, as it does after a run.
fn tidy_up(screen: &Screen, session: &Session) {
    let holder = holder(session, "removing what is past its retention".to_owned());
    match prune(session.state_dir(), &holder, now_ms()) {
        Ok(0) => {}
        Ok(gone) => screen.note(&format!("{} past its retention removed", super::counted(gone, "attempt"))),
        Err(error) => screen.note(&format!("what is past its retention stays: {error}")),
    }
}

/// What hosts were given before, by name of the artifact.
pub(super) type GivenBefore = BTreeMap<HostName, BTreeMap<StepId, String>>;

/// What all hosts of a rollout have in common.
pub(super) struct Common {
    pub(super) files: RolloutFiles,
    /// The environment that wins over that of the rollout.
    pub(super) env: Option<String>,
    /// Variables that win over all others.
    pub(super) vars: Vec<String>,
    /// Where artifacts lie here.
    pub(super) contents: Contents,
    /// What others are told that a host is kept for.
    pub(super) what: String,
}

fn calling(reaching: Reaching, common: &Common, name: &HostName, work: String) -> Box<dyn FnMut(u64) -> Call + Send> {
    let (host, name) = (common.files.inventory.host(name.as_str()).cloned(), name.clone());
    Box::new(move |epoch| {
        let missing = format!("there is no host `{name}` in the inventory");
        let dial: Dial = match &host {
            Some(host) => reaching.dial(host),
            None => Box::new(move || Err(CommandError::refused(missing.clone()))),
        };
        let skew = host.as_ref().map_or(Inventory::MAX_CLOCK_SKEW, |host| host.max_clock_skew);
        reaching.call(Work { name: work.clone(), epoch }, (name.as_str(), skew), dial, Box::new(|_| {}))
    })
}

fn judging(common: &Arc<Common>, session: &Session, name: &HostName) -> JudgePlan {
    let (common, session, name) = (Arc::clone(common), session.clone(), name.clone());
    Box::new(move |target, facts, given| {
        let files = &common.files;
        let stage = files.rollout.stage(&target.stage).ok_or("the rollout has no such stage")?;
        let at = |artifact: &StepId| match given.get(artifact) {
            Some((path, digest)) => ArtifactAt { path: path.to_string_lossy().into_owned(), digest: digest.clone() },
            None => not_made(artifact),
        };
        let flags = (common.env.as_deref(), common.vars.as_slice());
        let judged = files.judge_host(&session, (stage, &name), facts.clone(), flags, at);
        let judged = judged.map_err(|error| error.message)?;
        judged.program.ok_or_else(|| {
            let first = judged.diagnostics.iter().find(|found| found.severity == Severity::Error);
            first.map_or("its plan is refused".to_owned(), |found| found.message.clone())
        })
    })
}

/// Who holds the journal of an attempt here.
pub(super) fn holder(session: &Session, doing: String) -> Holder {
    Holder { pid: std::process::id(), user: session.facts().user, doing, since: now_ms() }
}

fn uptime() -> runbook_model::Uptime {
    Reader::new("/", "/").uptime()
}

fn letters(control: &Control, by: &str) -> Option<Told> {
    let by = by.to_owned();
    match control {
        Control::Letter(Letter::Drain) => Some(Told::Drain { by }),
        Control::Letter(Letter::Cancel) => Some(Told::Cancel { by }),
        _ => None,
    }
}

pub(super) fn refused(error: RolloutError) -> CommandError {
    let hint = match &error {
        RolloutError::Open(attempt) => {
            let [resume, cancel] = [Next::ResumeRollout, Next::CancelRollout].map(|next| next(attempt.rollout.clone()));
            Some(format!("`{resume}`, or `{cancel}`"))
        }
        _ => None,
    };
    CommandError { hint, ..CommandError::refused(error.to_string()) }
}

fn show(screen: &Screen, waves: &Waves, seen: &Seen) -> Result<(), CommandError> {
    match (screen.format, seen) {
        (Format::Text, Seen::Record(record)) => match rollout_line(record, waves) {
            Some(line) => screen.text(&line),
            None => Ok(()),
        },
        (Format::Text, Seen::Note { host, text }) => {
            screen.note(&clean(&format!("{host}: {text}")));
            Ok(())
        }
        (Format::Text | Format::Json, _) => Ok(()),
        (Format::Ndjson, Seen::Record(record)) => screen.json(&json!(record)),
        (Format::Ndjson, Seen::Run { target, record }) => screen.json(&json!({ "target": target, "record": record })),
        (Format::Ndjson, Seen::Progress { target, step, note }) => {
            screen.json(&json!({ "target": target, "step": step, "progress": note }))
        }
        (Format::Ndjson, Seen::Note { host, text }) => screen.json(&json!({ "host": host, "note": text })),
    }
}

/// Tells what the attempt came to.
pub(super) fn conclude(
    screen: &Screen,
    waves: &Waves,
    state: &RolloutState,
    records: &[RolloutRecord],
) -> Result<(), CommandError> {
    let estate = Estate { waves, state, records, doing: &BTreeMap::new(), runs: &[], elapsed_ms: state.elapsed_ms };
    match screen.format {
        Format::Text => screen.text(&format!("\n{}", rollout_rows(&estate, None, screen.style()))),
        Format::Json => screen.json(&rollout_json(&estate)),
        // Whoever watched it has them already.
        Format::Ndjson => Ok(()),
    }
}

/// The worst of what the targets came to.
pub(super) fn worst(waves: &Waves, state: &RolloutState) -> Exit {
    let exits = waves.targets().map(|(_, target)| match state.verdict(&target) {
        Some(TargetVerdict::Ok | TargetVerdict::NothingToDo) => Exit::Done,
        Some(TargetVerdict::LeftAlone) | Some(TargetVerdict::Failed(How::Refused)) => Exit::Held,
        Some(TargetVerdict::TakenBack | TargetVerdict::Failed(How::RolledBack)) => Exit::RolledBack,
        Some(TargetVerdict::Failed(How::Stopped | How::Accepted | How::Forgotten) | TargetVerdict::BackOwed) => {
            Exit::Stopped
        }
        Some(TargetVerdict::Unreachable | TargetVerdict::Lost) => Exit::Unreachable,
        Some(TargetVerdict::Stuck) => Exit::Stuck,
        None => Exit::Held,
    });
    exits.fold(Exit::Done, Exit::worse)
}
