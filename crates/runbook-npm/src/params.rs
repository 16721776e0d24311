//! The parameters that every kind which runs npm has: which npm, with which node, and whom it asks.

use runbook_step::{Param, ParamType};

pub(super) const NPM: Param = Param::optional("npm", ParamType::Path, "The npm to use; without it the one on PATH");
pub(super) const NPM_OF_PREFIX: Param =
    Param::optional("npm", ParamType::Path, "The npm to use; without it that of the prefix, else the one on PATH");
pub(super) const NODE: Param =
    Param::optional("node", ParamType::Path, "The node to use; without it the one beside npm, else the one on PATH");
pub(super) const REGISTRY: Param =
    Param::optional("registry", ParamType::String, "The registry's address; without it the one that npm is set to");
pub(super) const ENV: Param =
    Param::optional("env", ParamType::Env, "Added to npm's environment, a token for instance");
pub(super) const IGNORE_SCRIPTS: Param =
    Param::default("ignore_scripts", ParamType::Bool, "false", "Whether install scripts are not run");
