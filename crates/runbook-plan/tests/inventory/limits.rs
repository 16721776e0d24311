//! No host is left out in silence, and no inventory is too large to be refused.

use crate::ansible::load;

/// What is said of the INI `text`, without the help.
fn said(text: &str) -> Vec<String> {
    let loaded = load("hosts.ini", text, &[], &[]);
    assert!(loaded.inventory.is_none());
    loaded.diagnostics.into_iter().map(|one| one.message).collect()
}

#[test]
fn a_range_that_stands_for_no_host_or_too_many_is_refused() {
    for (text, wanted) in [
        ("m[1:10002]", "`m[1:10002]` stands for more than 10000 hosts"),
        ("m[1:200]-[1:200]", "`m[1:200]-[1:200]` stands for more than 10000 hosts"),
        ("n[5:1]", "`[5:1]` ends before it begins, and stands for no host"),
        ("n[f:a]", "`[f:a]` ends before it begins, and stands for no host"),
        ("n[1:5:0]", "`[1:5:0]` has a step that is no number above 0"),
        ("n[f:]", "`[f:]` does not lead from a number to a number or from a letter to a letter"),
        ("n[:a]", "`[:a]` does not lead from a number to a number or from a letter to a letter"),
        ("n[08:100]", "`[08:100]` has ends of which one is wider than the other"),
        ("n[5]", "`[5]` is no range"),
        ("n[1:2", "the `[` of `n[1:2` is not closed"),
        (
            "n[0000000001:0000000002]",
            "`[0000000001:0000000002]` does not lead from a number to a number or from a letter to a letter",
        ),
        (
            "x[1:1][1:1][1:1][1:1][1:1][1:1][1:1][1:1][1:1]",
            "`x[1:1][1:1][1:1][1:1][1:1][1:1][1:1][1:1][1:1]` has more than 8 ranges",
        ),
    ] {
        assert_eq!(said(&format!("{text}\n")), [wanted]);
    }
    assert_eq!(load("hosts.ini", "m[1:10000]\n", &[], &[]).inventory.unwrap().hosts.len(), 10_000);
}

#[test]
fn a_range_of_any_length_is_refused_and_not_read() {
    let long = "a pattern of hosts has";
    for text in [format!("n[{}1:2]", "0".repeat(70_000)), format!("x{}", "[1:1]".repeat(60_000))] {
        let [message] = &said(&text)[..] else { panic!("one is enough") };
        assert!(message.starts_with(long), "{message}");
    }
}

#[test]
fn groups_inside_of_one_another_end() {
    let chain = |groups: usize| {
        let nested: String = (1..groups).map(|at| format!("[g{at:05}:children]\ng{:05}\n", at + 1)).collect();
        format!("{nested}[g{groups:05}]\na\n")
    };
    assert_eq!(said(&chain(20_000)), ["the group `g00065` is nested deeper than 64 groups"]);
    let inventory = load("hosts.ini", &chain(64), &[], &[]).inventory.unwrap();
    assert_eq!(inventory.host("a").unwrap().groups.len(), 64);
    let round =
        "[under:children]\n[a:children]\nb\n[b:children]\nc\n[c:children]\na\n[a:children]\nunder\n[under]\nx\n";
    let [message] = &said(round)[..] else { panic!("one is enough") };
    assert!(message.ends_with("` is inside of itself") && !message.contains("under"), "{message}");
}

#[test]
fn an_inventory_of_more_hosts_than_memory_is_refused() {
    let groups: String = (0..101).map(|at| format!("[g{at}]\nm[1:10000]\n")).collect();
    assert_eq!(said(&groups), ["the inventory names more than 1000000 hosts, counting those of each group"]);
}
