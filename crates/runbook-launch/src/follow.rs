//! From program to program, until one is reached that starts no other.

use super::nvm::Nvm;
use super::shell::Dialect;
use super::{Account, Launch, Unclear, Value, node, shell, unclear, wrappers};
use runbook_host::Reader;
use runbook_model::Failure;
use runbook_step::normalise;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many programs may start one another.
const HOPS: usize = 24;
/// How many files are read for one service, and how long a script may be.
const FILES: usize = 64;
const LONGEST: usize = 1 << 20;
/// How many commands of scripts are looked at for one service.
const COMMANDS: usize = 20_000;
/// Where a name is looked for if the environment has no `PATH`; the same list that systemd has (systemd.exec(5)).
pub(crate) const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many links one path may have: as many as Linux follows (path_resolution(7)).
const LINKS: usize = 40;
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh"];

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

/// The way of `launch`. Nothing is executed.
pub(crate) fn follow(host: &Reader, launch: Launch) -> Trail {
    let mut tracer = Tracer { host, trail: Trail::default(), files: FILES, commands: COMMANDS };
    if let Err(Unclear(why)) = tracer.walk(launch) {
        tracer.trail.unclear = Some(why);
    }
    tracer.trail
}

/// What is carried along the way.
pub(super) struct Tracer<'a> {
    pub(super) host: &'a Reader,
    pub(super) trail: Trail,
    files: usize,
    commands: usize,
}

impl Tracer<'_> {
    fn walk(&mut self, mut launch: Launch) -> Result<(), Unclear> {
        for _ in 0..HOPS {
            self.trail.account = launch.account.clone();
            self.trail.cwd.clone_from(&launch.cwd);
            match self.hop(launch)? {
                Some(next) => launch = next,
                None => return Ok(()),
            }
        }
        unclear(format!("more than {HOPS} programs start one another"))
    }

    /// What `launch` starts in its place; `None` if that is the end.
    fn hop(&mut self, launch: Launch) -> Result<Option<Launch>, Unclear> {
        let found = self.find(&launch)?;
        let file = self.real(&found)?;
        let name = name_of(&found);
        if name == "nvm-exec" {
            return self.nvm_exec(&found, launch).map(Some);
        }
        // What is called npm, and is a script of Node, is not the service.
        if let Some(next) = wrappers::inner(self.host, &name, &launch)? {
            return Ok(Some(next));
        }
        if let Some(interpreter) = self.interpreter(&file)? {
            return Ok(Some(interpreted(&found, interpreter, launch)));
        }
        let real_name = name_of(&file);
        let is = |names: &[&str]| names.contains(&name.as_str()) || names.contains(&real_name.as_str());
        if is(&["node", "nodejs"]) {
            return self.node(found, launch).map(|()| None);
        }
        if is(SHELLS) {
            let dialect = match name.as_str() {
                _ if is(&["zsh"]) => Dialect::Zsh,
                "sh" if is(&["bash"]) => Dialect::BashAsSh,
                _ if is(&["bash"]) => Dialect::Bash,
                _ => Dialect::Sh,
            };
            return shell::run(self, launch, dialect).map(Some);
        }
        self.trail.reached.push(file);
        self.trail.args = launch.args;
        Ok(None)
    }

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
            return Ok(normalise(&cwd.join(name)));
        }
        let search = match path {
            Some(Some(search)) => search.as_str(),
            Some(None) => {
                return unclear(format!("where `{name}` is found depends on a PATH that cannot be known by reading"));
            }
            None => USUAL_PATH,
        };
        for dir in search.split(':') {
            let candidate = normalise(&cwd.join(dir).join(name));
            if self.is_executable(&candidate)? {
                return Ok(candidate);
            }
        }
        unclear(format!("the program `{name}` is in no directory of {search}"))
    }

    fn is_executable(&self, path: &Path) -> Result<bool, Unclear> {
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
    fn real(&mut self, path: &Path) -> Result<PathBuf, Unclear> {
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

    /// The words behind `#!` of a script.
    fn interpreter(&mut self, file: &Path) -> Result<Option<Vec<String>>, Unclear> {
        const LINE: u64 = 512;
        let Some(opened) = self.host.open(file)? else { return Ok(None) };
        let mut begin = Vec::new();
        opened
            .take(LINE)
            .read_to_end(&mut begin)
            .map_err(|error| Unclear(format!("{} cannot be read: {error}", file.display())))?;
        let Some(rest) = begin.strip_prefix(b"#!") else { return Ok(None) };
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).trim().to_owned();
        // Linux hands over all that follows the interpreter as one argument.
        let mut words = line.splitn(2, char::is_whitespace).map(|word| word.trim().to_owned());
        let Some(program) = words.next().filter(|word| !word.is_empty()) else {
            return unclear(format!("{} begins with `#!` and names no interpreter", file.display()));
        };
        Ok(Some(std::iter::once(program).chain(words.filter(|word| !word.is_empty())).collect()))
    }

    fn node(&mut self, found: PathBuf, launch: Launch) -> Result<(), Unclear> {
        self.trail.node = Some(found);
        let at = node::script(&launch.args)?;
        let name = launch.args.get(at).cloned().flatten();
        let Some(name) = name else { return unclear("the script that node is given cannot be known by reading") };
        if name.is_empty() {
            return unclear("node is given an empty word instead of a script");
        }
        let file = node::file(self.host, &launch.cwd, &name)?;
        let real = self.real(&file)?;
        self.trail.reached.push(real);
        self.trail.args = launch.args.get(at + 1..).unwrap_or_default().to_vec();
        Ok(())
    }

    /// nvm's own launcher: the version comes from `NODE_VERSION`, else from `.nvmrc`.
    fn nvm_exec(&mut self, found: &Path, mut launch: Launch) -> Result<Launch, Unclear> {
        let dir = found.parent().unwrap_or(found).to_owned();
        let named = launch.env.get("NODE_VERSION").cloned();
        self.trail.wrappers.push(found.to_owned());
        match named {
            Some(Some(version)) => self.use_nvm(&dir, Some(&version), &mut launch.env, &launch.cwd)?,
            Some(None) => return unclear("NODE_VERSION cannot be known by reading"),
            None => self.use_nvm(&dir, None, &mut launch.env, &launch.cwd)?,
        }
        match launch.args.split_first() {
            Some((Some(program), rest)) => Ok(Launch { program: program.clone(), args: rest.to_vec(), ..launch }),
            _ => unclear("nvm-exec is given no program"),
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

/// A script as its interpreter is started for it.
fn interpreted(script: &Path, interpreter: Vec<String>, launch: Launch) -> Launch {
    let mut words = interpreter.into_iter();
    let program = words.next().unwrap_or_default();
    let script = script.to_string_lossy().into_owned();
    let args = words.chain([script]).map(Some).chain(launch.args.iter().cloned()).collect();
    Launch { program, args, ..launch }
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

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
