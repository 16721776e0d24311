//! What the npm kinds say about parameters before a host is touched.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use runbook_model::{Diagnostics, Node, Resource, Role, Span, UndoSource};
use runbook_step::{ArgContext, Args, Catalogue, check_parameters};
use serde_json::{Value as Json, json};

fn with_args<T>(kind: &str, with: &Json, look: impl FnOnce(&dyn runbook_step::Kind, &Args<'_>) -> T) -> T {
    let catalogue = Catalogue::of(&[
        &runbook_npm::NpmChangelog,
        &runbook_npm::NpmCi,
        &runbook_npm::NpmInstall,
        &runbook_npm::NpmView,
    ]);
    let kind = catalogue.get(kind).unwrap();
    let node = Node::from_json(Span::default(), with);
    let context = ArgContext { base: "/base".into(), home: "/home".into(), services: Vec::new(), window: None };
    look(kind, &Args { doc: kind.doc(), node: &node, context: &context, step_span: Span::default() })
}

fn faults(kind: &str, with: &Json) -> Vec<String> {
    with_args(kind, with, |kind, args| {
        let mut found = Diagnostics::default();
        if check_parameters(args, &mut found) {
            kind.check(args, &mut found);
        }
        found.into_sorted().into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
    })
}

#[test]
fn what_could_redirect_npm_is_refused() {
    let good = json!({ "package": "demo", "version": "1.2.3", "prefix": "/opt/node" });
    assert_eq!(faults("npm.install", &good), Vec::<String>::new());
    for (key, value, message) in [
        ("package", json!("../../etc"), "RB0303 `package` must be the name of a package"),
        ("package", json!("demo@1.2.3"), "RB0303 `package` must be the name of a package"),
        ("package", json!("--global-style"), "RB0303 `package` must be the name of a package"),
        ("version", json!("git+ssh://host/x"), "RB0303 `version` must be a version, not an address"),
        ("version", json!("npm:other@1"), "RB0303 `version` must be a version, not an address"),
        ("version", json!("file:../x"), "RB0303 `version` must be a version, not an address"),
        ("version", Json::Null, "RB0302 `npm.install` needs `version` or `from`"),
        ("env", json!({ "NPM_CONFIG_PREFIX": "/usr" }), "RB0304 `npm_config_prefix` in `env` contradicts"),
        ("env", json!({ "npm_config_dry_run": "true" }), "RB0304 `npm_config_dry_run` in `env` contradicts"),
        ("prefx", json!("/usr"), "RB0301 `npm.install` has no parameter `prefx`"),
    ] {
        let mut with = good.clone();
        with[key] = value.clone();
        let told = faults("npm.install", &with).join("\n");
        assert!(told.contains(message), "{key}: {value}: {told}");
    }
    assert!(faults("npm.ci", &json!({ "dir": "x", "omit": ["devel"] })).join("").contains("without `devel`"));
    assert!(faults("npm.view", &json!({ "package": "demo", "field": "--json" })).join("").contains("RB0303 `field`"));
}

#[test]
fn an_install_declares_where_and_what() {
    let with = json!({ "package": "@s/demo", "version": "latest", "prefix": "/opt/node" });
    with_args("npm.install", &with, |kind, args| {
        let declaration = kind.declare(args);
        let written: Vec<&Resource> = declaration.effects.iter().map(|effect| &effect.resource).collect();
        assert!(written.contains(&&Resource::Path("/opt/node/lib/node_modules/@s/demo".into())), "{written:?}");
        assert!(written.contains(&&Resource::Package("npm:@s/demo".to_owned())), "{written:?}");
        assert_eq!(declaration.version.as_deref(), Some("latest"), "for the rule exact-version");
        assert_eq!(declaration.undo, UndoSource::Backup);
        assert_eq!(declaration.roles, [Role::Replace, Role::Install]);
        assert_eq!(declaration.vague_target, None);
    });
    with_args("npm.install", &json!({ "package": "demo", "version": "1.0.0" }), |kind, args| {
        assert!(kind.declare(args).vague_target.is_some(), "for the rule exact-target");
        assert!(kind.bind(args).is_err(), "and nothing stands in for the prefix");
    });
    with_args("npm.ci", &json!({ "dir": "/p", "install": true }), |kind, args| {
        assert!(kind.declare(args).version.is_some_and(|version| runbook_model::Version::parse(&version).is_err()));
    });
}
