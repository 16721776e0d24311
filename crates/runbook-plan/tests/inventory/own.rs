//! `kind: Inventory`.

use crate::told;
use runbook_model::{Escalation, Inventory, SourceMap};
use runbook_plan::{Document, LoadedInventory, load_inventory};
use std::time::Duration;

const ESTATE: &str = "
kind: Inventory
version: 1
name: openclaw
defaults: { become: sudo, max_clock_skew: 10s, ssh: { user: ops, options: { ConnectTimeout: '5' } }, vars: { unit: a, size: 1 } }
groups:
  canaries: { hosts: { role: canary }, vars: { unit: b } }
  far: { hosts: [edge, mac], ssh: { options: { ProxyJump: bastion } }, vars: { unit: c } }
hosts:
  vm-a: { address: 192.0.2.7, labels: { layout: npm, role: canary }, exercises: [core, feishu] }
  edge: { labels: { layout: wrapper, role: canary }, ssh: { port: 2222, options: { ConnectTimeout: '9' } }, vars: { size: 2 } }
  mac:  { address: mac.local, become: none, max_clock_skew: 1m }
  bare:
";

fn load(text: &str) -> LoadedInventory {
    load_inventory(Document { name: "inventory.yaml", text }, SourceMap::default())
}

fn estate() -> Inventory {
    let loaded = load(ESTATE);
    loaded.inventory.unwrap_or_else(|| panic!("{:?}", told(&loaded.sources, &loaded.diagnostics)))
}

#[test]
fn a_host_takes_each_setting_from_the_last_that_says_it() {
    let inventory = estate();
    let vars = |name: &str| {
        let host = inventory.host(name).unwrap();
        host.vars.iter().map(|entry| format!("{}={}", entry.key, entry.value.to_json())).collect::<Vec<_>>()
    };
    assert_eq!(vars("vm-a"), ["size=1", "unit=\"b\""]);
    assert_eq!(vars("edge"), ["unit=\"c\"", "size=2"]);
    assert_eq!(vars("mac"), ["size=1", "unit=\"c\""]);
    assert_eq!(vars("bare"), ["unit=\"a\"", "size=1"]);
    let edge = inventory.host("edge").unwrap();
    assert_eq!((edge.address.as_str(), edge.ssh.user.as_deref(), edge.ssh.port), ("edge", Some("ops"), Some(2222)));
    assert_eq!(edge.ssh.options["ProxyJump"], "bastion");
    assert_eq!(edge.ssh.options["ConnectTimeout"], "9");
    assert_eq!(edge.groups.iter().collect::<Vec<_>>(), ["canaries", "far"]);
    let mac = inventory.host("mac").unwrap();
    assert_eq!((mac.escalation, mac.max_clock_skew), (Escalation::None, Duration::from_secs(60)));
    let first = inventory.host("vm-a").unwrap();
    assert_eq!((first.escalation, first.max_clock_skew), (Escalation::Sudo, Duration::from_secs(10)));
    assert_eq!(first.exercises.iter().collect::<Vec<_>>(), ["core", "feishu"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_its_place() {
    let text = "kind: Inventory
version: 1
name: estate
defaults: { becom: sudo }
groups:
  vm-a: { hosts: [vm-b] }
  none: { vars: {} }
  -x: { hosts: [] }
hosts:
  vm-a: { address: '-oProxyCommand=x', labels: { a b: c, d: '' }, become: doas }
  vm b: {}
  c: { max_clock_skew: 30, ssh: { port: 0, options: { BatchMode: 'no', 'a b': c, X: '' } } }
  d: [1]
";
    let loaded = load(text);
    assert!(loaded.inventory.is_none());
    assert_eq!(
        told(&loaded.sources, &loaded.diagnostics),
        [
            "RB0105 4:13 `defaults` has no field `becom` (did you mean `become`?)",
            "RB0110 6:3 `vm-a` is a group and a host (a selector could not tell them apart; rename one)",
            "RB0119 6:19 the inventory has no host `vm-b` (did you mean `vm-a`?)",
            "RB0106 7:11 a group needs a field `hosts`",
            "RB0109 8:3 `-x` cannot be the name of a group (a name is a letter or digit, then letters, digits, `.`, `_` and `-`)",
            "RB0108 10:20 `address` cannot be `-oProxyCommand=x` (it is one word for `ssh`, and does not begin with `-`)",
            "RB0109 10:50 `a b` cannot be the name of a label (a name is a letter or digit, then letters, digits, `.`, `_` and `-`)",
            "RB0108 10:61 `labels` may not be empty",
            "RB0108 10:75 `become` cannot be `doas` (allowed are `none` and `sudo`)",
            "RB0109 11:3 `vm b` cannot be the name of a host (a name is a letter or digit, then letters, digits, `.`, `_` and `-`)",
            "RB0115 12:24 `max_clock_skew` is 30 without a unit (write numbers with units, largest first: `500ms`, `90s`, `1m30s`, `12h`, `7d`)",
            "RB0118 12:41 `port` is 0; it has to be from 1 to 65535",
            "RB0108 12:55 `BatchMode` cannot be set (the connection carries the agent's stream, and nobody is there to be asked)",
            "RB0109 12:72 `a b` is no keyword of ssh_config(5) (write `ProxyJump: bastion`)",
            "RB0108 12:85 `X` has to be one line of text",
            "RB0107 13:6 a host has to be a map, and this is a list (its fields are `address`, `labels`, `exercises`, `become`, `max_clock_skew`, `ssh` and `vars`)",
        ]
    );
}

#[test]
fn other_documents_and_empty_ones_are_told() {
    for (text, wanted) in [
        ("", "RB0104 1:1 the file is empty; an inventory begins with `kind: Inventory`"),
        (
            "kind: Plan\n",
            "RB0104 1:7 the file is of kind `Plan`, and one of kind `Inventory` is wanted here (name a file with `kind: Inventory`)",
        ),
        ("kind: Inventory\nversion: 1\nname: e\nhosts: {}\n", "RB0106 1:1 the inventory names no host"),
        ("kind: Inventory\nversion: 1\nname: e\n", "RB0106 1:1 an inventory needs a field `hosts`"),
    ] {
        let loaded = load(text);
        assert_eq!(told(&loaded.sources, &loaded.diagnostics), [wanted]);
    }
}

#[test]
fn a_value_of_the_inventory_wins_over_the_default_and_an_unknown_name_is_told() {
    let plan = "kind: Plan\nversion: 1\nname: p\nvars:\n  unit: { type: string, default: z }\nsteps:\n  - { id: a, uses: b }\n";
    let loaded = load(&ESTATE.replace(", size: 1", "").replace("vars: { size: 2 }", "vars: { unti: d }"));
    let (sources, inventory) = (loaded.sources, loaded.inventory.unwrap());
    let of = |name: &str| crate::plan_for(plan, inventory.host(name).unwrap(), sources.clone());
    assert_eq!(runbook_plan::shown(&of("bare").plan.unwrap().vars[0]), "a");
    let refused = of("edge");
    assert_eq!(
        told(&refused.sources, &refused.diagnostics),
        ["RB0201 11:117 the plan declares no variable `unti` (did you mean `unit`?)"]
    );
}

#[test]
fn names_that_are_always_there_cannot_be_given() {
    let text = "kind: Inventory\nversion: 1\nname: e\ngroups: { all: { hosts: [a] } }\nhosts: { a: , ungrouped: }\n";
    let loaded = load(text);
    let help = "(`all` is every host, and `ungrouped` each that is in no group)";
    assert_eq!(
        told(&loaded.sources, &loaded.diagnostics),
        [
            format!("RB0109 4:11 `all` cannot be the name of a group {help}"),
            format!("RB0109 5:15 `ungrouped` cannot be the name of a host {help}")
        ]
    );
}

#[test]
fn what_no_variable_of_a_plan_can_be_is_refused() {
    let text = "kind: Inventory\nversion: 1\nname: e\nhosts:\n  a: { vars: { a-b: x, f: 1.5, n: , m: {}, l: [a, 1, true], deep: [[a]] } }\n";
    let loaded = load(text);
    let wrong = "has to be text, a whole number, a boolean or a list of them";
    assert_eq!(
        told(&loaded.sources, &loaded.diagnostics),
        [
            "RB0109 5:16 `a-b` cannot be the name of a variable (a name is a letter or `_`, then letters, digits and `_`)".to_owned(),
            format!("RB0107 5:27 `f` {wrong} (no variable of a plan has another type)"),
            format!("RB0107 5:33 `n` {wrong} (leave it out, or write `''` for an empty text)"),
            format!("RB0107 5:40 `m` {wrong} (no variable of a plan has another type)"),
            format!("RB0107 5:67 `deep` {wrong} (no variable of a plan has another type)"),
        ]
    );
}

#[test]
fn control_characters_of_labels_and_exercises_are_refused() {
    let text =
        "kind: Inventory\nversion: 1\nname: e\nhosts:\n  a: { labels: { x: \"\\e[2J\" }, exercises: [\"x\\r\"] }\n";
    let loaded = load(text);
    let help = "(it is shown on one line; remove its control characters)";
    assert_eq!(
        told(&loaded.sources, &loaded.diagnostics),
        [
            format!("RB0108 5:21 `labels` cannot be `\\u{{1b}}[2J` {help}"),
            format!("RB0108 5:44 `exercises` cannot be `x\\r` {help}")
        ]
    );
}

#[test]
fn keywords_of_ssh_are_alike_in_upper_and_lower_case() {
    let text = "kind: Inventory\nversion: 1\nname: e\ndefaults: { ssh: { options: { ProxyJump: a } } }\nhosts:\n  a: { ssh: { options: { proxyjump: b } } }\n";
    let inventory = load(text).inventory.unwrap();
    let options: Vec<_> = inventory.host("a").unwrap().ssh.options.values().collect();
    assert_eq!(options, ["b"]);
    for (keyword, help) in [
        ("user", "write it as `ssh.user`"),
        ("HostName", "write it as `address`"),
        ("ControlMaster", "nobody is there"),
    ] {
        let loaded = load(&text.replace("proxyjump", keyword));
        let told = told(&loaded.sources, &loaded.diagnostics);
        assert!(told.len() == 1 && told[0].contains("cannot be set") && told[0].contains(help), "{told:?}");
    }
}
