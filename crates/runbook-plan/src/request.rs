//! What is asked for when a plan is loaded, and what comes of it.

use runbook_model::{Diagnostic, Entry, HostFacts, InventoryHost, Layer, Plan, SourceMap};
use std::path::Path;

/// A text with the name that messages call it by.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The file's name as the operator wrote it.
    pub name: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

/// Variables of one layer.
#[derive(Clone, Debug)]
pub struct LayerVars {
    /// Which layer.
    pub layer: Layer,
    /// Names and values.
    pub vars: Vec<Entry>,
    /// For whom they are.
    pub names: LayerNames,
}

impl LayerVars {
    /// What an inventory gives a host.
    pub fn of_host(host: &InventoryHost) -> Self {
        let names = if host.shared_vars { LayerNames::Foreign } else { LayerNames::Declared };
        Self { layer: Layer::Inventory, vars: host.vars.clone(), names }
    }
}

/// For whom the variables of a layer are, and so what a name means that the plan does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerNames {
    /// For this plan alone: the name is mistyped.
    Declared,
    /// For several plans: it is passed over.
    Common,
    /// For other tools as well: it is passed over, and text is read as the declared type, for the format may know nothing else.
    Foreign,
}

/// Everything that a plan is made of.
pub struct Request<'a> {
    /// The plan.
    pub plan: Document<'a>,
    /// The name of the environment that was chosen.
    pub environment: Option<&'a str>,
    /// The file of that environment.
    pub overlay: Option<Document<'a>>,
    /// Variables that were read before, of a stage or an inventory; their spans point into `sources`.
    pub layers: Vec<LayerVars>,
    /// Texts that were read before; the plan's texts are added to them.
    pub sources: SourceMap,
    /// Each `--var`, as in `name=value`.
    pub vars: &'a [String],
    /// The directory that relative paths start from: the plan's own; absolute.
    pub base: &'a Path,
    /// The host that the plan is resolved for.
    pub host: HostFacts,
    /// The outputs of a kind; `None` where the kind is unknown or its outputs are not fixed.
    pub outputs: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Loaded {
    /// The plan; `None` if there is any error.
    pub plan: Option<Plan>,
    /// What could be read in spite of the errors: for checks of parameters and for showing variables, never for a run.
    /// Steps without an id or a kind are not in it, and scalars with a fault are templates that wait for nothing.
    pub partial: Option<Plan>,
    /// All texts that spans point into.
    pub sources: SourceMap,
    /// All faults, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// The plan, or what could be read of it.
    pub fn whatever_there_is(&self) -> Option<&Plan> {
        self.plan.as_ref().or(self.partial.as_ref())
    }
}
