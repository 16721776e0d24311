//! What is remembered of a package that was built beside: from `npm.stage`, for the `npm.install` that swaps it in.

use super::install_step::Installed;
use super::site::Site;
use runbook_backup::{Pair, Stage};
use runbook_host::{Host, Reader, backup_failure};
use runbook_model::Failure;
use runbook_step::Work;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What became of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Staged {
    /// The closed directory beside the package, which is the prefix that npm was told.
    pub(super) dir: PathBuf,
    /// What is in it, or why nothing is.
    pub(super) built: Result<Built, String>,
}

/// A package that was built and verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Built {
    /// Which directories will be exchanged.
    pub(super) pair: Pair,
    /// Its version.
    pub(super) version: String,
    /// What it was installed from, and a digest of its tree.
    pub(super) installed: Installed,
    /// Whether it was put in place: what is in the stage then is what was there, and after an undo what has run.
    pub(super) used: bool,
}

impl Staged {
    /// The last one for this package, if there is any.
    pub(super) fn of(host: &Reader, site: &Site) -> Result<Option<Self>, Failure> {
        Ok(serde_json::from_value(host.recall(&subject(site))?).ok())
    }

    /// Keeps it, instead of an earlier one.
    pub(super) fn remember(&self, host: &Host, site: &Site) -> Result<(), Failure> {
        host.act()?;
        host.remember(&subject(site), &json!(self))
    }
}

fn subject(site: &Site) -> String {
    format!("npm.stage {}", site.dir().display())
}

/// Where a step stages: another place for each step of each run.
pub(super) fn place(site: &Site, work: &Work<'_>) -> PathBuf {
    let mut last = work.dir.iter().rev().take(2).map(|name| name.as_encoded_bytes());
    let (step, run) = (last.next().unwrap_or_default(), last.next().unwrap_or_default());
    Stage::beside(&site.dir(), &[run, b"/", step].concat())
}

/// A package in a prefix that is a stage.
pub(super) fn site_in(dir: &Path, site: &Site) -> Site {
    Site { prefix: dir.to_path_buf(), package: site.package.clone() }
}

/// Where the package is below its prefix.
pub(super) fn tree(site: &Site) -> PathBuf {
    Path::new("lib/node_modules").join(&site.package)
}

/// The stage at `dir`, if it is there.
pub(super) fn find(site: &Site, dir: &Path) -> Result<Option<Stage>, Failure> {
    Stage::find(&site.dir(), dir, &tree(site)).map_err(|error| unusable(dir, &error))
}

/// Why a stage cannot be used.
pub(super) fn unusable(dir: &Path, error: &runbook_backup::Error) -> Failure {
    backup_failure(&format!("the stage {} cannot be used", dir.display()), error)
}
