//! What the shell's own commands ask of the host: directories, files that are read in, and what the service's user may do.

use super::builtins::is_file;
use super::state::{Flow, Shell, Truth};
use crate::{Unclear, unclear};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

impl Shell<'_, '_> {
    /// Goes to a directory, with `..` taken off the name, as shells do it.
    pub(super) fn change_dir(&mut self, to: &str) -> Result<Truth, Unclear> {
        if to.is_empty() || to.starts_with('-') {
            return unclear(format!("`cd {to}` is not followed by reading"));
        }
        let named = self.state.cwd.join(to);
        let path = runbook_step::normalise(&named);
        // Behind a link, or a name that is not there, the two ways to take `..` off lead to different places.
        if self.tracer.host.canonical(&named)? != self.tracer.host.canonical(&path)? && to.contains("..") {
            return unclear(format!("`cd {to}` goes through a link"));
        }
        match self.tracer.host.stat(&path)? {
            Some(found) if found.is_dir() => match self.may(&path, 1)? {
                Truth::Yes => {
                    self.state.cwd = path;
                    Ok(Truth::Yes)
                }
                Truth::No => Ok(Truth::No),
                Truth::Unknown => unclear(format!("whether the service may go to {}", path.display())),
            },
            _ => self.not_there(&path),
        }
    }

    /// What is not there now may be made by the script itself.
    pub(super) fn not_there(&self, path: &Path) -> Result<Truth, Unclear> {
        match self.state.made.first() {
            None => Ok(Truth::No),
            Some(made) => unclear(format!("whether {} is there, once {} is made", path.display(), made.display())),
        }
    }

    /// Fails if the script itself writes the file.
    pub(super) fn is_not_written(&self, path: &Path) -> Result<(), Unclear> {
        let host = self.tracer.host;
        for made in &self.state.made {
            if made == path
                || host.canonical(made)?.is_some_and(|real| host.canonical(path).is_ok_and(|its| its == Some(real)))
            {
                return unclear(format!("what {} is, once the script has made it", path.display()));
            }
        }
        Ok(())
    }

    /// Whether the service's user may do with `path`, which is there, what the permission `bit` means: 4 read, 2 write, 1
    /// execute; 0 is to know that it is there. What depends on groups is unknown.
    pub(super) fn may(&self, path: &Path, bit: u32) -> Result<Truth, Unclear> {
        let host = self.tracer.host;
        let Some(real) = host.canonical(path)? else { return Ok(Truth::Unknown) };
        let above = path.ancestors().skip(1).chain(real.ancestors().skip(1)).map(|dir| (dir, 1));
        let mut all = Truth::Yes;
        for (path, bit) in above.chain([(real.as_path(), bit)]) {
            let Some(found) = host.stat(path)? else { return Ok(Truth::Unknown) };
            let uid = self.state.account.uid;
            let mode = found.permissions().mode();
            let (group, others) = ((mode >> 3) & bit == bit, mode & bit == bit);
            let truth = match () {
                () if uid == 0 => Truth::from(bit != 1 || found.is_dir() || mode & 0o111 != 0),
                () if found.uid() == uid => Truth::from((mode >> 6) & bit == bit),
                () if group == others => Truth::from(others),
                () => Truth::Unknown,
            };
            match truth {
                Truth::Yes => {}
                Truth::No => return Ok(Truth::No),
                Truth::Unknown => all = Truth::Unknown,
            }
        }
        Ok(all)
    }

    /// `. file`
    pub(super) fn source(&mut self, name: &str, args: &[&str]) -> Result<Flow, Unclear> {
        if !name.contains('/') {
            return unclear(format!("`{name}` is looked for along PATH and read in, which is not followed by reading"));
        }
        let path = self.state.cwd.join(name);
        if self.tracer.host.stat(&path)?.is_none() {
            self.not_there(&path)?;
            // All shells but bash under its own name end here.
            return Ok(if self.state.forgives { Flow::On(Truth::No) } else { Flow::End(None) });
        }
        if path.file_name().is_some_and(|name| name == "nvm.sh") {
            return self.source_nvm(&path, args);
        }
        if !args.is_empty() {
            return unclear(format!("{name} is read in with arguments, which is not followed by reading"));
        }
        if self.may(&path, 4)? != Truth::Yes {
            return unclear(format!("whether the service may read {}", path.display()));
        }
        self.is_not_written(&path)?;
        let before = std::mem::replace(&mut self.state.source, name.to_owned());
        let flow = self.read_in(&path);
        self.state.source = before;
        flow
    }

    /// Goes through the commands of a file as if they stood here.
    pub(super) fn read_in(&mut self, path: &Path) -> Result<Flow, Unclear> {
        let text = self.tracer.script(path)?;
        let flow = self.deeper(|shell| shell.script(&text));
        match flow.map_err(|Unclear(why)| in_file(path, why))? {
            Flow::Return(truth) => Ok(Flow::On(truth)),
            other => Ok(other),
        }
    }

    /// The file of the command `name`, as `command -v` finds it.
    pub(super) fn command_file(&self, name: &str) -> Result<Option<PathBuf>, Unclear> {
        if !is_file(name) || (name == "nvm" && self.state.nvm.is_some()) {
            return unclear(format!("`command -v {name}` asks for no file, which is not followed by reading"));
        }
        let search = match self.state.vars.get("PATH") {
            Some(Some(search)) => search,
            _ => return unclear(format!("where `{name}` is found depends on a PATH that cannot be known by reading")),
        };
        let found = match name.contains('/') {
            true => {
                [self.state.cwd.join(name)].into_iter().find(|path| self.tracer.is_executable(path).is_ok_and(|is| is))
            }
            false => self.tracer.along(name, &self.state.cwd, search)?,
        };
        match found {
            Some(path) if self.may(&path, 1)? != Truth::Yes => {
                unclear(format!("whether the service may execute {}", path.display()))
            }
            Some(path) => Ok(Some(path)),
            None => self.not_there(Path::new(name)).map(|_| None),
        }
    }
}

fn in_file(path: &Path, why: String) -> Unclear {
    if why.starts_with('/') { Unclear(why) } else { Unclear(format!("{}, {why}", path.display())) }
}
