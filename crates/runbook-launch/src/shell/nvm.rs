//! The function `nvm`, and what reading nvm.sh does. Its own text is never interpreted.

use super::state::{Flow, Shell, Truth};
use crate::nvm::Nvm;
use crate::{Unclear, Value, unclear};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl Shell<'_, '_> {
    /// nvm.sh makes the function `nvm`, and uses the default version unless it is told not to.
    pub(super) fn source_nvm(&mut self, path: &Path, args: &[&str]) -> Result<Flow, Unclear> {
        let dir = match self.state.vars.get("NVM_DIR") {
            Some(Some(dir)) if !dir.is_empty() => runbook_step::normalise(Path::new(dir)),
            Some(None) => return unclear("NVM_DIR cannot be known by reading"),
            _ => path.parent().unwrap_or(path).to_owned(),
        };
        self.assign("NVM_DIR", Some(dir.to_string_lossy().into_owned()))?;
        self.state.exported.insert("NVM_DIR".to_owned());
        self.state.nvm = Some(dir.clone());
        if args.contains(&"--no-use") || self.is_on_nvm(&dir)? {
            return Ok(Flow::On(Truth::Yes));
        }
        let nvm = Nvm { host: self.tracer.host, dir };
        if nvm.has_default()? {
            self.nvm_use(Some("default"))?;
        } else if nvm.wanted_in(&self.state.cwd)?.is_some() {
            self.nvm_use(None)?;
        }
        Ok(Flow::On(Truth::Yes))
    }

    /// Whether the Node that is first on the search path is one of nvm's already: its automatic choice keeps that.
    fn is_on_nvm(&self, dir: &Path) -> Result<bool, Unclear> {
        let search = self.state.vars.get("PATH");
        if matches!(search, Some(None)) {
            return unclear("nvm keeps a version that is on the PATH already, and the PATH cannot be known by reading");
        }
        let node: Result<PathBuf, Unclear> = self.tracer.lookup("node", &self.state.cwd, search);
        Ok(node.is_ok_and(|node| node.starts_with(dir.join("versions"))))
    }

    fn nvm_use(&mut self, version: Option<&str>) -> Result<(), Unclear> {
        let Some(dir) = self.state.nvm.clone() else { return unclear("nvm is used before it is read in") };
        self.tracer.use_nvm(&dir, version, &mut self.state.vars, &self.state.cwd)?;
        self.state.exported.insert("PATH".to_owned());
        Ok(())
    }

    /// `nvm use 22`, `nvm exec 22 program`, `nvm run 22 script`.
    pub(super) fn nvm(&mut self, words: &[&str]) -> Result<Flow, Unclear> {
        let mut rest = words.iter().copied().filter(|word| !matches!(*word, "--silent" | "--no-progress" | "--save"));
        match rest.next() {
            Some("use") => {
                self.nvm_use(rest.next().map(|word| if word == "--lts" { "lts/*" } else { word }))?;
                Ok(Flow::On(Truth::Yes))
            }
            Some(verb @ ("exec" | "run")) => {
                self.nvm_use(rest.next())?;
                let node = Some("node").filter(|_| verb == "run");
                let command: Vec<Value> = node.into_iter().chain(rest).map(|word| Some(word.to_owned())).collect();
                match command.split_first() {
                    Some((Some(name), args)) => {
                        self.state.child = Some(Box::new(self.launch(name, args.to_vec(), BTreeMap::new())?));
                        Ok(Flow::On(Truth::Unknown))
                    }
                    _ => unclear("nvm is given no program"),
                }
            }
            Some(other) => unclear(format!("`nvm {other}` is not followed by reading")),
            None => unclear("`nvm` alone is not followed by reading"),
        }
    }
}
