//! What a step of `npm.stage` does: builds in a closed directory beside the package, judges it, and notes which two
//! directories will be exchanged.

use super::install_step::{Install, installed_at};
use super::manifest::Manifest;
use super::program::{Program, gently};
use super::staged::{Built, Staged, find, place, site_in, tree, unusable};
use super::staged_tree;
use runbook_backup::{Mounts, Obstacle, Stage};
use runbook_host::Reader;
use runbook_model::{Failure, Prediction};
use runbook_step::{Confirmation, Done, Lack, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

pub(super) struct StageStep {
    pub(super) install: Install,
    /// Whether it is refused where it cannot be staged.
    pub(super) required: bool,
}

/// What undo needs.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// The closed directory.
    dir: PathBuf,
    /// The version that will be built.
    version: String,
}

/// File systems that are known not to exchange two names.
const CANNOT_EXCHANGE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "9p", "ntfs"];

impl Step for StageStep {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let installed = self.install.probe(host)?;
        let (site, wanted) = (&self.install.site, self.install.source.name());
        if installed.prediction.is_no_change() {
            return Ok(Probe::of(installed.prediction).with(ready(false)));
        }
        if let Some(because) = self.in_place(host)? {
            self.refuse_if_required(&because)?;
            let prediction = Prediction::no_change(told_in_place(&because));
            return Ok(Probe::of(prediction).with(ready(false)));
        }
        let what = format!("{} {wanted} is built beside {}, which stays as it is", site.package, site.dir().display());
        Ok(Probe::of(Prediction::change(what)).with(ready(true)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        self.install.lacks(host, failed)
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        // The second tree takes as much room as a restore of the first one would.
        self.install.can_undo(host)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let version = self.install.ask(work)?.version;
        Ok(Prepared::of(json!(Before { dir: place(&self.install.site, work), version })))
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let (host, before) = (work.host, read_back(undo)?);
        let installed = self.install.probe(host)?.prediction;
        if let Prediction::NoChange { summary } = installed {
            return Ok(Done::saying(summary).with(ready(false)));
        }
        let staged = match self.earlier(host, &before)? {
            Some(staged) => staged,
            None => {
                // Half a tree is of no use, and what it fills the disk with nothing else could be written on.
                let built = self.built(work, &before).inspect_err(|_| drop(self.remove(&before.dir)))?;
                let staged = Staged { dir: before.dir.clone(), built };
                staged.remember(host, &self.install.site)?;
                staged
            }
        };
        let site = &self.install.site;
        match &staged.built {
            Ok(built) => {
                let said = format!("{} {} is ready beside {}", site.package, built.version, site.dir().display());
                Ok(Done::saying(said).with(ready(true)))
            }
            Err(because) => {
                self.remove(&before.dir)?;
                self.refuse_if_required(because)?;
                Ok(Done::saying(told_in_place(because)).with(ready(false)))
            }
        }
    }

    /// That it was built and judged to the end is known by the note that only `apply` writes.
    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        Ok(match self.earlier(host, &read_back(undo)?)? {
            Some(_) => Confirmation::There,
            None => {
                Confirmation::NotThere("npm did not come to its end, or what it built was changed since".to_owned())
            }
        })
    }
}

impl OwnUndo for StageStep {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let (host, before) = (work.host, read_back(undo)?);
        let Some(stage) = find(&self.install.site, &before.dir)? else {
            return Ok("nothing was left of what was built".to_owned());
        };
        host.act()?;
        let staged = Staged::of(host, &self.install.site)?.filter(|staged| staged.dir == before.dir);
        let used = staged.and_then(|staged| staged.built.ok()).is_some_and(|built| built.used);
        if used {
            runbook_backup::set_aside(&stage.tree_path(), &work.aside())
                .map_err(|error| unusable(&before.dir, &error))?;
        }
        self.remove(&before.dir)?;
        let what = if used { "what has run from there is set aside with the run" } else { "what was built is removed" };
        Ok(format!("{}: {what}", before.dir.display()))
    }
}

impl StageStep {
    /// Why it cannot be staged, as far as reading tells.
    fn in_place(&self, host: &Reader) -> Result<Option<String>, Failure> {
        let dir = self.install.site.dir();
        if host.lstat(&dir)?.is_none() {
            return Ok(Some(format!("nothing is installed at {} yet", dir.display())));
        }
        let real = host.canonical(&dir)?.unwrap_or_else(|| dir.clone());
        let mounts = Mounts::read().map_err(|error| unusable(&dir, &error))?;
        let around = mounts.iter().filter(|mount| real.starts_with(&mount.point));
        // Of two at one place, the later one covers the earlier.
        let mount = around.max_by_key(|mount| mount.point.components().count());
        let kind = mount.map(|mount| mount.kind.as_str()).filter(|kind| CANNOT_EXCHANGE.contains(kind));
        Ok(kind.map(|kind| format!("{} is on {kind}, which cannot exchange two names", dir.display())))
    }

    fn refuse_if_required(&self, because: &str) -> Result<(), Failure> {
        if !self.required {
            return Ok(());
        }
        let message = format!("{} cannot be staged: {because}", self.install.site.package);
        Err(Failure::refused(message).hint("without `required` it is installed in place, while the service is down"))
    }

    /// What an earlier attempt of this step came to, if what it noted is still so.
    fn earlier(&self, host: &Reader, before: &Before) -> Result<Option<Staged>, Failure> {
        let site = &self.install.site;
        let Some(staged) = Staged::of(host, site)?.filter(|staged| staged.dir == before.dir) else { return Ok(None) };
        let Ok(built) = &staged.built else { return Ok(Some(staged)) };
        let Some(mut stage) = find(site, &before.dir)? else { return Ok(None) };
        let pair = stage.pair().map_err(|error| unusable(&before.dir, &error))?;
        Ok((pair == built.pair).then_some(staged))
    }

    /// Builds and judges; or says why it cannot be staged.
    fn built(&self, work: &Work<'_>, before: &Before) -> Result<Result<Built, String>, Failure> {
        let (host, site) = (work.host, &self.install.site);
        if let Some(because) = self.in_place(host)? {
            return Ok(Err(because));
        }
        let failed = |error: runbook_backup::Error| unusable(&before.dir, &error);
        host.act()?;
        let mut stage = Stage::make(&site.dir(), &before.dir, &tree(site)).map_err(failed)?;
        stage.clear().map_err(failed)?;
        if let Some(obstacle) = stage.obstacle().map_err(failed)? {
            return Ok(Err(told(&obstacle, &site.dir())));
        }
        let npm = self.install.npm.locate(host, Some(&site.prefix))?.with_settings_of_host(work, Some(&site.prefix))?;
        let (spec, source) = self.install.spec(host, &before.version)?;
        work.say(format!("npm builds {spec} beside {}", site.dir().display()));
        let arguments = self.install.arguments(&before.dir, &spec);
        npm.run(host, &gently(host, npm.command(work.dir, arguments)), &format!("install {spec}"))?;
        work.say(format!("verifying {spec}"));
        if let Some(because) = self.verify(work, before, &npm)? {
            return Ok(Err(because));
        }
        let installed = installed_at(host, &stage.tree_path(), source)?;
        stage.sync().map_err(failed)?;
        let pair = stage.pair().map_err(failed)?;
        Ok(Ok(Built { pair, version: before.version.clone(), installed, used: false }))
    }

    /// A failure where what was built does not work; a reason where it only cannot be moved.
    fn verify(&self, work: &Work<'_>, before: &Before, npm: &Program) -> Result<Option<String>, Failure> {
        let (host, site) = (work.host, site_in(&before.dir, &self.install.site));
        let wrong = |what: String| {
            Failure::failed(format!("what npm built of {} {} is not whole: {what}", site.package, before.version))
                .hint("nothing was down; look at what npm said, then run the plan again")
        };
        let found = Manifest::read(host, &site.dir())?.unwrap_or_default();
        if found.version != before.version {
            return Err(wrong(format!("it is version {}", found.version)));
        }
        if let Some(lacks) = site.lacks(host, &found)? {
            return Err(wrong(lacks));
        }
        found.check_node(&npm.node_version(host, work.dir)?, npm.node())?;
        let survey = staged_tree::survey(host, &site.dir(), &before.dir)?;
        if let Some(foreign) = survey.foreign {
            return Err(wrong(format!("{} belongs to somebody else", foreign.display())));
        }
        if !self.install.ignore_scripts
            && let Some(fault) =
                staged_tree::unloadable(work, npm, &survey.native, &site.dir(), &self.install.site.dir())?
        {
            return Err(wrong(fault));
        }
        Ok(survey.fixed)
    }

    fn remove(&self, dir: &Path) -> Result<(), Failure> {
        let Some(stage) = find(&self.install.site, dir)? else { return Ok(()) };
        stage.closed().and_then(|closed| closed.remove()).map(drop).map_err(|error| unusable(dir, &error))
    }
}

fn ready(is: bool) -> [(&'static str, Json); 1] {
    [("ready", json!(is))]
}

fn told_in_place(because: &str) -> String {
    format!("it cannot be staged: {because}; it is installed in place, while the service is down")
}

fn told(obstacle: &Obstacle, dir: &Path) -> String {
    match obstacle {
        Obstacle::NotSupported => format!("the file system of {} cannot exchange two names", dir.display()),
        Obstacle::OtherMount => {
            format!("{} is in another mount, or in a lower layer of an overlay, and cannot be exchanged", dir.display())
        }
    }
}

fn read_back(undo: &Json) -> Result<Before, Failure> {
    Before::deserialize(undo)
        .map_err(|error| Failure::failed(format!("the undo data of this step cannot be read: {error}")))
}
