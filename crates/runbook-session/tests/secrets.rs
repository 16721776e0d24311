//! Secrets that a client of the session hands in: a run asks its provider alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_engine::{Control, Observer};
use runbook_host::Reader;
use runbook_journal::StateDir;
use runbook_model::{Event, Failure, Plan, Record, Verdict};
use runbook_session::{
    ApplyOffer, Controls, Ended, Host, PlanText, RollbackOffer, SecretsFromAfar, Session, Source, host_facts,
};
use runbook_step::{Early, Lack, SecretProvider, SecretValue};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const SECRET: &str = "Zq7-a-canary-of-the-provider";

/// Knows one value for everything, which `plan` may look for anywhere; before the run, or only in it.
struct Table {
    early: bool,
}

impl SecretProvider for Table {
    fn before_the_run(&self, _: &Plan, _: &str) -> Result<Early, Failure> {
        Ok(if self.early { Early::Known(SECRET.to_owned().into()) } else { Early::InTheRun })
    }

    fn fetch(&self, _: &Plan, _: &str, _: &runbook_host::Host) -> Result<SecretValue, Failure> {
        Ok(SECRET.to_owned().into())
    }

    fn lacks(&self, _: &Plan, _: &str, _: &Reader) -> Vec<Lack> {
        Vec::new()
    }

    fn withheld(&self, _: &Plan) -> Vec<String> {
        vec!["CARGO_MANIFEST_DIR".to_owned()]
    }
}

struct Bench {
    dir: TempDir,
    session: Session,
}

/// The one that steers the run, with the secret.
struct Steers(UnboundedSender<Control>);

impl Observer for Steers {
    fn record(&mut self, record: &Record) {
        if let Event::SecretAsked { secret, .. } = &record.event {
            let _ = self.0.send(Control::Secret { secret: secret.clone(), value: SECRET.to_owned().into() });
        }
    }
}

fn steered() -> (Box<dyn Observer>, Controls) {
    let (send, told) = unbounded_channel();
    (Box::new(Steers(send)), Controls { patience: None, told })
}

impl Bench {
    /// A host with a plan that writes a secret, and what a program inherits.
    fn new(secrets: Arc<dyn SecretProvider>, from: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = "printf '%s %s' \"$TOKEN\" \"${CARGO_MANIFEST_DIR-none}\" > out";
        let plan = format!(
            "kind: Plan\nversion: 1\nname: demo\nvars:\n  token: {{ type: secret, from: {from} }}\nsteps:\n\
             - id: write\n  uses: command.run\n  with:\n    run: [sh, -c, {}]\n    env: {{ TOKEN: '{{{{ vars.token }}}}' }}\n    \
             effects: {{ writes: [{{ path: out }}] }}\n    undo: {{ run: [sh, -c, {}] }}\n",
            serde_json::to_string(write).unwrap(),
            serde_json::to_string("printf \"$TOKEN\" > undone; rm out").unwrap()
        );
        fs::write(dir.path().join("plan.yaml"), plan).unwrap();
        let session = Session::open(Host {
            state_dir: StateDir::at(dir.path().join("state")),
            facts: LazyLock::new(host_facts),
            own_program: std::env::current_exe,
            catalogue: runbook_kinds::catalogue,
            secrets,
            version: "test".to_owned(),
        });
        Self { dir, session }
    }

    fn apply(&self) -> Ended {
        let plan = PlanText::at(&self.dir.path().join("plan.yaml")).unwrap();
        let judged =
            self.session.load(&Source { plan: &plan, env: None, vars: &[], parallel: 1, elsewhere: None }).unwrap();
        let program = judged.program.unwrap_or_else(|| panic!("{:?}", judged.diagnostics));
        let ApplyOffer::Apply(_, proposal) = self.session.propose_apply(program, None).unwrap() else {
            panic!("there is nothing to do")
        };
        let (observer, controls) = steered();
        proposal.begin(|_| observer, controls).unwrap()
    }

    fn roll_back(&self) -> Ended {
        let RollbackOffer::RollBack(_, proposal) = self.session.propose_rollback(None, false).unwrap() else {
            panic!("there is nothing to take back")
        };
        let (observer, controls) = steered();
        proposal.begin(|_| observer, controls).unwrap()
    }

    fn written(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }
}

/// Whether a file below `dir` holds `text`.
fn holds(dir: &Path, text: &str) -> bool {
    let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { self::holds(&path, text) } else { fs::read(&path).is_ok_and(holds) }
    })
}

#[test]
fn a_provider_is_asked_and_no_source() {
    for early in [true, false] {
        let bench = Bench::new(Arc::new(Table { early }), "{ file: /nowhere/at/all }");
        let ended = bench.apply();
        assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded), "{}", ended.state.note);
        assert_eq!(bench.written("out"), format!("{SECRET} none"));
        assert!(!holds(&bench.dir.path().join("state"), SECRET));
    }
}

/// What the controller holds comes from there, for the undo too, which another process may make. What lies on this host under the
/// same name is not looked at.
#[test]
fn a_secret_of_the_controller_is_handed_in_from_afar() {
    let bench = Bench::new(Arc::new(SecretsFromAfar), "{ env: PATH, on: controller }");
    let ended = bench.apply();
    assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded), "{}", ended.state.note);
    assert_eq!(bench.written("out").split(' ').next(), Some(SECRET));
    let ended = bench.roll_back();
    assert_eq!(ended.state.verdict(), Some(Verdict::RolledBack), "{}", ended.state.note);
    assert_eq!(bench.written("undone"), SECRET);
    assert!(!holds(&bench.dir.path().join("state"), SECRET));
}
