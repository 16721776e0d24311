//! One package in one global prefix: where its parts are, whether they are whole, and whether it may be changed.

use super::manifest::Manifest;
use runbook_host::Reader;
use runbook_model::Failure;
use runbook_step::normalise;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// A package's place.
pub(super) struct Site {
    /// The global prefix; absolute.
    pub(super) prefix: PathBuf,
    /// The package's name, with its scope.
    pub(super) package: String,
}

impl Site {
    /// `PREFIX/lib/node_modules`
    pub(super) fn modules(&self) -> PathBuf {
        self.prefix.join("lib/node_modules")
    }

    /// `PREFIX/lib/node_modules/PACKAGE`
    pub(super) fn dir(&self) -> PathBuf {
        self.modules().join(&self.package)
    }

    /// `PREFIX/bin`
    pub(super) fn bin(&self) -> PathBuf {
        self.prefix.join("bin")
    }

    /// Refuses a prefix that is none: npm would take it, and install where nobody looks.
    pub(super) fn check(&self, host: &Reader) -> Result<(), Failure> {
        let prefix = self.prefix.display();
        let hint = "a prefix is the directory above `bin` and `lib/node_modules`, as `npm prefix --global` prints it";
        let refuse = |what: String| Err(Failure::refused(what).hint(hint));
        if self.prefix.components().any(|part| part == Component::Normal(OsStr::new("node_modules"))) {
            return refuse(format!("{prefix} lies inside an installed package, it cannot be a global prefix"));
        }
        match host.stat(&self.prefix)? {
            Some(found) if !found.is_dir() => {
                return refuse(format!("{prefix} is not a directory, it cannot be a global prefix"));
            }
            None if host.lstat(&self.prefix)?.is_some() => {
                return refuse(format!("{prefix} is a symlink that leads nowhere"));
            }
            _ => {}
        }
        if host.lstat(&self.prefix.join("package.json"))?.is_some() {
            return refuse(format!("{prefix} holds a package.json: it is a package, not a global prefix"));
        }
        for part in ["lib", "lib/node_modules", "bin"] {
            self.check_inside(host, &self.prefix.join(part))?;
        }
        Ok(())
    }

    /// Refuses a part of the prefix that is a file, or a symlink that leads out of it: npm would follow that and change
    /// another installation.
    fn check_inside(&self, host: &Reader, part: &Path) -> Result<(), Failure> {
        let (Some(real), Some(prefix)) = (host.canonical(part)?, host.canonical(&self.prefix)?) else {
            return match host.lstat(part)? {
                Some(_) => Err(Failure::refused(format!("{} is a symlink that leads nowhere", part.display()))
                    .hint("remove the link, or name the prefix that it was meant for")),
                None => Ok(()),
            };
        };
        let below = part.strip_prefix(&self.prefix).unwrap_or(part);
        if real != prefix.join(below) {
            return Err(Failure::refused(format!(
                "{} leads to {}, so npm would change another installation than {}",
                part.display(),
                real.display(),
                self.prefix.display()
            ))
            .hint("name the prefix that holds the real directory"));
        }
        match host.stat(part)? {
            Some(found) if !found.is_dir() => {
                Err(Failure::refused(format!("{} is not a directory", part.display())).hint("name another prefix"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses, before anything is changed, where this user may not write or would leave files of another owner behind,
    /// and where npm would remove what is mounted there.
    pub(super) fn check_access(&self, host: &Reader) -> Result<(), Failure> {
        let dir = self.dir();
        host.expendable(&dir)?;
        let holder = dir.parent().unwrap_or(&dir).to_path_buf();
        for place in [holder, self.bin()] {
            let Some((nearest, found)) = nearest(host, &place)? else { continue };
            if !host.may_write(&nearest)? {
                return Err(Failure::missing(format!("{} may not be written by this user", nearest.display()))
                    .hint("run as its owner, or name the prefix of this user's own installation"));
            }
            if host.own_uid() == 0 && found.uid() != 0 {
                return Err(Failure::refused(format!(
                    "{} belongs to user {}, and npm run by root would leave files there that this user cannot change",
                    nearest.display(),
                    found.uid()
                ))
                .hint("run `runbook` as that user"));
            }
        }
        Ok(())
    }

    /// What is installed; `None` if nothing is. A package that is linked in from elsewhere is refused.
    pub(super) fn installed(&self, host: &Reader) -> Result<Option<Manifest>, Failure> {
        let dir = self.dir();
        match host.lstat(&dir)? {
            None => return Ok(None),
            Some(found) if found.is_symlink() => {
                let target = host.read_link(&dir)?.unwrap_or_default();
                return Err(Failure::refused(format!(
                    "{} is a link to {} (`npm link`), not an installed package",
                    dir.display(),
                    target.display()
                ))
                .hint(format!("end the link with `npm unlink --global {}` first", self.package)));
            }
            Some(found) if !found.is_dir() => {
                return Err(Failure::refused(format!("{} is not a directory", dir.display()))
                    .hint("move it away: npm cannot install there"));
            }
            Some(_) => {}
        }
        // A package.json that is missing or broken is a half-done installation, not a reason to give up.
        Ok(Some(Manifest::read(host, &dir).ok().flatten().unwrap_or_default()))
    }

    /// What the installation lacks, if anything: a command or a dependency.
    pub(super) fn lacks(&self, host: &Reader, manifest: &Manifest) -> Result<Option<String>, Failure> {
        let dir = self.dir();
        if manifest.name != self.package {
            return Ok(Some(format!(
                "{} does not say that it is {}",
                dir.join("package.json").display(),
                self.package
            )));
        }
        for (name, file) in &manifest.bins {
            let (link, file) = (self.bin().join(name), dir.join(file));
            let Some(real) = host.canonical(&file)? else {
                return Ok(Some(format!("{} is missing", file.display())));
            };
            if host.canonical(&link)?.as_ref() != Some(&real) {
                return Ok(Some(format!("{} does not lead to {}", link.display(), file.display())));
            }
        }
        for name in &manifest.dependencies {
            let found = dir.join("node_modules").join(name).join("package.json");
            if host.stat(&found)?.is_none() {
                return Ok(Some(format!("the dependency {name} is missing")));
            }
        }
        Ok(None)
    }

    /// Where npm links commands and man pages of `manifest`.
    pub(super) fn link_paths(&self, manifest: &Manifest) -> Vec<PathBuf> {
        let bins = manifest.bins.keys().map(|name| self.bin().join(name));
        let mans = manifest.mans.iter().filter_map(|man| {
            let file = man.file_name()?.to_string_lossy().into_owned();
            let section = file.trim_end_matches(".gz").rsplit_once('.')?.1.chars().next()?;
            section.is_ascii_digit().then(|| self.prefix.join(format!("share/man/man{section}")).join(file))
        });
        bins.chain(mans).collect()
    }

    /// The links in `bin` and `share/man` that lead into the package now.
    pub(super) fn links(&self, host: &Reader) -> Result<Vec<PathBuf>, Failure> {
        let man = self.prefix.join("share/man");
        let sections = host.list(&man).ok().flatten().unwrap_or_default();
        let mut places = vec![self.bin()];
        places.extend(
            sections.iter().filter(|name| name.as_encoded_bytes().starts_with(b"man")).map(|name| man.join(name)),
        );
        let mut links = Vec::new();
        for place in places {
            for name in host.list(&place).ok().flatten().unwrap_or_default() {
                let path = place.join(name);
                if self.owns_link(host, &path)? {
                    links.push(path);
                }
            }
        }
        Ok(links)
    }

    /// Whether `path` is a symlink into the package, by its text: what it leads to may already be gone.
    pub(super) fn owns_link(&self, host: &Reader, path: &Path) -> Result<bool, Failure> {
        let Some(target) = host.read_link(path)? else { return Ok(false) };
        let holder = path.parent().unwrap_or(path);
        Ok(normalise(&holder.join(target)).starts_with(self.dir()))
    }

    /// What an npm that was killed leaves behind: it moves what it replaces to `.NAME-XXXXXXXX` beside it, and a later
    /// npm fails with ENOTEMPTY when it finds one.
    pub(super) fn leftovers(&self, host: &Reader, links: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
        let mut found = Vec::new();
        for path in std::iter::once(&self.dir()).chain(links) {
            let (Some(holder), Some(name)) = (path.parent(), path.file_name()) else { continue };
            let start = format!(".{}-", name.to_string_lossy());
            for name in host.list(holder).ok().flatten().unwrap_or_default() {
                let text = name.to_string_lossy();
                let retired = text
                    .strip_prefix(&start)
                    .is_some_and(|hash| hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_alphanumeric()));
                if retired {
                    found.push(holder.join(&name));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Directories that npm would make for this package, the outer ones first.
    pub(super) fn missing_dirs(&self, host: &Reader) -> Result<Vec<PathBuf>, Failure> {
        let mut dirs: Vec<PathBuf> = Vec::new();
        let dir = self.dir();
        let man = (1..=9).map(|section| self.prefix.join(format!("share/man/man{section}")));
        for place in dir.parent().map(Path::to_path_buf).into_iter().chain([self.bin()]).chain(man) {
            for above in place.ancestors() {
                if host.lstat(above)?.is_some() {
                    break;
                }
                dirs.push(above.to_path_buf());
            }
        }
        dirs.sort_unstable();
        dirs.dedup();
        Ok(dirs)
    }
}

/// The nearest directory at or above `place` that exists, with its metadata.
fn nearest(host: &Reader, place: &Path) -> Result<Option<(PathBuf, std::fs::Metadata)>, Failure> {
    for above in place.ancestors() {
        if let Some(found) = host.stat(above)? {
            return Ok(Some((above.to_path_buf(), found)));
        }
    }
    Ok(None)
}
