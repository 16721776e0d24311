//! From program to program, until one is reached that starts no other.

use super::shell::Dialect;
use super::tracer::{Tracer, Trail};
use super::{Launch, Unclear, node, shell, unclear, wrappers};
use runbook_host::Reader;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many programs may start one another.
const HOPS: usize = 24;
const SHELLS: &[&str] = &["sh", "bash", "dash"];
/// Shells whose language is another one.
const OTHER_SHELLS: &[&str] = &["ash", "busybox", "csh", "fish", "ksh", "mksh", "tcsh", "yash", "zsh"];

/// The way of `launch`. Nothing is executed.
pub(crate) fn follow(host: &Reader, launch: Launch) -> Trail {
    let mut tracer = Tracer::new(host);
    if let Err(Unclear(why)) = tracer.walk(launch) {
        tracer.trail.unclear = Some(why);
    }
    tracer.trail
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
        if is(OTHER_SHELLS) {
            return unclear(format!("scripts of {} are not followed by reading", found.display()));
        }
        if is(SHELLS) {
            let dialect = match name.as_str() {
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

    /// The words behind `#!` of a script.
    fn interpreter(&mut self, file: &Path) -> Result<Option<Vec<String>>, Unclear> {
        const LINE: u64 = 512;
        let Some(opened) = self.host.open(file)? else { return Ok(None) };
        let mut begin = Vec::new();
        let read = opened.take(LINE).read_to_end(&mut begin);
        read.map_err(|error| Unclear(format!("{} cannot be read: {error}", file.display())))?;
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
}

/// A script as its interpreter is started for it.
fn interpreted(script: &Path, interpreter: Vec<String>, launch: Launch) -> Launch {
    let mut words = interpreter.into_iter();
    let program = words.next().unwrap_or_default();
    let script = script.to_string_lossy().into_owned();
    let args = words.chain([script]).map(Some).chain(launch.args.iter().cloned()).collect();
    Launch { program, args, ..launch }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
