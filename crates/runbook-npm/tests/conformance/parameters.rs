//! What the npm kinds say about parameters before a host is touched.

use conformance::Given;
use runbook_model::{Declaration, Resource, Role, UndoSource, Version};
use runbook_npm::KINDS;
use serde_json::{Value as Json, json};

fn faults(kind: &str, with: &Json) -> Vec<String> {
    let found = Given::to(KINDS, kind, with).faults();
    found.into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
}

fn declared(kind: &str, with: &Json) -> Declaration {
    Given::to(KINDS, kind, with).declared()
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
    let declaration = declared("npm.install", &with);
    let written: Vec<&Resource> = declaration.effects.iter().map(|effect| &effect.resource).collect();
    assert!(written.contains(&&Resource::Path("/opt/node/lib/node_modules/@s/demo".into())), "{written:?}");
    assert!(written.contains(&&Resource::Package("npm:@s/demo".to_owned())), "{written:?}");
    assert_eq!(declaration.version.as_deref(), Some("latest"), "for the rule exact-version");
    assert_eq!(declaration.undo, UndoSource::Backup);
    assert_eq!(declaration.roles, [Role::Replace, Role::Install]);
    assert_eq!(declaration.vague_target, None);

    let anywhere = json!({ "package": "demo", "version": "1.0.0" });
    assert!(declared("npm.install", &anywhere).vague_target.is_some(), "for the rule exact-target");
    assert!(Given::to(KINDS, "npm.install", &anywhere).try_bind().is_err(), "and nothing stands in for the prefix");

    let by_ranges = declared("npm.ci", &json!({ "dir": "/p", "install": true }));
    assert!(by_ranges.version.is_some_and(|version| Version::parse(&version).is_err()));
}
