//! Selectors.

use runbook_model::{Inventory, SourceMap};
use runbook_plan::{Document, Selector, SelectorError, load_inventory};

fn estate() -> Inventory {
    let text = "
kind: Inventory
version: 1
name: e
groups: { eu: { hosts: [vm-a, edge] } }
hosts:
  vm-a: { labels: { layout: npm, role: canary } }
  vm-b: { labels: { layout: nvm } }
  edge: { labels: { layout: wrapper } }
  all-in: { labels: { layout: npm } }
";
    let loaded = load_inventory(Document { name: "inventory.yaml", text }, SourceMap::default());
    loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn selected(selector: &str) -> Result<String, String> {
    let inventory = estate();
    let found = Selector::parse(selector).and_then(|selector| {
        Ok(selector.select(&inventory)?.iter().map(|host| host.name.to_string()).collect::<Vec<_>>().join(" "))
    });
    found.map_err(|error: SelectorError| error.to_string())
}

#[test]
fn names_groups_labels_and_what_is_taken_out() {
    for (selector, wanted) in [
        ("all", "vm-a vm-b edge all-in"),
        ("vm-a", "vm-a"),
        ("edge,vm-b", "vm-b edge"),
        ("vm-*", "vm-a vm-b"),
        ("vm-?", "vm-a vm-b"),
        ("*a*", "vm-a all-in"),
        ("eu", "vm-a edge"),
        ("layout=n*", "vm-a vm-b all-in"),
        ("layout=npm&role=canary", "vm-a"),
        ("eu&layout=wrapper , vm-b", "vm-b edge"),
        ("all,!vm-a", "vm-b edge all-in"),
        ("!eu", "vm-b all-in"),
        ("eu,!layout=npm", "edge"),
    ] {
        assert_eq!(selected(selector).as_deref(), Ok(wanted), "{selector}");
    }
}

#[test]
fn what_selects_nothing_is_an_error_that_names_the_part() {
    for (selector, wanted) in [
        ("vm-c", "`vm-c` is no host, group or label of the inventory; did you mean `vm-a`?"),
        ("all,!layout=mpn", "`layout=mpn` is no host, group or label of the inventory; did you mean `layout=npm`?"),
        ("vm-a,zzzzzz", "`zzzzzz` is no host, group or label of the inventory"),
        ("\u{1b}[2J", "`\\u{1b}[2J` is no host, group or label of the inventory"),
        ("vm-a,!all", "`vm-a,!all` leaves no host"),
        ("layout=npm&role=canary,!vm-a", "`layout=npm&role=canary,!vm-a` leaves no host"),
    ] {
        assert_eq!(selected(selector), Err(wanted.to_owned()), "{selector}");
    }
    for selector in ["", ",", "vm-a,", "!", "=x", "x=", "vm-a&"] {
        assert!(selected(selector).unwrap_err().contains("has a part without a name"), "{selector}");
    }
}
