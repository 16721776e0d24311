//! A rollout with its inventory and its plans: read once, then judged for every host that a stage selects. No host is reached.

mod alike;
mod judge;

pub use alike::{Alike, alike};
pub use judge::{JudgedHost, JudgedRollout, JudgedStage, not_made};

use crate::inventory::read_inventory_beside;
use runbook_model::{Code, Diagnostic, Diagnostics, Inventory, Rollout, SourceMap};
use runbook_plan::{Document, load_rollout};
use runbook_session::{CommandError, PlanText};
use std::collections::BTreeMap;

/// A rollout that nothing is wrong with, as far as its plans are not looked at.
pub struct RolloutFiles {
    /// The rollout.
    pub rollout: Rollout,
    /// The hosts that it is about, and others.
    pub inventory: Inventory,
    /// The texts of both.
    pub sources: SourceMap,
    /// The text of each plan, by the name that stages give it.
    plans: BTreeMap<String, PlanText>,
}

/// What came of reading a rollout.
pub struct ReadRollout {
    /// The rollout with its files; `None` if there is any error.
    pub files: Option<RolloutFiles>,
    /// All texts that spans point into.
    pub sources: SourceMap,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
}

impl RolloutFiles {
    /// Reads the inventory and the plans that the rollout names, each file once. What is wrong is told at once.
    pub fn read(text: &PlanText) -> ReadRollout {
        let document = Document { name: text.title(), text: text.text() };
        let inventory = |named: &str, sources: SourceMap| {
            read_inventory_beside(&text.beside(named), sources).map_err(|error| error.to_string())
        };
        let loaded = load_rollout(document, &inventory);
        let mut faults = Diagnostics::default();
        faults.extend(loaded.diagnostics);
        let mut plans: BTreeMap<String, PlanText> = BTreeMap::new();
        for stage in loaded.rollout.iter().flat_map(|rollout| &rollout.stages) {
            if plans.contains_key(&stage.plan) {
                continue;
            }
            match PlanText::at(&text.beside(&stage.plan)) {
                Ok(plan) => drop(plans.insert(stage.plan.clone(), plan)),
                Err(error) => {
                    let error = CommandError::from(error);
                    let help = "the plan's file is named from the directory of the rollout";
                    faults.push(Diagnostic::error(Code::UNREADABLE, stage.plan_span, error.message).help(help));
                }
            }
        }
        let sources = loaded.sources;
        let files = loaded.rollout.zip(loaded.inventory).filter(|_| !faults.has_errors());
        let files =
            files.map(|(rollout, inventory)| RolloutFiles { rollout, inventory, sources: sources.clone(), plans });
        ReadRollout { files, sources, diagnostics: faults.into_sorted() }
    }
}
