//! Layers, types and what variables become.

mod support;

use runbook_model::{Layer, Node, SourceMap, Span, Value};
use runbook_plan::{Document, LayerVars, Request, load, shown};
use support::{found, host, load_text, outputs};

const PLAN: &str = "
kind: Plan
version: 1
name: vars
vars:
  target: { type: version, default: 1.0.0 }
  port: { type: int, default: 80 }
  flag: { type: bool, default: false }
  dir: { type: path, default: ~/.x }
  below: { type: path, default: '{{ vars.dir }}/../y/./z//' }
  rel: { type: path, default: sub/dir }
  where: { type: string, default: '{{ host.name }}-{{ environment }}' }
  hosts: { type: list, default: [a, b] }
  token: { type: secret, from: { file: secrets/token } }
steps:
  - { id: a, uses: b, with: { t: '{{ vars.target }}', p: '{{ vars.port }}', h: '{{ vars.hosts }}', m: 'x{{ vars.port }}', s: '{{ vars.token }}' } }
";

fn layer(layer: Layer, vars: &Node) -> LayerVars {
    LayerVars { layer, vars: vars.entries().to_vec(), names: runbook_plan::LayerNames::Declared }
}

fn values(overlay: Option<&str>, vars: &[&str]) -> Vec<String> {
    let loaded = load_text(PLAN, overlay, vars);
    let plan = loaded.plan.as_ref().unwrap_or_else(|| panic!("{:?}", found(&loaded)));
    plan.vars.iter().map(|var| format!("{} = {} ({:?})", var.name, shown(var), var.layer)).collect()
}

#[test]
fn defaults_are_rendered_and_paths_are_absolute() {
    assert_eq!(
        values(None, &[]),
        [
            "target = 1.0.0 (PlanDefault)",
            "port = 80 (PlanDefault)",
            "flag = false (PlanDefault)",
            "dir = /home/ops/.x (PlanDefault)",
            "below = /home/ops/y/z (PlanDefault)",
            "rel = /srv/plans/sub/dir (PlanDefault)",
            "where = alpha- (PlanDefault)",
            "hosts = [\"a\",\"b\"] (PlanDefault)",
            "token = secret from file /srv/plans/secrets/token (PlanDefault)",
        ]
    );
}

#[test]
fn later_layers_win() {
    let overlay = "kind: Environment\nversion: 1\nvars: { target: 1.1.0, port: 81, where: 'at {{ environment }}' }\n";
    let values = values(Some(overlay), &["port=82", "flag=true", "hosts=[c]", "dir=/opt/{{ x }}"]);
    assert_eq!(values[0], "target = 1.1.0 (Environment)");
    assert_eq!(values[1], "port = 82 (CommandLine)");
    assert_eq!(values[2], "flag = true (CommandLine)");
    assert_eq!(values[3], "dir = /opt/{{ x }} (CommandLine)", "a flag is never a template");
    assert_eq!(values[6], "where = at prod (Environment)");
    assert_eq!(values[7], "hosts = [\"c\"] (CommandLine)");
}

#[test]
fn stage_and_inventory_stand_between_environment_and_flags() {
    let mut sources = SourceMap::default();
    let id = sources.add("inventory.yaml", "port: 90\ntarget: 1.2.0\nprot: 1\n");
    let text = sources.get(id).unwrap().text.clone();
    let (inventory, faults) = runbook_plan::read(id, &text);
    assert_eq!(faults, []);
    let stage = Node::from_json(Span::default(), &serde_json::json!({ "port": 85, "flag": true }));
    let loaded = load(Request {
        plan: Document { name: "plan.yaml", text: PLAN },
        environment: None,
        overlay: None,
        layers: vec![layer(Layer::Inventory, &inventory.unwrap()), layer(Layer::Stage, &stage)],
        sources,
        vars: &["target=1.3.0".to_owned()],
        base: std::path::Path::new("/srv"),
        host: host(),
        outputs: &outputs,
    });
    let diagnostic = &loaded.diagnostics[0];
    assert_eq!(loaded.diagnostics.len(), 1);
    assert_eq!(diagnostic.code.as_str(), "RB0201");
    assert_eq!(loaded.sources.place(diagnostic.primary.span).unwrap(), "inventory.yaml:3:1");
    assert_eq!(loaded.sources.place(diagnostic.related[0].span).unwrap(), "plan.yaml:7:3");
    let plan = loaded.partial.unwrap();
    let value = |name: &str| plan.vars.iter().find(|var| var.name == name).map(|var| (shown(var), var.layer)).unwrap();
    assert_eq!(value("port"), ("90".to_owned(), Layer::Inventory));
    assert_eq!(value("flag"), ("true".to_owned(), Layer::Stage));
    assert_eq!(value("target"), ("1.3.0".to_owned(), Layer::CommandLine));
}

#[test]
fn values_keep_their_types_in_parameters_and_secrets_stay_references() {
    let plan = load_text(PLAN, None, &[]).plan.unwrap();
    let with = &plan.steps[0].with;
    let value = |name: &str| &with.get(name).unwrap().value.value;
    assert_eq!(value("t"), &Value::String("1.0.0".to_owned()));
    assert_eq!(value("p"), &Value::Int(80));
    assert!(matches!(value("h"), Value::List(items) if items.len() == 2));
    assert_eq!(value("m"), &Value::String("x80".to_owned()));
    let Value::Later(later) = value("s") else { panic!("a secret was rendered") };
    assert_eq!(later.waits_for, [runbook_model::Reference::Secret("token".to_owned())]);
}

#[test]
fn what_is_given_to_a_secret_is_not_kept() {
    let loaded = load_text(PLAN, None, &["token=hunter2"]);
    assert_eq!(found(&loaded), ["RB0210 1/1:7+1 < 14:3+5"]);
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn a_secret_is_looked_for_on_a_side() {
    let of = |from: &str| load_text(&PLAN.replace("{ file: secrets/token }", from), None, &[]);
    let secret = |from: &str| of(from).plan.unwrap().vars.pop().unwrap();
    let on_controller = secret("{ env: TOKEN, on: controller }");
    assert_eq!(shown(&on_controller), "secret from env TOKEN of the controller");
    let kept = serde_json::to_value(&on_controller.secret).unwrap();
    assert_eq!(kept, serde_json::json!({ "env": "TOKEN", "on": "controller" }));
    assert_eq!(serde_json::from_value::<Option<runbook_model::SecretSource>>(kept).unwrap(), on_controller.secret);
    // The host is where plans of before look, which say nothing of it.
    let on_host = secret("{ env: TOKEN, on: host }");
    assert_eq!(serde_json::to_value(&on_host.secret).unwrap(), serde_json::json!({ "env": "TOKEN" }));
    assert_eq!(on_host.secret, secret("{ env: TOKEN }").secret);
}

#[test]
fn a_side_that_there_is_not_is_told_with_what_was_meant() {
    let faults = |from: &str| load_text(&PLAN.replace("{ file: secrets/token }", from), None, &[]).diagnostics;
    let [wrong] = &faults("{ env: TOKEN, on: controler }")[..] else { panic!("one fault was expected") };
    assert_eq!(wrong.message, "`on` cannot be `controler`");
    assert!(wrong.help.as_ref().unwrap().contains("did you mean `controller`?"), "{wrong:?}");
    let [nothing] = &faults("{ on: host }")[..] else { panic!("one fault was expected") };
    assert_eq!(nothing.message, "a secret has one source: `env`, `file` or `command`");
}

#[test]
fn the_digest_is_of_what_the_plan_does() {
    let digest = |text: &str| load_text(text, None, &[]).plan.unwrap().digest;
    let first = digest(PLAN);
    assert_eq!(first.len(), 64);
    assert_eq!(first, digest(&format!("# a comment\n{}", PLAN.replace("  target:", "  target:   "))));
    assert_ne!(first, digest(&PLAN.replace("default: 80", "default: 81")));
    assert_ne!(first, digest(&PLAN.replace("vars.token", "vars.where")));
}

/// A path beside the plan is the same in every checkout; one of the host is another, though it may lead there.
#[test]
fn the_digest_is_the_same_in_every_checkout() {
    let digest = |base: &str, path: &str| {
        let vars = [format!("rel={path}")];
        let plan = load(Request {
            plan: Document { name: "plan.yaml", text: PLAN },
            environment: None,
            overlay: None,
            layers: Vec::new(),
            sources: SourceMap::default(),
            vars: &vars,
            base: std::path::Path::new(base),
            host: host(),
            outputs: &outputs,
        });
        let plan = plan.plan.unwrap();
        assert_eq!(plan.base, base);
        plan.digest
    };
    let here = digest("/home/ann/plans", "files/app.conf");
    assert_eq!(here, digest("/srv/checkout", "files/app.conf"));
    assert_ne!(here, digest("/srv/checkout", "files/other.conf"));
    assert_ne!(here, digest("/srv/checkout", "/srv/checkout/files/app.conf"));
    assert_ne!(digest("/srv/checkout", "../shared"), digest("/srv/checkout", "/shared"));
}

#[test]
fn an_error_leaves_the_rest_for_further_checks() {
    let loaded = load_text(&PLAN.replace("type: int", "type: innt"), None, &[]);
    assert!(loaded.plan.is_none());
    let partial = loaded.partial.unwrap();
    assert_eq!(partial.steps.len(), 1);
    assert!(
        matches!(&partial.steps[0].with.get("p").unwrap().value.value, Value::Later(later) if later.waits_for.is_empty())
    );
    assert_eq!(found(&load_text(&PLAN.replace("type: int", "type: innt"), None, &[])), ["RB0108 7:17+4"]);
}

#[test]
fn schemas_know_the_fields_that_the_parser_knows() {
    let schema = runbook_plan::plan_schema();
    for (pointer, wrong) in [("/properties", "a plan"), ("/$defs/step/properties", "a step")] {
        let names: Vec<String> = schema.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        let fields: String = names.iter().map(|name| format!("{name}: \n")).collect();
        let text = match wrong {
            "a plan" => fields,
            _ => format!("steps: [{{ {} }}]", names.join(": , ") + ": "),
        };
        let loaded = load_text(&text, None, &[]);
        assert!(loaded.diagnostics.iter().all(|fault| fault.code.as_str() != "RB0105"), "{:?}", loaded.diagnostics);
    }
    assert_eq!(schema.pointer("/$defs/variable/properties/type/enum").unwrap().as_array().unwrap().len(), 8);
}
