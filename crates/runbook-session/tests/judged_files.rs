//! What is run of the files that a plan brings is what was judged, whatever becomes of the checkout before the run begins.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_engine::{Observer, Program, reopen};
use runbook_journal::StateDir;
use runbook_model::{Prediction, Record, Verdict};
use runbook_session::{ApplyOffer, Controls, Host, HostSecrets, PlanText, Session, Source, host_facts};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

struct Nobody;

impl Observer for Nobody {
    fn record(&mut self, _: &Record) {}
}

const PLAN: &str = "kind: Plan\nversion: 1\nname: demo\nsteps:
  - { id: unit, uses: file.template, with: { from: files/unit.j2, path: ../unit, values: { port: 8 } } }
  - { id: copy, uses: file.copy, needs: [unit], with: { from: files/unit.j2, path: ../copy } }
  - { id: said, uses: command.capture, needs: [copy], with: { run: [sh, files/said.sh] } }
  - { id: told, uses: file.write, needs: [said], with: { path: ../told, content: \"{{ steps.said.stdout }}\" } }
";

fn session(dir: &Path) -> Session {
    Session::open(Host {
        state_dir: StateDir::at(dir.join("state")),
        facts: std::sync::LazyLock::new(host_facts),
        own_program: std::env::current_exe,
        catalogue: runbook_kinds::catalogue,
        secrets: Arc::new(HostSecrets),
        version: "test".to_owned(),
    })
}

/// The plan, judged in a checkout below `dir`.
fn judged(session: &Session, dir: &Path) -> Program {
    let checkout = dir.join("checkout");
    fs::create_dir_all(checkout.join("files")).unwrap();
    fs::write(checkout.join("plan.yaml"), PLAN).unwrap();
    fs::write(checkout.join("files/unit.j2"), "port {{ port }}\n").unwrap();
    fs::write(checkout.join("files/said.sh"), "echo judged\n").unwrap();
    let plan = PlanText::at(&checkout.join("plan.yaml")).unwrap();
    let judged = session.load(&Source { plan: &plan, env: None, vars: &[], parallel: 2, elsewhere: None }).unwrap();
    judged.program.unwrap_or_else(|| panic!("{:?}", judged.diagnostics))
}

#[test]
fn what_is_run_is_what_was_judged() {
    let changed = |checkout: &Path| {
        fs::write(checkout.join("files/unit.j2"), "other\n").unwrap();
        fs::write(checkout.join("files/said.sh"), "echo other\n").unwrap();
    };
    let gone = |checkout: &Path| fs::remove_dir_all(checkout).unwrap();
    let happens: [&dyn Fn(&Path); 2] = [&changed, &gone];
    for happens in happens {
        let dir = tempfile::tempdir().unwrap();
        let session = session(dir.path());
        let ApplyOffer::Apply(_, proposal) = session.propose_apply(judged(&session, dir.path()), None).unwrap() else {
            panic!("there is nothing to do")
        };
        happens(&dir.path().join("checkout"));
        let controls = Controls { patience: None, told: unbounded_channel().1 };
        let ended = proposal.begin(|_| Box::new(Nobody), controls).unwrap();
        assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded));
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!([read("unit"), read("copy"), read("told")], ["port 8\n", "port {{ port }}\n", "judged"]);
    }
}

/// An earlier version kept no files with its runs: they are read where they lay, and missed where they are gone.
#[test]
fn a_run_that_kept_no_files_reads_them_where_they_lay() {
    let dir = tempfile::tempdir().unwrap();
    let session = session(dir.path());
    let mut saved = judged(&session, dir.path()).saved;
    saved.bundle = None;
    let of =
        |saved| reopen(saved, runbook_kinds::catalogue(), Arc::new(HostSecrets), dir.path().join("none")).0.unwrap();
    let look = |program: &Program| {
        let host = program.reader(dir.path());
        let forecast = program.forecast(&host);
        let obstacles = program.obstacles(&forecast, &host);
        (forecast, obstacles.into_iter().map(|one| one.failure.message).collect::<Vec<_>>().join("\n"))
    };
    let (forecast, obstacles) = look(&of(saved.clone()));
    assert!(matches!(forecast.steps[0].prediction, Prediction::Change { .. }), "{:?}", forecast.steps[0]);
    assert_eq!(obstacles, "");
    fs::remove_dir_all(dir.path().join("checkout/files")).unwrap();
    let (_, obstacles) = look(&of(saved));
    assert!(obstacles.contains("checkout/files/unit.j2 is not there"), "{obstacles}");
}
