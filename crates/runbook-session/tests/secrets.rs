//! Secrets that a client of the session hands in: whoever runs the plan asks its provider alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_engine::Observer;
use runbook_host::Reader;
use runbook_journal::StateDir;
use runbook_model::{Failure, Plan, Record, Verdict};
use runbook_session::{Controls, Ended, Host, PlanText, Proposed, Session, Source, host_facts};
use runbook_step::{Lack, SecretProvider};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

const SECRET: &str = "Zq7-a-canary-of-the-provider";

/// Knows one value for everything, which `plan` may look for anywhere; before the run, or only in it.
struct Table {
    early: bool,
}

impl SecretProvider for Table {
    fn before_the_run(&self, _: &Plan, _: &str) -> Option<Result<String, Failure>> {
        self.early.then(|| Ok(SECRET.to_owned()))
    }

    fn fetch(&self, _: &Plan, _: &str, _: &runbook_host::Host) -> Result<String, Failure> {
        Ok(SECRET.to_owned())
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

struct Nobody;

impl Observer for Nobody {
    fn record(&mut self, _: &Record) {}
}

impl Bench {
    /// A host with a plan that writes a secret, and what a program inherits.
    fn new(secrets: Arc<dyn SecretProvider>, from: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = "printf '%s %s' \"$TOKEN\" \"${CARGO_MANIFEST_DIR-none}\" > out";
        let plan = format!(
            "kind: Plan\nversion: 1\nname: demo\nvars:\n  token: {{ type: secret, from: {from} }}\nsteps:\n\
             - id: write\n  uses: command.run\n  with:\n    run: [sh, -c, {}]\n    env: {{ TOKEN: '{{{{ vars.token }}}}' }}\n    \
             effects: {{ writes: [{{ path: out }}] }}\n    undo: {{ run: [rm, -f, out] }}\n",
            serde_json::to_string(write).unwrap()
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
        let judged = self.session.load(&Source { plan, env: None, vars: &[], parallel: 1 }).unwrap();
        let program = judged.program.unwrap_or_else(|| panic!("{:?}", judged.diagnostics));
        let Proposed::Apply(proposal) = self.session.propose_apply(program).unwrap() else {
            panic!("there is nothing to do")
        };
        let (_, told) = unbounded_channel();
        proposal.begin(|_| Box::new(Nobody), Controls { patience: None, told }).unwrap()
    }

    fn written(&self) -> String {
        fs::read_to_string(self.dir.path().join("out")).unwrap()
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
        assert_eq!(bench.written(), format!("{SECRET} none"));
        assert!(!holds(&bench.dir.path().join("state"), SECRET));
    }
}
