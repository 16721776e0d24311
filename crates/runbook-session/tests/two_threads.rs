//! A host through the session alone: no terminal, no command line, no binary. One thread holds the run, the other one
//! watches it, answers and interrupts.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set its stage fails")]

use runbook_engine::{Control, Letter, Observer};
use runbook_journal::StateDir;
use runbook_model::{Event, Record, RollbackCause, RunId, Verdict};
use runbook_session::{
    ApplyOffer, ApplyProposal, Approved, Controls, Ended, Error, Host, HostSecrets, PlanText, RollbackOffer, Session,
    Source, ToApply, host_facts,
};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Longer than any run here takes; only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    dir: TempDir,
    session: Session,
}

/// A run that another thread holds.
struct Held {
    run: RunId,
    records: Receiver<Record>,
    tell: UnboundedSender<Control>,
    thread: JoinHandle<Result<Ended, Error>>,
}

/// Sends every record to the thread that watches.
struct Watcher(Sender<Record>);

impl Observer for Watcher {
    fn record(&mut self, record: &Record) {
        // The watcher may be satisfied.
        let _ = self.0.send(record.clone());
    }
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let session = Session::open(Host {
            state_dir: StateDir::at(dir.path().join("state")),
            facts: std::sync::LazyLock::new(host_facts),
            own_program: std::env::current_exe,
            catalogue: runbook_kinds::catalogue,
            secrets: Arc::new(HostSecrets),
            version: "test".to_owned(),
        });
        Self { dir, session }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// A plan that writes `content` before and after a gate.
    fn propose(&self, content: &str) -> Result<ApplyOffer<Box<ApplyProposal>>, Error> {
        let write = |id: &str, needs: &str| {
            format!("  - id: {id}\n    uses: file.write\n{needs}    with: {{ path: {id}.txt, content: {content} }}\n")
        };
        let gate = "  - id: go\n    uses: gate.approve\n    needs: [before]\n    with: { message: Go on? }\n";
        let steps = [write("before", ""), gate.to_owned(), write("after", "    needs: [go]\n")].concat();
        let plan = format!("kind: Plan\nversion: 1\nname: demo\nsummary: A test\nsteps:\n{steps}");
        fs::write(self.path("plan.yaml"), plan).unwrap();
        let plan = PlanText::at(&self.path("plan.yaml")).unwrap();
        let judged =
            self.session.load(&Source { plan: &plan, env: None, vars: &[], parallel: 2, elsewhere: None }).unwrap();
        self.session.propose_apply(judged.program.unwrap_or_else(|| panic!("{:?}", judged.diagnostics)), None)
    }

    fn begin(&self, content: &str) -> Held {
        let ApplyOffer::Apply(ToApply { run, .. }, proposal) = self.propose(content).unwrap() else {
            panic!("there is nothing to do")
        };
        let (send, records) = channel();
        let (tell, controls) = controls();
        let thread = thread::spawn(move || proposal.begin(|_| Box::new(Watcher(send)), controls));
        Held { run, records, tell, thread }
    }

    fn approve(&self, run: &RunId) -> Approved {
        self.session.approve(run.as_str(), "go", "looked at it").unwrap()
    }
}

impl Held {
    /// Waits for a record.
    fn tells(&self, wanted: impl Fn(&Event) -> bool) {
        while !wanted(&self.records.recv_timeout(LONG).expect("it was never told").event) {}
    }

    fn waits_at_the_gate(&self) {
        self.tells(|event| matches!(event, Event::StepWaits { .. }));
    }

    fn ends(self) -> Ended {
        self.thread.join().unwrap().unwrap()
    }
}

fn controls() -> (UnboundedSender<Control>, Controls) {
    let (tell, told) = unbounded_channel();
    (tell, Controls { patience: None, told })
}

#[test]
fn a_run_is_approved_and_the_next_one_cancelled_from_another_thread_and_the_first_is_taken_back() {
    let bench = Bench::new();
    let held = bench.begin("one");
    let run = held.run.clone();
    held.waits_at_the_gate();
    assert!(matches!(bench.propose("two"), Err(Error::Held { .. })), "two runs at the same time");
    assert_eq!(bench.session.show(None).unwrap().run, run);
    assert_eq!((bench.read("before.txt").as_deref(), bench.read("after.txt")), (Some("one"), None));
    assert_eq!(bench.approve(&run), Approved::GoesOn);
    assert_eq!(held.ends().state.verdict(), Some(Verdict::Succeeded));
    assert_eq!(bench.read("after.txt").as_deref(), Some("one"));
    let too_late = bench.session.approve(run.as_str(), "go", "");
    assert!(matches!(too_late, Err(Error::WaitsNoLonger { .. })));

    let held = bench.begin("two");
    held.waits_at_the_gate();
    assert_eq!(bench.read("before.txt").as_deref(), Some("two"));
    held.tell.send(Letter::Drain.into()).unwrap();
    held.tells(|event| matches!(event, Event::DrainRequested));
    held.tell.send(Letter::Cancel.into()).unwrap();
    let ended = held.ends();
    assert_eq!((ended.state.verdict(), ended.asked_back), (Some(Verdict::RolledBack), false));
    assert_eq!(ended.state.rollback, Some(RollbackCause::Cancelled));
    assert_eq!((bench.read("before.txt").as_deref(), bench.read("after.txt").as_deref()), (Some("one"), Some("one")));

    let named = bench.session.propose_rollback(None, false);
    assert!(
        matches!(named, Err(Error::Unnamed { run: before, .. }) if before == run),
        "somebody may mean the later one"
    );
    let RollbackOffer::RollBack(_, proposal) = bench.session.propose_rollback(Some(run.as_str()), false).unwrap()
    else {
        panic!("there is nothing to take back")
    };
    let ended = proposal.begin(|_| Box::new(Watcher(channel().0)), controls().1).unwrap();
    assert_eq!((ended.state.verdict(), ended.asked_back), (Some(Verdict::RolledBack), true));
    assert_eq!((bench.read("before.txt"), bench.read("after.txt")), (None, None));
    assert!(matches!(bench.session.propose_rollback(None, false).unwrap(), RollbackOffer::Nothing));
    assert!(bench.session.status().unwrap().standing.blocks.is_empty());
    assert_eq!(bench.session.history().unwrap().runs.len(), 2);
}
