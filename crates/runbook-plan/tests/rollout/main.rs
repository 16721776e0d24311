//! `kind: Rollout`: what its fields become, what stages give to plans, and who may take what. What is said of broken ones
//! stands in `tests/broken-plans`.

use runbook_model::{
    Amount, HostFacts, HostName, Inventory, Layer, MaxFailed, Promote, RollbackScope, Rollout, SourceMap, StepId,
};
use runbook_plan::{
    ArtifactAt, Document, LayerNames, LayerVars, Loaded, LoadedRollout, Request, is_rollout, load, load_inventory,
    load_rollout, same_platform, stage_layers,
};
use std::path::Path;
use std::time::Duration;

const INVENTORY: &str = "
kind: Inventory
version: 1
name: openclaw
hosts:
  vm-a: { labels: { layout: npm, role: canary }, exercises: [core, feishu] }
  edge-1: { labels: { layout: wrapper }, exercises: [core] }
  edge-2: { labels: { layout: wrapper }, exercises: [core] }
  edge-3: { labels: { layout: wrapper }, exercises: [core] }
  mac: { labels: { layout: mac }, exercises: [weixin] }
";

const ESTATE: &str = "
kind: Rollout
version: 1
name: openclaw
inventory: inventory.yaml
environment: prod
vars: { target: 2026.3.23-2 }
concurrency: { estate: 5, per_jump: 2 }
confirm: { within: 3m }
deadline: { host: 45m }
max_failed: { wave: 1, rollout: 25% }
on_failure: { rollback: wave }
stages:
  - id: canary
    canary: true
    hosts: { role: canary }
    plan: npm.yaml
    artifacts: [core, connector-source]
    soak: 30m
  - id: edge
    needs: canary
    hosts: { layout: wrapper }
    plan: wrapper.yaml
    promote: { core: same-platform }
    vars: { archive: '{{ artifacts.core.path }}', line: '{{ vars.unit }} takes {{ artifacts.core.digest }}' }
    batches: [1, 25%, 2]
  - id: mac
    canary: true
    needs: [edge]
    hosts: [mac]
    plan: mac.yaml
    promote: { connector-source: any }
    vars: { source: '{{ artifacts.connector-source.path | upper }}/x' }
    approve: { by: [ops], within: 12h }
";

fn read(text: &str) -> LoadedRollout {
    let inventory =
        |_: &str, sources: SourceMap| Ok(load_inventory(Document { name: "inventory.yaml", text: INVENTORY }, sources));
    load_rollout(Document { name: "rollout.yaml", text }, &inventory)
}

fn estate() -> (Rollout, Inventory, SourceMap) {
    let loaded = read(ESTATE);
    match (loaded.rollout, loaded.inventory) {
        (Some(rollout), Some(inventory)) => (rollout, inventory, loaded.sources),
        _ => panic!("{:?}", loaded.diagnostics),
    }
}

#[test]
fn every_field_becomes_what_it_says() {
    let (rollout, ..) = estate();
    assert_eq!((rollout.name.as_str(), rollout.environment.as_deref()), ("openclaw", Some("prod")));
    assert_eq!((rollout.concurrency.estate.get(), rollout.concurrency.per_jump.map(Into::into)), (5, Some(2)));
    assert_eq!(rollout.confirm_within, Some(Duration::from_secs(180)));
    assert_eq!(rollout.host_deadline, Duration::from_secs(45 * 60));
    assert_eq!(rollout.max_failed, MaxFailed { wave: Amount::Count(1), rollout: Amount::Percent(25) });
    assert_eq!(rollout.on_failure, RollbackScope::Wave);
    let [canary, edge, mac] = rollout.stages.as_slice() else { panic!("{} stages", rollout.stages.len()) };
    assert_eq!((canary.canary, edge.canary, canary.soak), (true, false, Some(Duration::from_secs(1800))));
    assert_eq!(canary.artifacts.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["core", "connector-source"]);
    assert_eq!((edge.promote[0].to, mac.promote[0].to), (Promote::SamePlatform, Promote::Any));
    let gate = mac.approve.as_ref().unwrap();
    assert_eq!((gate.by.as_slice(), gate.within), (&["ops".to_owned()][..], Duration::from_secs(12 * 3600)));
    assert_eq!(rollout.above(mac).iter().map(|stage| stage.id.as_str()).collect::<Vec<_>>(), ["canary", "edge"]);
}

#[test]
fn a_share_of_a_batch_is_rounded_up_and_the_last_one_repeats() {
    let (mut rollout, ..) = estate();
    let stage = &mut rollout.stages[1];
    let waves = |stage: &runbook_model::Stage| stage.waves().iter().map(|wave| wave.len()).collect::<Vec<_>>();
    assert_eq!(waves(stage), [1, 1, 1]);
    stage.batches = vec![Amount::Percent(34)];
    assert_eq!(waves(stage), [2, 1]);
    stage.batches = vec![Amount::Percent(100)];
    assert_eq!(waves(stage), [3]);
}

/// The plan of a stage with the variables of the rollout and the stage.
fn plan(vars: &str, stage: &str) -> Loaded {
    let (rollout, inventory, sources) = estate();
    let Some(stage) = rollout.stages.iter().find(|one| one.id.as_str() == stage) else { panic!("no stage {stage}") };
    let at = |artifact: &StepId| ArtifactAt { path: format!("/a \"b\"/{artifact}"), digest: "d1".to_owned() };
    let mut layers = stage_layers(&rollout, stage, at).to_vec();
    layers.push(LayerVars::of_host(&inventory.hosts[0]));
    let text = format!("kind: Plan\nversion: 1\nname: p\nvars:\n{vars}steps:\n  - {{ id: a, uses: b }}\n");
    let fact = || "x".to_owned();
    load(Request {
        plan: Document { name: "plan.yaml", text: &text },
        environment: None,
        overlay: None,
        layers,
        sources,
        vars: &[],
        base: Path::new("/srv"),
        host: HostFacts {
            os: fact(),
            arch: fact(),
            libc: fact(),
            init: fact(),
            name: fact(),
            user: fact(),
            home: "/".into(),
        },
        outputs: &|_| None,
    })
}

#[test]
fn what_a_stage_takes_stands_in_the_variables_of_its_plan() {
    let vars = "  target: { type: version }\n  unit: { type: string, default: u }\n  archive: { type: path }\n  line: { type: string }\n";
    let loaded = plan(vars, "edge");
    let found = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let shown: Vec<String> = found.vars.iter().map(runbook_plan::shown).collect();
    assert_eq!(shown, ["2026.3.23-2", "u", "/a \"b\"/core", "u takes d1"]);
    assert!(found.vars.iter().filter(|var| var.name != "unit").all(|var| var.layer == Layer::Stage));
    let mac = plan("  source: { type: string }\n", "mac").plan.unwrap();
    assert_eq!(runbook_plan::shown(&mac.vars[0]), "/A \"B\"/CONNECTOR-SOURCE/x");
}

/// A variable of the rollout is for those plans that declare it, one of a stage for the one plan.
#[test]
fn a_variable_of_a_stage_that_its_plan_does_not_declare_is_told() {
    let loaded = plan("  archive: { type: path }\n", "edge");
    let told: Vec<&str> = loaded.diagnostics.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(told[0], "the plan declares no variable `line`");
    assert!(told.iter().all(|message| !message.contains("target")), "{told:?}");
    let (rollout, ..) = estate();
    let [common, own] =
        stage_layers(&rollout, &rollout.stages[0], |_| panic!("it takes nothing")).map(|layer| layer.names);
    assert_eq!((common, own), (LayerNames::Common, LayerNames::Declared));
}

#[test]
fn what_is_proven_on_another_platform_is_refused_unless_it_may_go_anywhere() {
    let (rollout, ..) = estate();
    let facts = |os: &str, arch: &str| HostFacts {
        os: os.into(),
        arch: arch.into(),
        libc: "gnu".into(),
        init: String::new(),
        name: String::new(),
        user: String::new(),
        home: String::new(),
    };
    let (linux, arm, mac) = (facts("linux", "x86_64"), facts("linux", "aarch64"), facts("macos", "aarch64"));
    let of = |name: &HostName| match name.as_str() {
        "vm-a" | "edge-1" => Some(&linux),
        "edge-2" => Some(&arm),
        "mac" => Some(&mac),
        _ => None,
    };
    let told: Vec<String> = same_platform(&rollout, of).into_iter().map(|fault| fault.message).collect();
    assert_eq!(told, ["`core` is proven on `vm-a` (linux x86_64 gnu), and `edge-2` is linux aarch64 gnu"]);
    let excepted =
        ESTATE.replace("    batches: [1, 25%, 2]\n", "    allow: [{ rule: same-platform, because: it is a script }]\n");
    assert_eq!(same_platform(&read(&excepted).rollout.unwrap(), of), []);
}

#[test]
fn a_text_says_itself_that_it_is_a_rollout() {
    for text in [ESTATE, "# x\nkind: \"Rollout\"  # y\n", "version: 1\nkind: 'Rollout'\n"] {
        assert!(is_rollout(text), "{text}");
    }
    for text in ["kind: Plan\n", "vars: { kind: Rollout }\n", "  kind: Rollout\n", "", "kind: Plan\nkind: Rollout\n"] {
        assert!(!is_rollout(text), "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(test_rules::cases(300))]

    /// Whatever a rollout says, reading it ends, and there is one only if nothing is wrong.
    #[test]
    fn no_rollout_is_too_odd(
        cut in 0..ESTATE.len(),
        put in "([a-z\\[\\]:=,'\"#{}*!0-9% -]|\\n|needs: \\[mac\\]|artifacts\\.|\\{\\{|\\}\\}|hosts:|stages:|  - id: ){0,12}",
        skip in 0_usize..30,
    ) {
        let rest = ESTATE.get(cut + skip..).unwrap_or_default();
        let loaded = read(&format!("{}{put}{rest}", &ESTATE[..cut]));
        let bad = loaded.diagnostics.iter().any(|fault| fault.severity == runbook_model::Severity::Error);
        proptest::prop_assert_eq!(loaded.rollout.is_none(), bad, "{:?}", loaded.diagnostics);
        for fault in &loaded.diagnostics {
            proptest::prop_assert!(loaded.sources.place(fault.primary.span).is_some(), "{:?}", fault);
        }
    }
}
