//! Lives of runs, made by hand and legal: every record is folded into a `RunState` as it is added.

use runbook_model::{
    Allow, AtWork, Caller, Event, Failure, HostFacts, Layer, Node, OnFailure, Outcome, Plan, Prediction, Reading,
    Record, Refusal, Resolved, Resource, Results, Retention, Retry, Review, Role, Roles, RollbackCause, RunHeader,
    RunId, RunState, ServiceState, SignalKind, SignalRole, SignalSource, SignalVerdict, Span, StepDef, StepId,
    UndoPhase, UndoRecord, Value, VarType, Verdict, Waiting, Window,
};
use runbook_report::{Kept, RunDocument, Style, markdown, show, show_json};
use serde_json::json;

/// 2026-04-25 05:27:03 UTC.
const BEGIN: i64 = 1_777_094_823_000;

pub(crate) fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

/// A run in the making.
pub(crate) struct Life {
    pub(crate) records: Vec<Record>,
    state: RunState,
    now: i64,
}

impl Life {
    /// A run of the quickstart's plan.
    pub(crate) fn begin() -> Self {
        Self::of(["inventory", "backup", "install", "restart", "verify"].map(id).to_vec())
    }

    /// A run of these steps.
    pub(crate) fn of(steps: Vec<StepId>) -> Self {
        let mut life = Self { records: Vec::new(), state: RunState::default(), now: BEGIN };
        life.push(Event::RunStarted(Box::new(RunHeader {
            run: RunId::new("7k2m").unwrap(),
            plan: "quickstart".to_owned(),
            summary: "demo-gateway 1.0.0 → 1.1.0".to_owned(),
            digest: "3f9c2a1b77e0".to_owned(),
            environment: Some("demo".to_owned()),
            steps,
            host: "web-1".to_owned(),
            user: "ops".to_owned(),
            version: "0.1.0".to_owned(),
            format: RunHeader::FORMAT,
            hold_ms: None,
        })));
        life
    }

    fn push(&mut self, event: Event) {
        let record = Record { seq: self.records.len() as u64 + 1, at: self.now, event };
        self.state.apply(&record).unwrap();
        self.records.push(record);
    }

    pub(crate) fn add(mut self, event: Event) -> Self {
        self.push(event);
        self
    }

    /// The same with `event`, if it can follow.
    pub(crate) fn add_if_legal(mut self, event: Event) -> Self {
        let record = Record { seq: self.records.len() as u64 + 1, at: self.now, event };
        if self.state.apply(&record).is_ok() {
            self.records.push(record);
        }
        self
    }

    pub(crate) fn wait(mut self, ms: i64) -> Self {
        self.now += ms;
        self
    }

    pub(crate) fn predicted(self, step: &str, prediction: Prediction) -> Self {
        self.add(Event::Predicted { step: id(step), prediction, needed: true, results: Default::default() })
    }

    pub(crate) fn baseline(self, readings: Vec<Reading>) -> Self {
        self.add(Event::BaselineTaken { step: id("verify"), readings, marks: json!({}), failure: None })
    }

    pub(crate) fn started(self, step: &str, attempt: u32) -> Self {
        self.add(Event::StepStarted { step: id(step), attempt })
    }

    pub(crate) fn intended(self, step: &str) -> Self {
        let undo = match step {
            "restart" => UndoRecord { service: Some(ServiceState::new("demo", true)), ..UndoRecord::default() },
            _ => UndoRecord::of(json!({ "kind": step })),
        };
        self.add(Event::StepIntended { step: id(step), undo })
    }

    pub(crate) fn ended(self, step: &str, outcome: Outcome, readings: Vec<Reading>) -> Self {
        let up = step == "restart" && matches!(outcome, Outcome::Changed { .. });
        let service = up.then(|| ServiceState::new("demo", true));
        let outputs = service.iter().map(|service| ("service".to_owned(), service.output())).collect();
        let results = Results { outputs, service, ..Results::default() };
        self.add(Event::StepFinished { step: id(step), outcome, results, readings })
    }

    /// A step that reads and ends well after `ms`.
    pub(crate) fn reads(self, step: &str, ms: i64, summary: &str) -> Self {
        self.started(step, 1).wait(ms).ended(step, Outcome::Unchanged { summary: summary.to_owned() }, vec![])
    }

    /// A step that changes the host and ends well after `ms`.
    pub(crate) fn changes(self, step: &str, ms: i64, summary: &str) -> Self {
        self.started(step, 1).intended(step).wait(ms).ended(
            step,
            Outcome::Changed { summary: summary.to_owned() },
            vec![],
        )
    }

    /// A step that has begun asks a person.
    pub(crate) fn asks(self, step: &str) -> Self {
        let message =
            "The backup of the gateway is complete, and from here on its users will notice. Stop it?".to_owned();
        let answer = format!("runbook approve 7k2m {step}");
        self.add(Event::StepWaits { step: id(step), waiting: Waiting { message, answer } })
    }

    pub(crate) fn fails(self, step: &str, failure: Failure, readings: Vec<Reading>) -> Self {
        self.ended(step, Outcome::Failed(failure), readings)
    }

    pub(crate) fn rolls_back(self, cause: RollbackCause) -> Self {
        self.add(Event::RollbackStarted { cause })
    }

    pub(crate) fn undoes(self, step: &str, phase: UndoPhase, ms: i64, summary: &str, failure: Option<Failure>) -> Self {
        let finished = Event::UndoFinished { step: id(step), phase, summary: summary.to_owned(), failure };
        self.add(Event::UndoStarted { step: id(step), phase }).wait(ms).add(finished)
    }

    pub(crate) fn verified(self, ms: i64, readings: Vec<Reading>, lost: &[&str]) -> Self {
        let lost = lost.iter().map(|name| (*name).to_owned()).collect();
        self.wait(ms).add(Event::RollbackVerified {
            step: id("verify"),
            readings,
            lost,
            unread: Vec::new(),
            failure: None,
        })
    }

    pub(crate) fn over(self, verdict: Verdict, note: &str) -> Self {
        self.add(Event::RunFinished { verdict, note: note.to_owned() })
    }

    /// `render` of the document of this run, as a run of `plan`.
    pub(crate) fn told<T>(
        &self,
        plan: &Plan,
        roles: Option<&Roles>,
        holder: Option<&str>,
        render: impl FnOnce(&RunDocument<'_>) -> T,
    ) -> T {
        let holder = holder.map(at_work);
        let kept = Kept { plan, roles, records: &self.records, state: &self.state, holder: holder.as_ref() };
        render(&RunDocument::of(&kept).unwrap())
    }

    pub(crate) fn shown(&self, holder: Option<&str>, caller: &Caller, style: &Style) -> String {
        self.told(&plan(), Some(&roles()), holder, |run| show(run, caller, style))
    }

    pub(crate) fn report(&self, holder: Option<&str>, caller: &Caller) -> String {
        self.told(&plan(), Some(&roles()), holder, |run| markdown(run, caller))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        self.told(&plan(), Some(&roles()), None, show_json)
    }

    pub(crate) fn state(&self) -> RunState {
        self.state.clone()
    }

    /// The first three steps of the quickstart and its restart.
    pub(crate) fn upgraded() -> Self {
        Self::begin()
            .predicted("inventory", Prediction::no_change("1.0.0 at ./demo/app"))
            .predicted("install", Prediction::change("./demo/app from 1.0.0 to 1.1.0"))
            .predicted("restart", Prediction::Unknown { until: id("install") })
            .baseline(before())
            .reads("inventory", 20, "1.0.0 at ./demo/app, pid 4121 owns port 18789")
            .reads("backup", 60, "2 paths, 214 files, 1.8 MB")
            .changes("install", 10, "./demo/app replaced")
            .changes("restart", 310, "pid 4188")
    }
}

pub(crate) fn reading(signal: &str, read: &str, wanted: &str, verdict: SignalVerdict, place: Option<&str>) -> Reading {
    let (role, kind) = match signal {
        "health" => (SignalRole::Confirming, SignalKind::Health),
        "port" => (SignalRole::Blocking, SignalKind::Health),
        "chat" => (SignalRole::Blocking, SignalKind::Functional),
        _ => (SignalRole::Blocking, SignalKind::Negative),
    };
    let [signal, read, wanted] = [signal, read, wanted].map(str::to_owned);
    Reading { signal, role, kind, read, wanted, verdict, place: place.map(str::to_owned), whole: None }
}

pub(crate) fn before() -> Vec<Reading> {
    use SignalVerdict::Green;
    vec![
        reading("health", "200 in 2 ms", "200", Green, None),
        reading("port", "18789 owned by pid 4121", "the service", Green, None),
        reading("chat", "\"connected\"", "\"connected\"", Green, Some("/srv/demo/run/demo.log:12")),
        reading("missing", "0", "0", Green, None),
    ]
}

pub(crate) fn broken() -> Vec<Reading> {
    use SignalVerdict::{Green, Red};
    vec![
        reading("health", "200 in 3 ms", "200", Green, None),
        reading("port", "18789 owned by pid 4188", "the service", Green, None),
        // The log is coloured even into a pipe.
        reading(
            "chat",
            "\u{1b}[31m\"channel exited: cannot find package 'demo'\"\u{1b}[0m",
            "\"connected\"",
            Red,
            Some("/srv/demo/run/demo.log:41"),
        ),
        reading("missing", "1 × \"cannot find package\"", "0", Red, Some("/srv/demo/run/demo.log:41")),
    ]
}

/// The story of the quickstart.
pub(crate) fn rolled_back() -> Life {
    Life::upgraded()
        .started("verify", 1)
        .wait(2010)
        .fails("verify", Failure::failed("2 of 3 blocking signals are red"), broken())
        .rolls_back(RollbackCause::StepFailed { step: id("verify") })
        .undoes("restart", UndoPhase::Halt, 40, "pid 4188 stopped", None)
        .undoes("install", UndoPhase::Undo, 20, "put back from the backup, 214 files identical", None)
        .undoes("restart", UndoPhase::Undo, 290, "pid 4203", None)
        .verified(400, before(), &[])
        .over(Verdict::RolledBack, "")
}

pub(crate) fn succeeded() -> Life {
    let green = "3 of 3 blocking signals are green";
    Life::upgraded()
        .started("verify", 1)
        .wait(1500)
        .ended("verify", Outcome::Unchanged { summary: green.to_owned() }, before())
        .over(Verdict::Succeeded, "")
}

/// An undo fails: no space.
pub(crate) fn stuck() -> Life {
    let full = Failure::missing("no space left on /opt: 1.8 MB are needed, 0.2 MB are free")
        .detail("write /opt/demo/.app.runbook-7k2m: No space left on device (os error 28)")
        .hint("free 2 MB on /opt");
    Life::upgraded()
        .started("verify", 1)
        .wait(2010)
        .fails("verify", Failure::failed("2 of 3 blocking signals are red"), broken())
        .rolls_back(RollbackCause::StepFailed { step: id("verify") })
        .undoes("restart", UndoPhase::Halt, 40, "pid 4188 stopped", None)
        .undoes("install", UndoPhase::Undo, 20, "", Some(full))
        .wait(5)
        .over(Verdict::Stuck, "")
}

/// Interrupted twice while `install` ran.
pub(crate) fn cancelled() -> Life {
    Life::begin()
        .reads("inventory", 20, "1.0.0 at ./demo/app, pid 4121 owns port 18789")
        .started("install", 1)
        .intended("install")
        .wait(4000)
        .add(Event::DrainRequested)
        .wait(1200)
        .add(Event::CancelRequested)
        .wait(300)
        .fails("install", Failure::new(runbook_model::FailureKind::Cancelled, "cancelled after 5.5 s"), vec![])
        .rolls_back(RollbackCause::Cancelled)
        .undoes("install", UndoPhase::Undo, 20, "put back from the backup, 214 files identical", None)
        .over(Verdict::RolledBack, "")
}

pub(crate) fn refused() -> Life {
    let refusal = Failure::refused("the window opens on sat 02:00 Europe/Madrid, in 3 h 12 min")
        .hint("run it then, or pass --outside-window with a reason");
    Life::begin().started("inventory", 1).wait(3).fails("inventory", refusal, vec![]).over(Verdict::Refused, "")
}

/// Two attempts fail, the third goes well; a signal was red before and still is.
pub(crate) fn retried() -> Life {
    let timeout = Failure::new(runbook_model::FailureKind::TimedOut, "npm install took longer than 30 s")
        .detail("npm http fetch GET 200");
    let mut old = before();
    old[0] = reading("health", "503 in 2 ms", "200", SignalVerdict::Red, None);
    Life::begin()
        .baseline(old.clone())
        .started("install", 1)
        .intended("install")
        .wait(30_000)
        .add(Event::StepRetrying { step: id("install"), failure: timeout.clone(), pause_ms: 1000 })
        .wait(1000)
        .started("install", 2)
        .wait(30_000)
        .add(Event::StepRetrying { step: id("install"), failure: timeout, pause_ms: 2000 })
        .wait(2000)
        .started("install", 3)
        .wait(8_200)
        .ended("install", Outcome::Changed { summary: "demo 1.1.0 in /usr/lib/node_modules".to_owned() }, vec![])
        .started("verify", 1)
        .wait(900)
        .ended("verify", Outcome::Unchanged { summary: "3 of 3 blocking signals are green".to_owned() }, old)
        .over(Verdict::Succeeded, "")
}

/// A step may fail (`on_failure: continue`): its half-done work is undone and the run goes on.
pub(crate) fn passed_over() -> Life {
    let failure = Failure::failed("`demo migrate` exited with 1")
        .detail("reading cache\n\u{1b}[31mError:\u{1b}[0m\u{7} no such table: entries\n    at warm (cache.js:12)")
        .hint("the cache fills by itself; there is nothing to do");
    Life::begin()
        .reads("backup", 60, "2 paths, 214 files, 1.8 MB")
        .started("install", 1)
        .intended("install")
        .wait(700)
        .fails("install", failure, vec![])
        .undoes("install", UndoPhase::Undo, 3, "removed what it had written", None)
        .add(Event::StepFinished {
            step: id("restart"),
            outcome: Outcome::Skipped { because: "`if: host.os == 'macos'` is false".to_owned() },
            results: Results::default(),
            readings: vec![],
        })
        .over(Verdict::Succeeded, "")
}

/// It ended well, and was taken back the day after.
pub(crate) fn taken_back_later() -> Life {
    succeeded()
        .wait(86_400_000)
        .add(Event::RunResumed { version: "0.1.0".to_owned() })
        .rolls_back(RollbackCause::Requested)
        .undoes("restart", UndoPhase::Halt, 40, "pid 4188 stopped", None)
        .undoes("install", UndoPhase::Undo, 20, "put back from the backup, 214 files identical", None)
        .undoes("restart", UndoPhase::Undo, 290, "pid 4203", None)
        .verified(400, before(), &[])
        .over(Verdict::RolledBack, "")
}

/// `on_failure: stop`.
pub(crate) fn stopped() -> Life {
    Life::upgraded()
        .started("verify", 1)
        .wait(2010)
        .fails("verify", Failure::failed("2 of 3 blocking signals are red"), broken())
        .over(Verdict::Stopped, "")
}

/// The process died after an intent; another one goes on.
pub(crate) fn resumed() -> Life {
    Life::begin()
        .reads("inventory", 20, "1.0.0 at ./demo/app, pid 4121 owns port 18789")
        .started("install", 1)
        .intended("install")
        .wait(95_000)
        .add(Event::RunResumed { version: "0.1.0".to_owned() })
        .wait(10)
        .ended("install", Outcome::Changed { summary: "it was there already".to_owned() }, vec![])
        .over(Verdict::Succeeded, "")
}

pub(crate) fn step(name: &str, uses: &str, with: serde_json::Value) -> StepDef {
    let span = Span::default();
    StepDef {
        id: id(name),
        id_span: span,
        uses: uses.to_owned(),
        uses_span: span,
        with: Node::from_json(span, &with),
        needs: vec![],
        condition: None,
        timeout: None,
        retry: Retry::default(),
        on_failure: OnFailure::Rollback,
        allow: vec![],
    }
}

/// The plan of all these runs.
pub(crate) fn plan() -> Plan {
    let span = Span::default();
    let signals = json!({ "signals": {
        "health": { "http": "http://127.0.0.1:18789/health" },
        "port": { "port": 18789 },
        "chat": { "log": "connected" },
        "missing": { "log_absent": "cannot find package" },
    }});
    let mut install = step("install", "artifact.deploy", json!({}));
    let because = "the demo has no registry | and needs none".to_owned();
    install.allow.push(Allow { rule: Refusal::ExactVersion, because, span });
    Plan {
        name: "quickstart".to_owned(),
        summary: "demo-gateway 1.0.0 → 1.1.0".to_owned(),
        digest: "3f9c2a1b77e0".to_owned(),
        environment: Some("demo".to_owned()),
        base: "/srv/demo".to_owned(),
        host: HostFacts {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            libc: "gnu".to_owned(),
            init: "none".to_owned(),
            name: "web-1".to_owned(),
            user: "ops".to_owned(),
            home: "/home/ops".to_owned(),
        },
        vars: vec![Resolved {
            name: "target".to_owned(),
            ty: VarType::Version,
            value: Some(Node::new(span, Value::String("1.1.0".to_owned()))),
            secret: None,
            layer: Layer::CommandLine,
            span,
        }],
        window: Some(Window {
            zone: "Europe/Madrid".to_owned(),
            zone_span: Default::default(),
            days: vec!["sat".to_owned(), "sun".to_owned()],
            from: 120,
            to: 300,
        }),
        retention: Retention::default(),
        review: vec![Review {
            what: "changelog".to_owned(),
            version: "1.1.0".to_owned(),
            by: "ops".to_owned(),
            link: Some("https://example.org/demo/changelog".to_owned()),
            span,
        }],
        steps: vec![
            step("inventory", "service.inspect", json!({})),
            step("backup", "backup.create", json!({})),
            install,
            step("restart", "process.restart", json!({})),
            step("verify", "verify.signals", signals),
        ],
    }
}

/// A plan of these steps for another program, whose kinds have other names.
pub(crate) fn plan_of(name: &str, summary: &str) -> Plan {
    let mut plan = Plan { name: name.to_owned(), summary: summary.to_owned(), ..plan() };
    plan.steps.iter_mut().for_each(|step| step.uses = "acme.any".to_owned());
    plan.steps.iter_mut().for_each(|step| step.allow.clear());
    plan
}

/// What the kinds of that plan declare.
pub(crate) fn roles() -> Roles {
    let signals = [
        ("health", SignalSource::Answer),
        ("port", SignalSource::Service),
        ("chat", SignalSource::Log),
        ("missing", SignalSource::Log),
    ];
    let signals = signals.map(|(name, source)| (name.to_owned(), source));
    let kinds = vec![SignalKind::Health, SignalKind::Functional, SignalKind::Negative];
    Roles::from([
        (id("inventory"), vec![Role::Inspect, Role::Inventory]),
        (id("backup"), vec![Role::Backup(vec![Resource::Path("/srv/demo/app".into())])]),
        (id("install"), vec![Role::Replace, Role::Install]),
        (id("restart"), vec![Role::Restart(Resource::Process("demo".to_owned()))]),
        (id("verify"), vec![Role::Verify(kinds), Role::Signals(signals.into())]),
    ])
}

/// The one that began the run, or went on with it.
pub(crate) fn at_work(who: &str) -> AtWork {
    AtWork { who: who.to_owned(), run: Some(RunId::new("7k2m").unwrap()) }
}
