//! A host of its own for one run, and the run on a thread beside the one that steers it.

use crate::kinds::{AllHandedIn, KINDS};
use crate::plan::plan;
use runbook_engine::{Control, Ending, Observer, Program, Runner, Saved, Settings, compile};
use runbook_journal::{Holder, Journal, Lock, StateDir};
use runbook_model::*;
use runbook_step::Catalogue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const HOUR: Duration = Duration::from_secs(3600);

/// For how long something is waited for that has to come.
const COMES: Duration = Duration::from_secs(60);

pub(crate) fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

pub(crate) struct Stage {
    pub(crate) state: StateDir,
    pub(crate) run: RunId,
    dir: tempfile::TempDir,
    steps: &'static [(&'static str, &'static str, &'static str)],
    hold: Option<Duration>,
    handed_in_within: Duration,
    secret: bool,
}

/// A run that another thread holds.
pub(crate) struct Held {
    controls: UnboundedSender<Control>,
    records: Receiver<Record>,
    runs: JoinHandle<Ending>,
}

struct Tells(Sender<Record>);

impl Observer for Tells {
    fn record(&mut self, record: &Record) {
        let _ = self.0.send(record.clone());
    }
}

impl Stage {
    /// Steps one after another: id, kind and path.
    pub(crate) fn new(steps: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("state"));
        Self {
            state,
            run: RunId::new("7k2m9c").unwrap(),
            dir,
            steps,
            hold: None,
            handed_in_within: HOUR,
            secret: false,
        }
    }

    /// The same, whose run waits for a commit at its end.
    pub(crate) fn holding(self, within: Duration) -> Self {
        Self { hold: Some(within), ..self }
    }

    /// The same, in which every file that is written holds the secret `token`, which is waited for so long.
    pub(crate) fn with_secret(self, handed_in_within: Duration) -> Self {
        Self { handed_in_within, secret: true, ..self }
    }

    /// The same, with another patience.
    pub(crate) fn waiting(self, handed_in_within: Duration) -> Self {
        Self { handed_in_within, ..self }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }

    pub(crate) fn file(&self, name: &str) {
        std::fs::write(self.dir.path().join(name), "").unwrap();
    }

    pub(crate) fn begin(&self, patience: Option<Duration>) -> Held {
        self.hold(patience, |settings, lock, program, run, tells| {
            let forecast = program.forecast(&program.reader(Path::new("/")));
            Runner::begin(settings, lock, program, forecast, run, tells).unwrap()
        })
    }

    pub(crate) fn resume(&self, patience: Option<Duration>) -> Held {
        self.reopen(patience, None)
    }

    pub(crate) fn reopen(&self, patience: Option<Duration>, back: Option<RollbackCause>) -> Held {
        let records = self.records();
        self.hold(patience, |settings, lock, program, run, tells| {
            Runner::reopen(settings, lock, program, &records, run, back, tells).unwrap()
        })
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        Journal::open(&self.state).unwrap().records(&self.run).unwrap()
    }

    /// Who approved, as the journal tells.
    pub(crate) fn approvals(&self) -> Vec<String> {
        let by = |record: Record| match record.event {
            Event::StepApproved { approval, .. } => Some(approval.by),
            _ => None,
        };
        self.records().into_iter().filter_map(by).collect()
    }

    fn hold(
        &self,
        patience: Option<Duration>,
        open: impl FnOnce(Settings, Lock, Program, RunId, Box<dyn Observer>) -> Runner,
    ) -> Held {
        let (send, controls) = unbounded_channel();
        let (told, records) = channel();
        let settings = Settings {
            state_dir: self.state.clone(),
            own_program: PathBuf::from("/bin/true"),
            version: String::new(),
            user: String::new(),
            patience,
            handed_in_within: self.handed_in_within,
            hold: self.hold,
            controls,
        };
        let holder = Holder { pid: std::process::id(), user: String::new(), doing: String::new(), since: 0 };
        let lock = Lock::acquire(&self.state, &holder).unwrap();
        let runner = open(settings, lock, self.program(), self.run.clone(), Box::new(Tells(told)));
        Held { controls: send, records, runs: std::thread::spawn(move || runner.go().unwrap()) }
    }

    fn with(&self, uses: &str, path: &str) -> Node {
        let mut with = vec![("path", Value::String(path.to_owned()))];
        if self.secret && uses == "test.write" {
            let waits_for = vec![Reference::Secret("token".to_owned())];
            with.push(("content", Value::Later(Later { template: "{{ vars.token }}".to_owned(), waits_for })));
        }
        let entry = |(key, value): (&str, Value)| {
            let (key, key_span) = (key.to_owned(), Span::default());
            Entry { key, key_span, value: Node::new(key_span, value) }
        };
        Node::new(Span::default(), Value::Map(with.into_iter().map(entry).collect()))
    }

    fn program(&self) -> Program {
        let before = |at: usize| at.checked_sub(1).map(|before| (id(self.steps[before].0), Span::default()));
        let define = |(at, (step, uses, path)): (usize, &(&str, &str, &str))| StepDef {
            id: id(step),
            id_span: Span::default(),
            uses: (*uses).to_owned(),
            uses_span: Span::default(),
            with: self.with(uses, path),
            needs: before(at).into_iter().collect(),
            condition: None,
            timeout: None,
            retry: Retry { attempts: 1, backoff: Duration::ZERO },
            on_failure: OnFailure::Rollback,
            allow: vec![],
        };
        let steps = self.steps.iter().enumerate().map(define).collect();
        let mut plan = plan(&self.dir.path().display().to_string(), steps);
        if self.secret {
            plan.vars.push(secret("token"));
        }
        let saved = Saved::new(plan, SourceMap::default(), 1);
        let (program, faults) = compile(saved, Catalogue::of(&[KINDS]), Arc::new(AllHandedIn));
        program.unwrap_or_else(|| panic!("{faults:#?}"))
    }
}

fn secret(name: &str) -> Resolved {
    let from = SecretSource { from: SecretFrom::Env("NOWHERE".to_owned()), on: SecretSide::Controller };
    Resolved {
        name: name.to_owned(),
        span: Span::default(),
        ty: VarType::Secret,
        value: None,
        secret: Some(from),
        layer: Layer::PlanDefault,
    }
}

impl Held {
    /// Waits until something is on record.
    pub(crate) fn until(&self, wanted: impl Fn(&Event) -> bool) -> Record {
        loop {
            let record = self.records.recv_timeout(COMES).unwrap();
            if wanted(&record.event) {
                return record;
            }
        }
    }

    pub(crate) fn tell(&self, control: impl Into<Control>) {
        self.controls.send(control.into()).unwrap();
    }

    pub(crate) fn ends(self) -> Ending {
        self.runs.join().unwrap()
    }

    /// The same, with nobody left who could tell it anything.
    pub(crate) fn alone(self) -> Ending {
        drop(self.controls);
        self.runs.join().unwrap()
    }
}
