//! Inventories of Ansible are read as Ansible reads them. `fixtures/*.expected.json` is what `ansible-inventory --list` of ansible-core 2.19
//! says of the files beside it: groups and variables of each host.

use runbook_model::{Escalation, Inventory, InventoryHost, Severity, SourceMap, Value};
use runbook_plan::{Document, LoadedInventory, read_ansible_inventory};
use serde_json::{Map, Value as Json, json};
use std::fs;
use std::path::Path;

pub(crate) fn load(
    name: &str,
    text: &str,
    group_vars: &[(&str, &str, &str)],
    host_vars: &[(&str, &str, &str)],
) -> LoadedInventory {
    fn files<'a>(files: &[(&str, &'a str, &'a str)]) -> Vec<(String, Document<'a>)> {
        files.iter().map(|(of, name, text)| ((*of).to_owned(), Document { name, text })).collect()
    }
    read_ansible_inventory(Document { name, text }, SourceMap::default())
        .with_vars(&files(group_vars), &files(host_vars))
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

/// Holds what was read of the file at `path` under `fixtures` against what the oracle says of it.
#[expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]
fn as_expected(path: &str, inventory: &Inventory) {
    let expected =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory/fixtures").join(format!("{path}.expected.json"));
    let mut wanted: Json = serde_json::from_str(&fs::read_to_string(expected).unwrap()).unwrap();
    numbers_as_text(&mut wanted);
    let found: Map<String, Json> =
        inventory.hosts.iter().map(|host| (host.name.as_str().to_owned(), written(host))).collect();
    assert_eq!(Json::Object(found), wanted, "{path}");
}

#[test]
fn both_formats_are_read_as_ansible_reads_them() {
    for name in ["hosts.ini", "hosts.yaml"] {
        let inventory = fixture(name);
        assert_eq!(inventory.hosts.len(), 8);
        as_expected(name, &inventory);
    }
}

#[test]
fn priorities_ungrouped_hosts_ranges_remarks_and_ports_are_ansibles() {
    for (name, text) in [
        ("order/hosts.ini", include_str!("fixtures/order/hosts.ini")),
        ("order/hosts.yaml", include_str!("fixtures/order/hosts.yaml")),
    ] {
        let beside = ("ungrouped", "ungrouped.yml", include_str!("fixtures/order/group_vars/ungrouped.yml"));
        let loaded = load(name, text, &[beside], &[]);
        let inventory = loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        assert_eq!(inventory.host("w1").unwrap().ssh.port, Some(22));
        as_expected(name, &inventory);
    }
}

#[test]
fn an_inventory_without_an_ending_is_yaml_if_it_is_a_map_of_groups() {
    let hosts = |name: &str, text: &str| {
        let loaded = load(name, text, &[], &[]);
        let inventory = loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        inventory.hosts.iter().map(|host| host.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hosts("dir.d/hosts", "# estate\nweb:\n  hosts:\n    a:\n    b: { x: !vault 1 }\n"), "a b");
    assert_eq!(hosts("hosts", "a note='x: y'\n"), "a");
    assert_eq!(hosts("hosts", "[web]\na\n"), "a");
}

#[test]
fn tags_of_ansible_may_stand_behind_several_blanks() {
    for value in ["x: !vault |", "x:   !vault   |", "x: !unsafe |", "x:\t!unsafe |"] {
        let loaded = load("hosts", "a\n", &[("all", "all.yml", &format!("{value}\n  secret\n"))], &[]);
        let inventory = loaded.inventory.unwrap_or_else(|| panic!("{value}: {:?}", loaded.diagnostics));
        assert_eq!(inventory.host("a").unwrap().vars[0].value.to_json(), json!("secret\n"), "{value}");
    }
}

#[test]
fn of_one_keyword_the_first_counts_however_it_is_spelled() {
    let text = "a ansible_ssh_extra_args='-o ConnectTimeout=3 -o LogLevel=ERROR' \
                ansible_ssh_common_args='-o connecttimeout=1 -o ConnectTimeout=2 -o IdentityFile=other' \
                ansible_ssh_private_key_file=key\n";
    let inventory = load("hosts", text, &[], &[]).inventory.unwrap();
    let options: Vec<_> = inventory.host("a").unwrap().ssh.options.iter().collect();
    let options: Vec<String> = options.iter().map(|(keyword, value)| format!("{keyword}={value}")).collect();
    assert_eq!(options, ["IdentityFile=key", "LogLevel=ERROR", "connecttimeout=1"]);
}

#[test]
fn a_host_without_a_connection_is_left_out_and_named() {
    let loaded = load("hosts", "localhost ansible_connection=local\na\n", &[], &[]);
    let [warning] = &loaded.diagnostics[..] else { panic!("{:?}", loaded.diagnostics) };
    assert!(warning.message.starts_with("`localhost` is left out"), "{}", warning.message);
    let inventory = loaded.inventory.unwrap();
    assert_eq!(inventory.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["a"]);
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
        ("a ansible_password=x\n", "warning `ansible_password` is not used"),
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
        ("a ansible_ssh_private_key_file=\n", "error `ansible_ssh_private_key_file` names no file"),
        ("a ansible_ssh_extra_args='-o user=x'\n", "error `-o` of `ansible_ssh_extra_args` cannot be taken over"),
        (
            "a ansible_ssh_extra_args='-oControlPath=x'\n",
            "error `-oControlPath=x` of `ansible_ssh_extra_args` cannot be taken over",
        ),
        ("a runbook_labels=layout\n", "error `layout` of `runbook_labels` is no label"),
        ("a runbook_labels='a b=c,d=e'\n", "error `a b=c` of `runbook_labels` is no label"),
        ("a ansible_group_priority=3\n", "warning `ansible_group_priority` has no effect here"),
        (
            "[web]\na\n[web:vars]\nansible_group_priority=high\n",
            "error `ansible_group_priority` has to be a whole number",
        ),
        ("all\n", "error `all` cannot be the name of a host"),
        ("ungrouped\n", "error `ungrouped` cannot be the name of a host"),
        ("a runbook_labels=x=\u{1b}[2J\n", "error the line has a control character"),
        ("a\rb\n", "error the line has a control character"),
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

#[test]
fn control_characters_of_yaml_are_refused_by_name() {
    for (text, wanted) in [
        ("\"w\\eb\": { hosts: { a: } }\n", "`w\\u{1b}b` cannot be the name of a group"),
        ("web: { hosts: { \"a\\r\": } }\n", "`a\\r` cannot be the name of a host"),
        ("web: { hosts: { a: { runbook_labels: { x: \"\\e\" } } } }\n", "`labels` cannot be `\\u{1b}`"),
        ("web: { hosts: { a: { runbook_exercises: [\"\\r\"] } } }\n", "`runbook_exercises` has a control character"),
    ] {
        let loaded = load("hosts.yml", text, &[], &[]);
        assert!(loaded.inventory.is_none());
        assert_eq!(loaded.diagnostics.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), [wanted]);
    }
}

#[test]
fn what_many_hosts_share_is_told_once() {
    let loaded = load("hosts", "a\nb\nc\n", &[("all", "all.yml", "ansible_password: x\n")], &[]);
    assert_eq!(loaded.diagnostics.len(), 1, "{:?}", loaded.diagnostics);
}
