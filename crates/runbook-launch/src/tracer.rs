//! What is carried along the way from program to program, and what is read of the host on it: where a name leads, what a
//! script holds, which version nvm takes.

use super::nvm::Nvm;
use super::{Launch, Unclear, Value, unclear};
use runbook_host::{Account, Reader};
use runbook_model::Failure;
use runbook_services::systemd::USUAL_PATH;
use runbook_step::normalise;
use std::path::{Component, Path, PathBuf};

/// How many files are read for one service, and how long a script may be.
const FILES: usize = 64;
const LONGEST: usize = 1 << 20;
/// How many commands of scripts are looked at for one service.
const COMMANDS: usize = 20_000;
/// How many links one path may have: as many as Linux follows (path_resolution(7)).
const LINKS: usize = 40;

/// The way from a command line to what runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// Files that are executed on the way and could belong to a package, links followed; the last one is what runs.
    pub(crate) reached: Vec<PathBuf>,
    /// The scripts on the way, and what they read in.
    pub(crate) wrappers: Vec<PathBuf>,
    /// Other files that decided: aliases of nvm, and every link on the way.
    pub(crate) deciding: Vec<PathBuf>,
    /// The Node that runs the script, if one does.
    pub(crate) node: Option<PathBuf>,
    /// The arguments of the last program, as far as they are known.
    pub(crate) args: Vec<Value>,
    /// Where it runs.
    pub(crate) cwd: PathBuf,
    /// As whom.
    pub(crate) account: Account,
    /// Why the way ends before its end.
    pub(crate) unclear: Option<String>,
}

/// What is carried along the way.
pub(super) struct Tracer<'a> {
    pub(super) host: &'a Reader,
    pub(super) trail: Trail,
    files: usize,
    commands: usize,
}

impl<'a> Tracer<'a> {
    /// At the beginning of the way.
    pub(super) fn new(host: &'a Reader) -> Self {
        Self { host, trail: Trail::default(), files: FILES, commands: COMMANDS }
    }
}

impl Tracer<'_> {
    /// The file of the program, as it is named: looked for along `PATH` if it has no separator.
    pub(super) fn find(&self, launch: &Launch) -> Result<PathBuf, Unclear> {
        self.lookup(&launch.program, &launch.cwd, launch.env.get("PATH"))
    }

    /// The same for one name.
    pub(super) fn lookup(&self, name: &str, cwd: &Path, path: Option<&Value>) -> Result<PathBuf, Unclear> {
        if name.is_empty() {
            return unclear("the name of a program is empty");
        }
        if name.contains('/') {
            return self.named(&cwd.join(name));
        }
        let search = match path {
            Some(Some(search)) => search.as_str(),
            Some(None) => {
                return unclear(format!("where `{name}` is found depends on a PATH that cannot be known by reading"));
            }
            None => USUAL_PATH,
        };
        let found = self.along(name, cwd, search)?;
        found.ok_or_else(|| Unclear(format!("the program `{name}` is in no directory of {search}")))
    }

    /// The first program called `name` in the directories of `search`.
    pub(super) fn along(&self, name: &str, cwd: &Path, search: &str) -> Result<Option<PathBuf>, Unclear> {
        for dir in search.split(':') {
            if let Ok(candidate) = self.named(&cwd.join(dir).join(name))
                && self.is_executable(&candidate)?
            {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// `path` without what only makes it longer. Behind a link, `..` is the directory in which the link's target lies.
    pub(super) fn named(&self, path: &Path) -> Result<PathBuf, Unclear> {
        let parts: Vec<_> = path.components().collect();
        let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else {
            return Ok(normalise(path));
        };
        let (above, below) = parts.split_at(last + 1);
        match self.host.canonical(&above.iter().collect::<PathBuf>())? {
            Some(real) => Ok(real.join(below.iter().collect::<PathBuf>())),
            None => unclear(format!("{} is not there", path.display())),
        }
    }

    pub(super) fn is_executable(&self, path: &Path) -> Result<bool, Unclear> {
        use std::os::unix::fs::PermissionsExt;
        let found = match self.host.stat(path) {
            Ok(found) => found,
            // A loop of links is nothing that could be executed.
            Err(_) if self.host.read_link(path).is_ok_and(|link| link.is_some()) => None,
            Err(failure) => return Err(failure.into()),
        };
        Ok(found.is_some_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
    }

    /// Where `path` leads. The links on the way decide that, and are noted: one that is turned leaves no other trace.
    pub(super) fn real(&mut self, path: &Path) -> Result<PathBuf, Unclear> {
        match self.host.canonical(path)? {
            Some(real) => {
                let links = links_on(self.host, path)?;
                self.trail.deciding.extend(links);
                Ok(real)
            }
            None => unclear(match self.host.lstat(path)? {
                Some(_) => format!("{} is a link to something that is not there", path.display()),
                None => format!("{} is not there", path.display()),
            }),
        }
    }

    /// Does to `env` what `nvm use` does.
    pub(super) fn use_nvm(
        &mut self,
        dir: &Path,
        version: Option<&str>,
        env: &mut std::collections::BTreeMap<String, Value>,
        cwd: &Path,
    ) -> Result<(), Unclear> {
        let nvm = Nvm { host: self.host, dir: dir.to_owned() };
        let wanted = match version {
            Some(version) => version.to_owned(),
            None => match nvm.wanted_in(cwd)? {
                Some((version, file)) => {
                    self.trail.deciding.push(file);
                    version
                }
                None => return unclear("nvm is told no version, and there is no .nvmrc"),
            },
        };
        let (bin, read) = nvm.bin(&wanted)?;
        self.trail.deciding.extend(read);
        let search = match env.get("PATH") {
            Some(None) => None,
            Some(Some(search)) => Some(search.clone()),
            None => Some(USUAL_PATH.to_owned()),
        };
        // It takes its other versions out of the search path, and puts this one first.
        let own = dir.join("versions").to_string_lossy().into_owned();
        let others = search
            .map(|search| search.split(':').filter(|entry| !entry.starts_with(&own)).collect::<Vec<_>>().join(":"));
        let search = match (bin, others) {
            (Some(bin), others) => Some(match others {
                Some(others) => format!("{}:{others}", bin.display()),
                // Whatever else is in it, this comes first. A name that is not there is then told as missing.
                None => bin.display().to_string(),
            }),
            (None, others) => others,
        };
        env.insert("PATH".to_owned(), search);
        Ok(())
    }

    /// The text of a script, which is noted as one on the way.
    pub(super) fn script(&mut self, path: &Path) -> Result<String, Unclear> {
        let Some(left) = self.files.checked_sub(1) else {
            return unclear(format!("more than {FILES} files would have to be read"));
        };
        self.files = left;
        let real = self.real(path)?;
        if !self.host.stat(&real)?.is_some_and(|found| found.is_file() && found.len() <= LONGEST as u64) {
            return unclear(format!("{} is no script that could be read", path.display()));
        }
        let text = self.host.read(&real)?.unwrap_or_default();
        if !self.trail.wrappers.contains(&real) {
            self.trail.wrappers.push(real);
        }
        String::from_utf8(text).map_err(|_| Unclear(format!("{} is not a text", path.display())))
    }

    /// Counts one command of a script.
    pub(super) fn count(&mut self) -> Result<(), Unclear> {
        match self.commands.checked_sub(1) {
            Some(left) => self.commands = left,
            None => return unclear(format!("its scripts have more than {COMMANDS} commands to look at")),
        }
        Ok(())
    }
}

impl Trail {
    /// The last file on the way that `wanted` picks something for, the last one first.
    pub(crate) fn find<T>(
        &self,
        mut wanted: impl FnMut(&Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<(PathBuf, T)>, Failure> {
        for file in self.reached.iter().rev() {
            if let Some(found) = wanted(file)? {
                return Ok(Some((file.clone(), found)));
            }
        }
        Ok(None)
    }
}

/// Every symbolic link that is followed on the way to `path`, which is absolute: in its directories, and in what they
/// point to.
pub(crate) fn links_on(host: &Reader, path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut ahead = parts(path);
    let mut links = Vec::new();
    let mut at = PathBuf::from("/");
    while let Some(part) = ahead.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        // The root as a part takes the place of all before it.
        let next = at.join(&part);
        match host.read_link(&next)? {
            Some(target) if links.len() < LINKS => {
                ahead.extend(parts(&target));
                links.push(next);
            }
            _ => at = next,
        }
    }
    Ok(links)
}
