//! What a step of `npm.install` does with what `npm.stage` has built: one exchange of two directories, the links mended, and
//! the same exchange for the way back.

use super::at_work::refuse_other_npm;
use super::install_step::{Install, Installed};
use super::manifest::Manifest;
use super::staged::{Built, Staged, find, site_in, unusable};
use runbook_backup::{Pair, Stage, Standing};
use runbook_host::Reader;
use runbook_model::{Failure, Remains, RemainsKind};
use runbook_step::{Confirmation, Done, Lack, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

pub(super) struct Swap(pub(super) Install);

/// What undo needs, besides the links that were captured.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// The closed directory in which it was built.
    stage: PathBuf,
    /// Which directories are exchanged.
    pair: Pair,
    /// What was built.
    version: String,
    installed: Installed,
    /// The marks of the tree that is kept.
    kept: String,
    /// Each link of the new version with its text.
    links: Vec<(PathBuf, PathBuf)>,
    /// Links into the package and what is where new ones will be; as they were, absence included.
    captured: Vec<PathBuf>,
    /// Directories of links that were not there, the outer ones first.
    missing_dirs: Vec<PathBuf>,
}

impl Step for Swap {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.0.probe(host)
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let site = &self.0.site;
        let wrong = site.check(host).and_then(|()| site.check_access(host)).err();
        wrong.map(|failure| Lack::at(host, &site.prefix, failure)).into_iter().collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        self.0.can_undo(host)
    }

    /// The service is down: nothing here may take long, and whatever is not as it was noted is refused.
    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let (host, site) = (work.host, &self.0.site);
        site.check(host)?;
        site.check_access(host)?;
        refuse_other_npm(host, site)?;
        let (dir, built) = self.built(host)?;
        if self.at(&dir)?.standing(&built.pair).map_err(|error| unusable(&dir, &error))? != Standing::Apart {
            return Err(self.not_as_noted(&dir));
        }
        let links = self.links(host, &dir)?;
        let mut captured = site.links(host)?;
        for (path, _) in &links {
            self.0.check_free(host, path)?;
            captured.push(path.clone());
        }
        captured.sort();
        captured.dedup();
        work.capture(&captured)?;
        let restore_points = work.covering(&site.dir())?;
        let missing_dirs = missing_dirs(host, &links)?;
        let kept = host.tree_marks(&site.dir())?.unwrap_or_default();
        let Built { pair, version, installed, .. } = built;
        let undo = json!(Before { stage: dir, pair, version, installed, kept, links, captured, missing_dirs });
        Ok(Prepared { undo, restore_points, service: None })
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let (host, site, before) = (work.host, &self.0.site, read_back(undo)?);
        let failed = |error: runbook_backup::Error| unusable(&before.stage, &error);
        let mut stage = self.at(&before.stage)?;
        match stage.standing(&before.pair).map_err(failed)? {
            Standing::Apart => {
                host.act()?;
                stage.exchange().map_err(failed)?;
            }
            // An earlier attempt may have ended before it was durable.
            Standing::Exchanged => stage.settle().map_err(failed)?,
            Standing::Neither => return Err(self.not_as_noted(&before.stage)),
        }
        self.relink(work, &before)?;
        host.act()?;
        host.remember(&self.0.subject(), &json!(before.installed))?;
        self.note_use(work, &before)?;
        let detail = format!("{} as it was, until retention ends", site.dir().display());
        let remains = Remains::new(RemainsKind::SetAside, holds(&before.stage).to_string_lossy(), detail);
        work.leaves(remains.held_in(stage.closed().map_err(failed)?.id));
        let found = Manifest::read(host, &site.dir())?.unwrap_or_default();
        let said = format!("{} {} swapped in at {}", site.package, found.version, site.dir().display());
        Ok(Done::saying(said).with(found.outputs(&site.dir())))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let before = read_back(undo)?;
        let Some(mut stage) = find(&self.0.site, &before.stage)? else {
            return Ok(Confirmation::NotThere(format!("{} is gone", before.stage.display())));
        };
        let standing = stage.standing(&before.pair).map_err(|error| unusable(&before.stage, &error))?;
        let dir = self.0.site.dir();
        Ok(match standing {
            Standing::Apart => Confirmation::NotThere(format!("{} was not exchanged", dir.display())),
            Standing::Neither => Confirmation::NotThere(self.not_as_noted(&before.stage).message),
            Standing::Exchanged => match self.wrong_link(host, &before)? {
                Some(path) => Confirmation::NotThere(format!("{} is not mended", path.display())),
                None => Confirmation::There,
            },
        })
    }
}

impl OwnUndo for Swap {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let before = read_back(undo)?;
        let done = self.back(work, &before)?;
        work.restore_captured(&before.captured)?;
        for link in self.0.site.links(work.host)? {
            if !before.captured.contains(&link) {
                work.host.remove(&link)?;
            }
        }
        for made in before.missing_dirs.iter().rev() {
            work.host.remove_if_empty(made)?;
        }
        work.leaves(Remains::gone(holds(&before.stage).to_string_lossy()));
        Ok(done)
    }
}

impl Swap {
    /// What was staged for this package, if it is what this step installs.
    fn built(&self, host: &Reader) -> Result<(PathBuf, Built), Failure> {
        let (site, source) = (&self.0.site, &self.0.source);
        let refuse = |what: String| {
            Err(Failure::refused(what).hint("an `npm.stage` with the same parameters has to come before the stop"))
        };
        let Some(Staged { dir, built: Ok(built) }) = Staged::of(host, site)? else {
            return refuse(format!("nothing is staged for {}", site.dir().display()));
        };
        let other = source.exact().is_some_and(|version| version != built.version);
        if other || built.used {
            let (is, wanted) = (&built.version, source.name());
            return refuse(format!("{} {is} is what was staged last, not {wanted} for this run", site.package));
        }
        Ok((dir, built))
    }

    fn at(&self, dir: &Path) -> Result<Stage, Failure> {
        find(&self.0.site, dir)?.ok_or_else(|| self.not_as_noted(dir))
    }

    fn not_as_noted(&self, dir: &Path) -> Failure {
        let package = self.0.site.dir();
        let what = format!(
            "{} or what was built in {} is not what it was when it was staged",
            package.display(),
            dir.display()
        );
        Failure::refused(what).hint("something else replaced it meanwhile; find out what, then run the plan again")
    }

    /// The links that npm made in the stage, as they will be in the prefix: they are relative, and so have the same text.
    fn links(&self, host: &Reader, stage: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
        let staged = site_in(stage, &self.0.site);
        let mut links = Vec::new();
        for path in staged.links(host)? {
            let (Ok(below), Some(text)) = (path.strip_prefix(stage), host.read_link(&path)?) else { continue };
            links.push((self.0.site.prefix.join(below), text));
        }
        Ok(links)
    }

    fn relink(&self, work: &Work<'_>, before: &Before) -> Result<(), Failure> {
        let host = work.host;
        for dir in &before.missing_dirs {
            if host.lstat(dir)?.is_none() {
                host.create_dir(dir, 0o755)?;
            }
        }
        for (path, text) in &before.links {
            if host.read_link(path)?.as_ref() != Some(text) {
                host.replace_link(path, text)?;
            }
        }
        for path in self.0.site.links(host)? {
            if before.captured.contains(&path) && !before.links.iter().any(|(link, _)| *link == path) {
                host.remove(&path)?;
            }
        }
        Ok(())
    }

    /// A link that is not as it is to be.
    fn wrong_link(&self, host: &Reader, before: &Before) -> Result<Option<PathBuf>, Failure> {
        for (path, text) in &before.links {
            if host.read_link(path)?.as_ref() != Some(text) {
                return Ok(Some(path.clone()));
            }
        }
        let is_old =
            |path: &PathBuf| before.captured.contains(path) && !before.links.iter().any(|(link, _)| link == path);
        Ok(self.0.site.links(host)?.into_iter().find(is_old))
    }

    /// Notes that what was built has its place now, so that nobody takes what is kept for something that was never used.
    fn note_use(&self, work: &Work<'_>, before: &Before) -> Result<(), Failure> {
        let site = &self.0.site;
        let Some(Staged { dir, built: Ok(built) }) = Staged::of(work.host, site)? else { return Ok(()) };
        if dir != before.stage {
            return Ok(());
        }
        Staged { dir, built: Ok(Built { used: true, ..built }) }.remember(work.host, site)
    }

    /// The exchange back; from the backup where what is kept is not what was noted.
    fn back(&self, work: &Work<'_>, before: &Before) -> Result<String, Failure> {
        let dir = self.0.site.dir();
        let failed = |error: runbook_backup::Error| unusable(&before.stage, &error);
        if let Some(mut stage) = find(&self.0.site, &before.stage)? {
            match stage.standing(&before.pair).map_err(failed)? {
                Standing::Apart => {
                    stage.settle().map_err(failed)?;
                    return Ok(format!("{} is the directory that it was", dir.display()));
                }
                Standing::Exchanged if work.host.tree_marks(&stage.tree_path())?.as_ref() == Some(&before.kept) => {
                    work.host.act()?;
                    stage.exchange().map_err(failed)?;
                    return Ok(format!("{} is the directory that it was, by one exchange", dir.display()));
                }
                Standing::Exchanged | Standing::Neither => {}
            }
        }
        let restored = work.restore(&dir)?;
        Ok(format!("what was kept of {} is not as it was noted; {restored}", dir.display()))
    }
}

/// What of the closed directory holds the kept tree.
fn holds(stage: &Path) -> PathBuf {
    stage.join("lib")
}

/// Directories of links that are not there, the outer ones first.
fn missing_dirs(host: &Reader, links: &[(PathBuf, PathBuf)]) -> Result<Vec<PathBuf>, Failure> {
    let mut dirs = Vec::new();
    for above in links.iter().flat_map(|(path, _)| path.ancestors().skip(1)) {
        if host.lstat(above)?.is_none() {
            dirs.push(above.to_path_buf());
        }
    }
    dirs.sort();
    dirs.dedup();
    Ok(dirs)
}

fn read_back(undo: &Json) -> Result<Before, Failure> {
    Before::deserialize(undo)
        .map_err(|error| Failure::failed(format!("the undo data of this step cannot be read: {error}")))
}
