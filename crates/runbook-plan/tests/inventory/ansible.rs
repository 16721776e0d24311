//! Inventories of Ansible are read as Ansible reads them. `fixtures/*.expected.json` is what `ansible-inventory --list` of ansible-core 2.19
//! says of the files beside it: groups and variables of each host.

use runbook_model::{Escalation, Inventory, InventoryHost, Severity, SourceMap, Value};
use runbook_plan::{AnsibleInventory, Document, LoadedInventory, load_ansible_inventory};
use serde_json::{Map, Value as Json, json};
use std::fs;
use std::path::Path;

fn load(
    name: &str,
    text: &str,
    group_vars: &[(&str, &str, &str)],
    host_vars: &[(&str, &str, &str)],
) -> LoadedInventory {
    fn files<'a>(files: &[(&str, &'a str, &'a str)]) -> Vec<(String, Document<'a>)> {
        files.iter().map(|(of, name, text)| ((*of).to_owned(), Document { name, text })).collect()
    }
    let inventory = AnsibleInventory {
        inventory: Document { name, text },
        group_vars: files(group_vars),
        host_vars: files(host_vars),
    };
    load_ansible_inventory(&inventory, SourceMap::default())
}

fn fixture(name: &str) -> Inventory {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory/fixtures");
    let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (all, web, vault, host) = (
        text("group_vars/all.yml"),
        text("group_vars/web/main.yml"),
        text("group_vars/web/vault.yml"),
        text("host_vars/web-x.yml"),
    );
    let groups = [("all", "all.yml", all.as_str()), ("web", "main.yml", &web), ("web", "vault.yml", &vault)];
    let loaded = load(name, &text(name), &groups, &[("web-x", "web-x.yml", &host)]);
    loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// As the oracle writes it. INI knows nothing but text, where Ansible guesses numbers: they are compared as text.
fn written(host: &InventoryHost) -> Json {
    let value = |value: &Value| match value {
        Value::String(text) if text.starts_with("$ANSIBLE_VAULT") => json!("$ANSIBLE_VAULT"),
        Value::String(text) => json!(text),
        Value::Int(number) => json!(number.to_string()),
        Value::Bool(flag) => json!(flag),
        Value::List(items) => json!(items.iter().map(|item| item.to_json()).collect::<Vec<_>>()),
        other => panic!("{other:?}"),
    };
    let vars: Map<String, Json> =
        host.vars.iter().map(|entry| (entry.key.clone(), value(&entry.value.value))).collect();
    json!({ "groups": host.groups, "vars": vars })
}

fn numbers_as_text(json: &mut Json) {
    match json {
        Json::Number(number) => *json = json!(number.to_string()),
        Json::Object(map) => map.values_mut().for_each(numbers_as_text),
        _ => {}
    }
}

#[test]
fn both_formats_are_read_as_ansible_reads_them() {
    for name in ["hosts.ini", "hosts.yaml"] {
        let inventory = fixture(name);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/inventory/fixtures")
            .join(format!("{name}.expected.json"));
        let mut wanted: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        numbers_as_text(&mut wanted);
        let found: Map<String, Json> =
            inventory.hosts.iter().map(|host| (host.name.as_str().to_owned(), written(host))).collect();
        assert_eq!(found.len(), 8);
        assert_eq!(Json::Object(found), wanted, "{name}");
    }
}

#[test]
fn what_ansible_tells_its_connection_becomes_the_connection() {
    for name in ["hosts.ini", "hosts.yaml"] {
        let inventory = fixture(name);
        let host = inventory.host("web-x").unwrap();
        assert_eq!(host.address, "192.0.2.7");
        assert_eq!((host.ssh.user.as_deref(), host.ssh.port), (Some("deploy"), Some(2222)));
        let options: Vec<_> = host.ssh.options.iter().map(|(keyword, value)| format!("{keyword}={value}")).collect();
        assert_eq!(options, ["ConnectTimeout=5", "ProxyJump=bastion"]);
        assert_eq!(host.escalation, Escalation::None);
        assert_eq!(inventory.host("db-b").unwrap().escalation, Escalation::Sudo);
        assert_eq!(inventory.host("lonely").unwrap().address, "10.0.0.9");
        assert!(inventory.host("lonely").unwrap().groups.is_empty());
    }
}

#[test]
fn labels_and_what_a_host_exercises_can_be_written_there_too() {
    let loaded = load("hosts", "a runbook_labels=role=canary,layout=npm runbook_exercises=core,feishu\n", &[], &[]);
    let inventory = loaded.inventory.unwrap();
    let host = inventory.host("a").unwrap();
    assert_eq!(host.labels.iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>(), ["layout=npm", "role=canary"]);
    assert_eq!(host.exercises.iter().collect::<Vec<_>>(), ["core", "feishu"]);
}

#[test]
fn what_cannot_be_taken_over_is_refused_by_name() {
    for (text, wanted) in [
        ("a ansible_connection=winrm\n", "error `ansible_connection` is `winrm`, and only `ssh` is known here"),
        ("a ansible_become_user=deploy\n", "error `ansible_become_user` is `deploy`, and only `root` is known here"),
        ("a ansible_password=x\n", "warning `ansible_password` of `a` is not used"),
        ("a ansible_host=-oProxyCommand=x\n", "error `ansible_host` cannot be `-oProxyCommand=x`"),
        (
            "a ansible_ssh_common_args='-o BatchMode=no'\n",
            "error `-o` of `ansible_ssh_common_args` cannot be taken over",
        ),
        ("a ansible_port=99999\n", "error `ansible_port` is `99999`; it has to be from 1 to 65535"),
        ("a ansible_host='{{ ip }}'\n", "error `ansible_host` is a template of Ansible"),
        ("a ansible_host='$ANSIBLE_VAULT;1.1'\n", "error `ansible_host` is encrypted by Ansible's vault"),
        ("a b\n", "error a host is followed by variables"),
        ("a x='1\n", "error a quote is not closed"),
        ("[web:hosts]\n", "error a section of Ansible's inventory cannot be `:hosts`"),
    ] {
        let found: Vec<String> = load("hosts", text, &[], &[])
            .diagnostics
            .iter()
            .map(|one| format!("{} {}", if one.severity == Severity::Error { "error" } else { "warning" }, one.message))
            .collect();
        assert_eq!(found, [wanted], "{text}");
    }
}

#[test]
fn a_file_that_is_encrypted_as_a_whole_is_named() {
    let vault = "$ANSIBLE_VAULT;1.1;AES256\n6162\n";
    let loaded = load("hosts", "a\n", &[("all", "group_vars/all/vault.yml", vault)], &[]);
    let [fault] = &loaded.diagnostics[..] else { panic!("{:?}", loaded.diagnostics) };
    assert!(fault.message.contains("group_vars/all/vault.yml"), "{}", fault.message);
    assert!(loaded.inventory.is_some());
}

#[test]
fn a_plan_takes_what_it_declares_as_the_declared_type_and_refuses_what_is_encrypted() {
    let plan = |ty: &str| {
        format!("kind: Plan\nversion: 1\nname: p\nvars:\n  x: {{ type: {ty} }}\nsteps:\n  - {{ id: a, uses: b }}\n")
    };
    let inventory = load("hosts", "a x=81 other=1\nb x='$ANSIBLE_VAULT;1.1;AES256'\n", &[], &[]);
    let sources = inventory.sources;
    let inventory = inventory.inventory.unwrap();
    let found = |host: &str, ty: &str| {
        let host = inventory.host(host).unwrap();
        crate::plan_for(&plan(ty), host, sources.clone())
    };
    for ty in ["int", "string"] {
        let loaded = found("a", ty);
        let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        assert_eq!(runbook_plan::shown(&plan.vars[0]), "81");
    }
    let refused = found("b", "string");
    let [fault] = &refused.diagnostics[..] else { panic!("{:?}", refused.diagnostics) };
    assert_eq!(fault.message, "`x` is encrypted by Ansible's vault");
}
