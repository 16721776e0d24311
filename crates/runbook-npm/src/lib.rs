//! The npm kinds: what the registry has, global packages in one exact prefix, dependencies of one directory.
//!
//! `program` finds and runs npm, `site` is one package in one prefix, `manifest` reads package.json, `engines` judges
//! the node that a package asks for. npm's exit code is never believed alone; the disk is read.

mod changelog;
mod changelog_text;
mod ci;
mod engines;
mod failures;
mod install;
mod install_step;
mod lock;
mod manifest;
mod params;
mod program;
mod site;
mod source;
mod view;

use runbook_step::Kind;

/// The kinds of this crate. Adding one is a file of its own and a line here.
pub const KINDS: &[&dyn Kind] = &[&changelog::NpmChangelog, &ci::NpmCi, &install::NpmInstall, &view::NpmView];
