//! `kind: Rollout`: which hosts take which plan, in which stages. Plans are not read here.
//!
//! The inventory is read in between, for the rollout names it, and its stages name hosts of it.

mod artifacts;
mod canary_first;
mod hosts;
mod order;
mod same_platform;
mod schema;
mod settings;
mod stage;

pub use artifacts::{ArtifactAt, stage_layers};
pub use same_platform::same_platform;
pub use schema::rollout_schema;

use crate::fields::{Fields, duration, items, one_of, some_text};
use crate::header::{document_kind, is_another_document};
use crate::inventory::{LoadedInventory, vars};
use crate::reader::read;
use crate::request::Document;
use runbook_model::{Code, Diagnostic, Diagnostics, Inventory, RollbackScope, Rollout, SourceMap, Stage, Value};
use std::time::Duration;

const FIELDS: &[&str] = &[
    "kind",
    "version",
    "name",
    "inventory",
    "environment",
    "vars",
    "concurrency",
    "confirm",
    "deadline",
    "max_failed",
    "on_failure",
    "stages",
];

/// How long a host may take where a rollout does not say.
const HOST_DEADLINE: Duration = Duration::from_secs(3600);

/// What came of reading a rollout.
#[derive(Debug)]
pub struct LoadedRollout {
    /// The rollout; `None` if there is any error.
    pub rollout: Option<Rollout>,
    /// The inventory that it names, if that could be read.
    pub inventory: Option<Inventory>,
    /// All texts that spans point into.
    pub sources: SourceMap,
    /// All faults of the rollout and of its inventory, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// What reads the inventory that a rollout names: its path as written, and the texts that its own are added to. An error says why
/// there is nothing to read.
pub type ReadInventory<'a> = &'a dyn Fn(&str, SourceMap) -> Result<LoadedInventory, String>;

/// Whether the text says of itself, at the beginning of a line, that it is a rollout.
pub fn is_rollout(text: &str) -> bool {
    let kind = text.lines().find_map(|line| line.strip_prefix("kind:"));
    kind.is_some_and(|kind| kind.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']) == "Rollout")
}

/// Reads and checks a rollout. Everything that is wrong with it and its inventory is reported at once.
pub fn load_rollout(document: Document<'_>, inventory: ReadInventory<'_>) -> LoadedRollout {
    let (mut sources, mut faults) = (SourceMap::default(), Diagnostics::default());
    let id = sources.add(document.name, document.text);
    let (root, found) = read(id, document.text);
    faults.extend(found);
    let (mut rollout, mut hosts) = (None, None);
    if let Some(root) = root.as_ref().filter(|root| !is_another_document(root, "Rollout", "a rollout", &mut faults))
        && let Some(fields) = Fields::open(root, "a rollout", FIELDS, &mut faults)
    {
        hosts = named_inventory(&fields, inventory, &mut sources, &mut faults);
        rollout = Some(whole(&fields, hosts.as_ref(), &mut faults));
    }
    let rollout = rollout.filter(|_| !faults.has_errors());
    LoadedRollout { rollout, inventory: hosts, sources, diagnostics: faults.into_sorted() }
}

fn named_inventory(
    fields: &Fields<'_>,
    read: ReadInventory<'_>,
    sources: &mut SourceMap,
    faults: &mut Diagnostics,
) -> Option<Inventory> {
    let node = fields.required("inventory", faults)?;
    let named = some_text(node, "inventory", faults)?;
    match read(named, sources.clone()) {
        Ok(loaded) => {
            *sources = loaded.sources;
            faults.extend(loaded.diagnostics);
            loaded.inventory
        }
        Err(why) => {
            let help = "write the path of an inventory, from the directory of the rollout";
            faults.push(Diagnostic::error(Code::UNREADABLE, node.span, why).help(help));
            None
        }
    }
}

fn whole(fields: &Fields<'_>, inventory: Option<&Inventory>, faults: &mut Diagnostics) -> Rollout {
    document_kind(fields, "Rollout", faults);
    let name = fields.required("name", faults).and_then(|node| crate::header::name(node, faults));
    let text = |name: &str, faults: &mut Diagnostics| {
        fields.get(name).and_then(|node| some_text(node, name, faults)).map(str::to_owned)
    };
    let vars = fields.get("vars").map_or(Vec::new(), |node| vars::read(node, faults));
    artifacts::none_in(&vars, faults);
    let rollout = Rollout {
        name: name.unwrap_or_default(),
        // What is wrong with it was told when it was read.
        inventory: match fields.get("inventory").map(|node| &node.value) {
            Some(Value::String(named)) => named.clone(),
            _ => String::new(),
        },
        environment: text("environment", faults),
        vars,
        concurrency: settings::concurrency(fields.get("concurrency"), faults),
        confirm_within: field_of(fields, "confirm", "`confirm`", &["within"], "within", faults),
        host_deadline: field_of(fields, "deadline", "`deadline`", &["host"], "host", faults).unwrap_or(HOST_DEADLINE),
        max_failed: settings::max_failed(fields.get("max_failed"), faults),
        on_failure: on_failure(fields, faults),
        stages: stages(fields, inventory, faults),
    };
    if order::judge(&rollout, faults) {
        artifacts::judge(&rollout, faults);
        if let Some(inventory) = inventory {
            order::same_host(&rollout, faults);
            canary_first::judge(&rollout, inventory, faults);
        }
    }
    rollout
}

/// The duration `of` the map `name`, which has nothing else.
fn field_of(
    fields: &Fields<'_>,
    name: &str,
    what: &'static str,
    known: &'static [&'static str],
    of: &str,
    faults: &mut Diagnostics,
) -> Option<Duration> {
    let fields = Fields::open(fields.get(name)?, what, known, faults)?;
    fields.required(of, faults).and_then(|node| duration(node, of, faults))
}

fn on_failure(fields: &Fields<'_>, faults: &mut Diagnostics) -> RollbackScope {
    let fields = fields.get("on_failure").and_then(|node| Fields::open(node, "`on_failure`", &["rollback"], faults));
    let node = fields.and_then(|fields| fields.required("rollback", faults));
    match node.and_then(|node| one_of(node, "rollback", &RollbackScope::NAMES, Code::NOT_ALLOWED, faults)) {
        Some("wave") => RollbackScope::Wave,
        Some("promoted") => RollbackScope::Promoted,
        _ => RollbackScope::Host,
    }
}

fn stages(fields: &Fields<'_>, inventory: Option<&Inventory>, faults: &mut Diagnostics) -> Vec<Stage> {
    let Some(node) = fields.required("stages", faults) else { return Vec::new() };
    let nodes = items(node, "stages", faults);
    if nodes.is_empty() && matches!(node.value, Value::List(_)) {
        faults.push(Diagnostic::error(Code::MISSING_FIELD, node.span, "the rollout has no stages"));
    }
    let mut stages: Vec<Stage> = Vec::new();
    for node in nodes {
        let Some(stage) = stage::read(node, inventory, faults) else { continue };
        if let Some(first) = stages.iter().find(|first| first.id == stage.id) {
            let message = format!("two stages have the id `{}`", stage.id);
            let fault = Diagnostic::error(Code::DUPLICATE_ID, stage.span, message);
            faults.push(fault.related(first.span, "the first one"));
        } else {
            stages.push(stage);
        }
    }
    stages
}
