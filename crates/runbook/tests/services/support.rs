//! One step of a kind on this host, outside of any run: what the tests of the process kinds share.

use runbook_host::{Canceller, Host, HostBuilder, Reader};
use runbook_model::{Failure, Node, Outputs, Prediction, Reading, Resource, Span, StepId, UndoPhase};
use runbook_step::{ArgContext, Args, Done, Probe, Step, Work};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

/// A scratch directory with everything that steps need.
pub(crate) struct Scratch {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) services: Vec<Resource>,
    runtime: tokio::runtime::Runtime,
    cancel: runbook_host::Cancel,
}

/// A step with its own directory.
pub(crate) struct OneStep<'a> {
    scratch: &'a Scratch,
    step: Box<dyn Step>,
    dir: PathBuf,
    id: StepId,
    pub(crate) undo: Json,
    pub(crate) marks: Json,
    pub(crate) baseline: Vec<Reading>,
    pub(crate) evidence: Mutex<Vec<Reading>>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let (_, cancel) = Canceller::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), services: Vec::new(), runtime, cancel }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.state_dir(), self.dir.path())
    }

    pub(crate) fn host(&self, acts: i64) -> Host {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_runbook"));
        HostBuilder::new(self.reader(), self.runtime.handle().clone(), self.cancel.clone(), program)
            .failing_after(acts)
            .build()
    }

    pub(crate) fn context(&self) -> ArgContext {
        ArgContext { services: self.services.clone(), ..ArgContext::new(self.dir.path(), self.dir.path()) }
    }

    /// The step of kind `kind` with these parameters.
    pub(crate) fn step(&self, kind: &str, with: Json) -> OneStep<'_> {
        let catalogue = runbook_kinds::catalogue();
        let kind = catalogue.get(kind).unwrap_or_else(|| panic!("no kind {kind}"));
        let (node, context) = (Node::from_json(Span::default(), &with), self.context());
        let args = Args { doc: kind.doc(), node: &node, context: &context, step_span: Span::default() };
        let mut found = runbook_model::Diagnostics::default();
        if runbook_step::check_parameters(&args, &mut found) {
            kind.check(&args, &mut found);
        }
        assert!(!found.has_errors(), "{:#?}", found.into_sorted());
        let step = kind.bind(&args).unwrap_or_else(|fault| panic!("{fault:#?}"));
        let dir = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        OneStep {
            scratch: self,
            step,
            dir,
            id: StepId::new("step").unwrap(),
            undo: Json::Null,
            marks: Json::Null,
            baseline: Vec::new(),
            evidence: Mutex::new(Vec::new()),
        }
    }

    /// The faults that are found in these parameters.
    pub(crate) fn faults(&self, kind: &str, with: Json) -> Vec<runbook_model::Diagnostic> {
        let catalogue = runbook_kinds::catalogue();
        let kind = catalogue.get(kind).unwrap();
        let (node, context) = (Node::from_json(Span::default(), &with), self.context());
        let args = Args { doc: kind.doc(), node: &node, context: &context, step_span: Span::default() };
        let mut found = runbook_model::Diagnostics::default();
        if runbook_step::check_parameters(&args, &mut found) {
            kind.check(&args, &mut found);
        }
        found.into_sorted()
    }

    /// What the supervisor of `service` last wrote.
    pub(crate) fn state(&self, service: &str) -> Json {
        let path = self.state_dir().join("processes").join(service).join("state.json");
        serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|_| b"null".to_vec())).unwrap()
    }

    /// The number of the service's process.
    pub(crate) fn pid(&self, service: &str) -> u32 {
        u32::try_from(self.state(service)["child"]["pid"].as_u64().unwrap_or(0)).unwrap()
    }
}

impl Drop for Scratch {
    /// Nothing that a failed test has started may stay.
    fn drop(&mut self) {
        for name in self.reader().list(&self.state_dir().join("processes")).ok().flatten().unwrap_or_default() {
            let step = self.step("process.stop", serde_json::json!({ "name": name.to_string_lossy() }));
            let _ = step.with(i64::MAX, |step, work| step.apply(work, &Json::Null));
        }
    }
}

impl OneStep<'_> {
    /// Calls `what` with a host that fails after `acts` changes.
    pub(crate) fn with<T>(&self, acts: i64, what: impl FnOnce(&dyn Step, &Work<'_>) -> T) -> T {
        let host = self.scratch.host(acts);
        let progress = |_| {};
        let work = Work {
            host: &host,
            dir: &self.dir,
            step: &self.id,
            backups: &[],
            restore_points: &[],
            marks: &self.marks,
            baseline: &self.baseline,
            evidence: &self.evidence,
            remains: &Mutex::default(),
            approvals: &RwLock::default(),
            now_ms: host.now_ms(),
            progress: &progress,
        };
        what(&*self.step, &work)
    }

    pub(crate) fn probe(&self) -> Probe {
        self.step.probe(&self.scratch.reader()).unwrap_or_else(|failure| panic!("{failure:#?}"))
    }

    pub(crate) fn no_change(&self) -> bool {
        matches!(self.probe().prediction, Prediction::NoChange { .. })
    }

    pub(crate) fn take_baseline(&mut self) -> Vec<Reading> {
        let baseline = self.with(i64::MAX, |step, work| step.verification().unwrap().baseline(work)).unwrap();
        self.marks = baseline.marks;
        self.baseline = baseline.readings;
        self.baseline.clone()
    }

    pub(crate) fn prepare(&mut self) {
        let prepared = self.with(i64::MAX, |step, work| step.prepare(work));
        self.undo = prepared.unwrap_or_else(|failure| panic!("{failure:#?}")).undo;
    }

    /// Prepares and applies, failing after `acts` changes.
    pub(crate) fn apply_within(&mut self, acts: i64) -> Result<Done, Failure> {
        self.prepare();
        self.with(acts, |step, work| step.apply(work, &self.undo))
    }

    pub(crate) fn apply(&mut self) -> Result<Done, Failure> {
        self.apply_within(i64::MAX)
    }

    pub(crate) fn applied(&mut self) -> Outputs {
        self.apply().unwrap_or_else(|failure| panic!("{failure:#?}")).results.outputs
    }

    pub(crate) fn confirm(&self) -> runbook_step::Confirmation {
        self.step.confirm(&self.scratch.reader(), &self.undo).unwrap()
    }

    pub(crate) fn undo(&self, phase: UndoPhase) -> String {
        self.with(i64::MAX, |step, work| step.take_back(phase, work, &self.undo))
            .unwrap_or_else(|failure| panic!("{failure:#?}"))
    }

    /// The rows that were seen, by name.
    pub(crate) fn row(&self, name: &str) -> Reading {
        let rows = self.evidence.lock().unwrap();
        rows.iter().find(|row| row.signal == name).unwrap_or_else(|| panic!("no row {name} in {rows:#?}")).clone()
    }
}

/// Waits for `condition` to hold.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// Makes an executable script.
pub(crate) fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The binary of the demo gateway.
pub(crate) fn demo_gateway() -> PathBuf {
    test_rules::program("demo-gateway", "demo-gateway")
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
