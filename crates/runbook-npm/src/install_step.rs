//! What a step of `npm.install` does: asks first, captures, runs npm, believes the disk, and takes back without npm.

use super::at_work::refuse_other_npm;
use super::manifest::Manifest;
use super::program::{Npm, Program};
use super::site::Site;
use super::source::Source;
use runbook_host::Reader;
use runbook_model::{Failure, Prediction};
use runbook_step::{Confirmation, Done, Lack, OwnUndo, Prepared, Probe, Step, Undoing, Work};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

pub(super) struct Install {
    pub(super) site: Site,
    pub(super) source: Source,
    pub(super) npm: Npm,
    pub(super) ignore_scripts: bool,
}

/// What undo needs, besides the files that were captured.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// The version that will be installed.
    version: String,
    /// Whether the package was there.
    existed: bool,
    /// Links into the package, links and files that npm will replace, leftovers; as they were, absence included.
    captured: Vec<PathBuf>,
    /// Directories that were not there, the outer ones first.
    missing_dirs: Vec<PathBuf>,
}

/// What is remembered after an installation: that this tree came from this source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) source: String,
    pub(super) tree: String,
}

impl Step for Install {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.site.check(host)?;
        let (dir, wanted) = (self.site.dir(), self.source.name());
        let digest = self.source.digest(host)?;
        let found = self.site.installed(host)?;
        let lacks = found.as_ref().map(|found| self.site.lacks(host, found)).transpose()?.flatten();
        let summary = match (&found, &lacks) {
            (None, _) => format!("{} {wanted} is installed into {}", self.site.package, self.site.prefix.display()),
            (Some(found), None) if self.is_wanted(host, found, &digest)? => {
                let summary = format!("{} {} is at {}", self.site.package, found.version, dir.display());
                return Ok(Probe::of(Prediction::no_change(summary)).with(found.outputs(&dir)));
            }
            (Some(found), None) => format!("{} {} → {wanted} at {}", self.site.package, found.version, dir.display()),
            (Some(found), Some(lacks)) => {
                format!(
                    "{} {} at {} is not whole, {lacks}; it becomes {wanted}",
                    self.site.package,
                    found.version,
                    dir.display()
                )
            }
        };
        self.site.check_access(host)?;
        let mut outputs = runbook_model::outputs([("package_root", json!(dir.to_string_lossy()))]);
        let prediction = match self.source.exact() {
            Some(version) => {
                outputs.insert("version".to_owned(), json!(version));
                Prediction::change(summary)
            }
            None if matches!(self.source, Source::Local(..)) => Prediction::change(summary),
            None => Prediction::CannotPredict { because: format!("only the registry knows what {wanted} is now") },
        };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        let prefix = &self.site.prefix;
        let wrong = self.site.check(host).and_then(|()| self.site.check_access(host)).err();
        let from = failed.and_then(|_| self.source.digest(host).err()).zip(self.source.local());
        let from = from.map(|(failure, path)| Lack::at(host, path, failure));
        let wrong = wrong.map(|failure| Lack::at(host, prefix, failure));
        wrong.into_iter().chain(from).chain(self.npm.lacks(host, Some(prefix))).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        host.can_restore(&self.site.dir())
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let host = work.host;
        let next = self.ask(work)?;
        let found = self.site.installed(host)?;
        let mut captured = self.site.links(host)?;
        captured.extend(self.site.link_paths(&next));
        captured.extend(found.iter().flat_map(|found| self.site.link_paths(found)));
        captured.extend(self.site.leftovers(host, &captured)?);
        captured.push(self.site.modules().join(".package-lock.json"));
        let mut restore_points = Vec::new();
        match found {
            Some(_) => restore_points = work.covering(&self.site.dir())?,
            None => captured.push(self.site.dir()),
        }
        captured.sort_unstable();
        captured.dedup();
        work.capture(&captured)?;
        let missing_dirs = self.site.missing_dirs(host)?;
        let undo = json!(Before { version: next.version, existed: found.is_some(), captured, missing_dirs });
        Ok(Prepared { undo, restore_points, service: None })
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let (host, before) = (work.host, read_back(undo)?);
        if self.confirm(host, undo)? == Confirmation::There {
            let found = self.site.installed(host)?.unwrap_or_default();
            let summary =
                format!("{} {} was at {} already", self.site.package, found.version, self.site.dir().display());
            return Ok(Done::saying(summary).with(found.outputs(&self.site.dir())));
        }
        let npm = self.npm.locate(host, Some(&self.site.prefix))?;
        let npm = npm.with_settings_of_host(work, Some(&self.site.prefix))?;
        self.clear_leftovers(work, &before.captured, &[])?;
        let (spec, digest) = self.spec(host, &before.version)?;
        work.say(format!("npm installs {spec}"));
        let arguments = self.arguments(&self.site.prefix, &spec);
        npm.run(host, &npm.command(work.dir, arguments), &format!("install {spec}"))?;
        let dir = self.site.dir();
        let manifest = Manifest::read(host, &dir)?.unwrap_or_default();
        host.act()?;
        host.remember(&self.subject(), &json!(installed_at(host, &dir, digest)?))?;
        let summary = format!("{} {} installed at {}", self.site.package, manifest.version, dir.display());
        Ok(Done::saying(summary).with(manifest.outputs(&dir)))
    }

    /// That npm came to its end is known by the note that only `apply` writes; everything else is read from the disk.
    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let before = read_back(undo)?;
        let Some(found) = self.site.installed(host)? else {
            return Ok(Confirmation::NotThere(format!("{} is not there", self.site.dir().display())));
        };
        if found.version != before.version {
            let what = format!("{} holds {}, not {}", self.site.dir().display(), found.version, before.version);
            return Ok(Confirmation::NotThere(what));
        }
        if let Some(lacks) = self.site.lacks(host, &found)? {
            return Ok(Confirmation::NotThere(lacks));
        }
        let (_, digest) = self.spec(host, &before.version)?;
        if self.remembered(host)? == Some(installed_at(host, &self.site.dir(), digest)?) {
            return Ok(Confirmation::There);
        }
        Ok(Confirmation::NotThere("npm did not come to its end, or the package was changed since".to_owned()))
    }
}

impl OwnUndo for Install {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let before = read_back(undo)?;
        let dir = self.site.dir();
        let mut done = Vec::new();
        if before.existed {
            done.push(work.restore(&dir)?);
        }
        work.restore_captured(&before.captured)?;
        for link in self.site.links(work.host)? {
            if !before.captured.contains(&link) {
                work.host.remove(&link)?;
            }
        }
        self.clear_leftovers(work, &before.captured, &before.captured)?;
        for made in before.missing_dirs.iter().rev() {
            work.host.remove_if_empty(made)?;
        }
        if !before.existed {
            done.push(format!("{} is absent, as before", dir.display()));
        }
        Ok(done.join("; "))
    }
}

impl Install {
    /// Asks, before anything is changed, for all that would keep the installation from being done or from working, and
    /// says what will be installed.
    pub(super) fn ask(&self, work: &Work<'_>) -> Result<Manifest, Failure> {
        let host = work.host;
        self.site.check(host)?;
        self.site.check_access(host)?;
        refuse_other_npm(host, &self.site)?;
        let npm = self.npm.locate(host, Some(&self.site.prefix))?;
        self.check_prefix_of(&npm, work)?;
        let next = self.source.manifest(&self.site, work, &npm)?;
        next.check_node(&npm.node_version(host, work.dir)?, npm.node())?;
        self.site.link_paths(&next).iter().try_for_each(|path| self.check_free(host, path))?;
        Ok(next)
    }

    /// What npm is told, to install into `prefix`.
    pub(super) fn arguments(&self, prefix: &Path, spec: &str) -> Vec<String> {
        let prefix = format!("--prefix={}", prefix.display());
        let mut words: Vec<String> =
            ["install", "--global", "--install-links", "--bin-links"].map(str::to_owned).to_vec();
        words.extend([prefix, format!("--ignore-scripts={}", self.ignore_scripts), "--".to_owned(), spec.to_owned()]);
        words
    }

    /// What npm is told to install, and the digest of it.
    pub(super) fn spec(&self, host: &Reader, version: &str) -> Result<(String, String), Failure> {
        Ok(match &self.source {
            // What a tag or a range meant was settled before the change.
            Source::Registry(_) => (format!("{}@{version}", self.site.package), version.to_owned()),
            Source::Local(path, _) => (path.to_string_lossy().into_owned(), self.source.digest(host)?),
        })
    }

    fn is_wanted(&self, host: &Reader, found: &Manifest, digest: &str) -> Result<bool, Failure> {
        if self.source.exact().is_some_and(|version| found.version != version) {
            return Ok(false);
        }
        Ok(match self.source {
            Source::Registry(_) => self.source.exact().is_some(),
            Source::Local(..) => {
                self.remembered(host)? == Some(installed_at(host, &self.site.dir(), digest.to_owned())?)
            }
        })
    }

    /// What is remembered of an installation is remembered about this.
    pub(super) fn subject(&self) -> String {
        format!("npm.install {}", self.site.dir().display())
    }

    fn remembered(&self, host: &Reader) -> Result<Option<Installed>, Failure> {
        Ok(serde_json::from_value(host.recall(&self.subject())?).ok())
    }

    /// Refuses where npm, told this prefix, would still use another one.
    fn check_prefix_of(&self, npm: &Program, work: &Work<'_>) -> Result<(), Failure> {
        let prefix = format!("--prefix={}", self.site.prefix.display());
        let command = npm.command(work.dir, ["prefix".to_owned(), "--global".to_owned(), prefix]);
        let said = PathBuf::from(npm.run(work.host, &command, "say which prefix it uses")?.text());
        let is_prefix = |real| work.host.canonical(&self.site.prefix).ok().flatten() == Some(real);
        let same = said == self.site.prefix || work.host.canonical(&said)?.is_some_and(is_prefix);
        if same {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "npm would install into {}, not into {}",
            said.display(),
            self.site.prefix.display()
        ))
        .hint("name the npm of this installation in `npm`; nothing was changed"))
    }

    /// Refuses a command or man page that something else has put where npm would link this package's.
    pub(super) fn check_free(&self, host: &Reader, path: &Path) -> Result<(), Failure> {
        if host.lstat(path)?.is_none() || self.site.owns_link(host, path)? {
            return Ok(());
        }
        Err(Failure::refused(format!("{} is not a link into {}", path.display(), self.site.dir().display()))
            .hint("another package or a person made it; npm would refuse as well. Move it away if nobody needs it"))
    }

    /// Removes what a killed npm left behind, but for what is in `keep`.
    fn clear_leftovers(&self, work: &Work<'_>, links: &[PathBuf], keep: &[PathBuf]) -> Result<(), Failure> {
        for path in self.site.leftovers(work.host, links)? {
            if !keep.contains(&path) {
                work.host.remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

/// The tree as it is, without caches that programs keep in `node_modules/.cache`.
pub(super) fn installed_at(host: &Reader, dir: &Path, source: String) -> Result<Installed, Failure> {
    let cache = |path: &Path| path.ends_with("node_modules/.cache");
    let tree = host.tree_digest(dir, &cache)?.unwrap_or_default();
    Ok(Installed { source, tree })
}

fn read_back(undo: &Json) -> Result<Before, Failure> {
    Before::deserialize(undo)
        .map_err(|error| Failure::failed(format!("the undo data of this step cannot be read: {error}")))
}
