//! The plan language: YAML text and variable layers in, a [`runbook_model::Plan`] and diagnostics out. Rollouts and
//! inventories as well.
//!
//! No file is read here, and no step kind is known: `with` stays a tree of nodes. The language is described in
//! `docs/plan.md`.

mod declare;
mod digest;
mod fields;
mod header;
mod inventory;
mod layers;
mod load;
mod names;
mod reader;
mod request;
mod resolve;
mod rollout;
mod schema;
mod steps;
mod values;

pub use digest::digest;
pub use inventory::{
    AnsibleInventory, LoadedInventory, Selector, SelectorError, VariableFiles, inventory_schema, load_inventory,
    read_ansible_inventory,
};
pub use load::load;
pub use reader::read;
pub use request::{Document, LayerNames, LayerVars, Loaded, Request};
pub use rollout::{
    ArtifactAt, LoadedRollout, ReadInventory, is_rollout, load_rollout, rollout_schema, same_platform, stage_layers,
};
pub use schema::{environment_schema, plan_schema};
pub use values::shown;
