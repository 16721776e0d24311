//! Simple commands: assignments, the shell's own commands, and programs.

use super::parser::parse;
use super::state::{Flow, Shell, Truth};
use super::syntax::{Word, is_name};
use crate::{Launch, Unclear, Value, unclear};
use runbook_step::normalise;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Commands whose arguments are the names of variables.
const DECLARES: &[&str] = &["export", "readonly", "declare", "typeset", "local"];
/// Commands of the shell that change nothing that counts here.
const IDLE: &[&str] = &[
    "trap", "ulimit", "umask", "shopt", "alias", "unalias", "jobs", "kill", "times", "hash", "bind", "complete",
    "enable", "disown", "setopt", "autoload", "compdef",
];
/// Programs that prepare something, or tell about it; never the service itself.
const HARMLESS: &[&str] = &[
    "echo",
    "printf",
    "mkdir",
    "rmdir",
    "rm",
    "mv",
    "cp",
    "ln",
    "chmod",
    "chown",
    "chgrp",
    "install",
    "touch",
    "cat",
    "tee",
    "sleep",
    "date",
    "logger",
    "sed",
    "grep",
    "egrep",
    "awk",
    "cut",
    "tr",
    "sort",
    "uniq",
    "head",
    "tail",
    "wc",
    "id",
    "hostname",
    "uname",
    "whoami",
    "find",
    "xargs",
    "curl",
    "wget",
    "nc",
    "ping",
    "ps",
    "pgrep",
    "pkill",
    "killall",
    "systemctl",
    "journalctl",
    "systemd-notify",
    "mkfifo",
    "mktemp",
    "stat",
    "df",
    "du",
    "free",
    "sync",
    "basename",
    "dirname",
    "readlink",
    "realpath",
    "which",
    "tput",
    "stty",
    "clear",
    "ip",
    "ss",
    "iptables",
    "sysctl",
    "renice",
];

/// Whether the command `name` sets the variables that its arguments name.
pub(super) fn sets_its_arguments(name: &str) -> bool {
    DECLARES.contains(&name) || matches!(name, "read" | "unset" | "getopts" | "mapfile" | "readarray" | "let")
}

impl Shell<'_, '_> {
    /// Whether a command decides what is started, if it is run.
    pub(super) fn is_decisive(&self, words: &[Word]) -> bool {
        let Some(first) = words.first() else { return false };
        let Some(name) = first.plain() else { return true };
        let idle = IDLE.contains(&name) || HARMLESS.contains(&name) || sets_its_arguments(name);
        let own = matches!(
            name,
            ":" | "true" | "false" | "[" | "[[" | "test" | "exit" | "break" | "continue" | "type" | "wait"
        );
        !(idle || own) || self.state.functions.contains_key(name)
    }

    pub(super) fn simple(&mut self, assigned: &[(String, Word)], words: &[Word]) -> Result<Flow, Unclear> {
        let mut set = BTreeMap::new();
        for (name, word) in assigned {
            set.insert(name.clone(), self.joined(word)?);
        }
        if words.is_empty() {
            self.state.vars.extend(set);
            return Ok(Flow::On(Truth::Likely));
        }
        if words.first().and_then(Word::plain).is_some_and(|name| DECLARES.contains(&name)) {
            self.state.vars.extend(set);
            return self.declare(words);
        }
        let mut fields = Vec::new();
        for word in words {
            fields.extend(self.fields(word)?);
        }
        match fields.split_first() {
            None => Ok(Flow::On(Truth::Unknown)),
            Some((None, _)) if words.first().is_some_and(|word| word.0 == [super::syntax::Part::Unknown]) => {
                // Arithmetic, and conditions that are not understood.
                Ok(Flow::On(Truth::Unknown))
            }
            Some((None, _)) => unclear("the name of the program depends on what only running the script could tell"),
            Some((Some(name), args)) => self.call(&name.clone(), args.to_vec(), set, true),
        }
    }

    fn declare(&mut self, words: &[Word]) -> Result<Flow, Unclear> {
        for word in words.iter().skip(1) {
            if let Some((name, value)) = word.assignment() {
                let value = self.joined(&value)?;
                self.state.vars.insert(name, value);
            }
        }
        Ok(Flow::On(Truth::Yes))
    }

    fn call(
        &mut self,
        name: &str,
        args: Vec<Value>,
        set: BTreeMap<String, Value>,
        functions: bool,
    ) -> Result<Flow, Unclear> {
        if let Some(body) = self.state.functions.get(name).filter(|_| functions).cloned() {
            return self.function(&body, args);
        }
        let first = args.first().cloned();
        let known = args.iter().map(|arg| arg.as_deref().unwrap_or_default()).collect::<Vec<_>>();
        let on = |truth| Ok(Flow::On(truth));
        match name {
            ":" | "true" => on(Truth::Yes),
            "false" => on(Truth::No),
            "[" => on(self.judge(args.split_last().map_or(&[], |(_, args)| args), false)),
            "[[" => on(self.judge(args.split_last().map_or(&[], |(_, args)| args), true)),
            "test" => on(self.judge(&args, false)),
            "exit" => Ok(Flow::Exit),
            "return" => Ok(Flow::Return),
            "break" => Ok(Flow::Break),
            "continue" => Ok(Flow::Continue),
            "unset" => {
                self.state.vars.retain(|name, _| !known.contains(&name.as_str()));
                on(Truth::Yes)
            }
            "read" | "getopts" | "mapfile" | "readarray" | "let" => {
                let names = known.iter().filter(|name| is_name(name)).map(|name| ((*name).to_owned(), None));
                self.state.vars.extend(names.collect::<Vec<_>>());
                on(Truth::Unknown)
            }
            "shift" => {
                let count =
                    known.first().and_then(|count| count.parse().ok()).unwrap_or(1_usize).min(self.state.args.len());
                self.state.args.drain(..count);
                on(Truth::Yes)
            }
            "set" => {
                if let Some(at) = known.iter().position(|word| *word == "--") {
                    self.state.args = args.get(at + 1..).unwrap_or_default().to_vec();
                }
                on(Truth::Yes)
            }
            "cd" => match self.change_dir(first) {
                Some(truth) => on(truth),
                None => {
                    self.state.cwd = None;
                    on(Truth::Likely)
                }
            },
            "wait" => {
                self.waits = true;
                on(Truth::Unknown)
            }
            "." | "source" => self.source(&args),
            "eval" => match args.into_iter().collect::<Option<Vec<String>>>() {
                Some(words) => match parse(&words.join(" ")) {
                    Ok(commands) => self.deeper(&commands),
                    Err(_) => unclear("the text that `eval` is given cannot be read"),
                },
                None => unclear("`eval` is given a text that only running the script could tell"),
            },
            "exec" => self.exec(args, set),
            "command" if known.first().is_some_and(|word| matches!(*word, "-v" | "-V")) => {
                on(self.is_there(known.get(1).copied().unwrap_or_default()))
            }
            "type" | "which" => on(self.is_there(known.last().copied().unwrap_or_default())),
            "command" | "builtin" => match args.split_first() {
                Some((Some(name), rest)) => self.call(&name.clone(), rest.to_vec(), set, false),
                _ => on(Truth::Unknown),
            },
            "nvm" if self.state.nvm.is_some() => self.nvm(&args),
            _ if IDLE.contains(&name) => on(Truth::Yes),
            _ if HARMLESS.contains(&name.rsplit('/').next().unwrap_or(name)) => {
                on(if matches!(name, "echo" | "printf") { Truth::Yes } else { Truth::Unknown.or_likely(name) })
            }
            _ => {
                self.child = Some(self.launch(name, args, set)?);
                on(Truth::Likely)
            }
        }
    }

    fn function(&mut self, body: &[super::syntax::Command], args: Vec<Value>) -> Result<Flow, Unclear> {
        let before = std::mem::replace(&mut self.state.args, args);
        let flow = self.deeper(body);
        self.state.args = before;
        Ok(match flow? {
            Flow::Return | Flow::Break | Flow::Continue => Flow::On(Truth::Unknown),
            other => other,
        })
    }

    fn launch(&self, name: &str, args: Vec<Value>, set: BTreeMap<String, Value>) -> Result<Launch, Unclear> {
        let Some(cwd) = self.state.cwd.clone() else {
            return unclear(format!("the directory in which `{name}` is started cannot be known by reading"));
        };
        let mut env = self.state.vars.clone();
        env.extend(set);
        Ok(Launch { program: name.to_owned(), args, cwd, env, account: self.state.account.clone() })
    }

    fn exec(&mut self, args: Vec<Value>, set: BTreeMap<String, Value>) -> Result<Flow, Unclear> {
        let mut rest = args.as_slice();
        loop {
            match rest {
                [Some(option), _, others @ ..] if option == "-a" => rest = others,
                [Some(option), others @ ..] if matches!(option.as_str(), "-c" | "-l" | "--") => rest = others,
                // With redirections alone, nothing takes the place of the shell.
                [] => return Ok(Flow::On(Truth::Yes)),
                [Some(name), others @ ..] => {
                    let launch = self.launch(name, others.to_vec(), set)?;
                    return Ok(Flow::Exec(Box::new(launch)));
                }
                [None, ..] => return unclear("what `exec` starts depends on what only running the script could tell"),
            }
        }
    }

    /// Whether there is a command called `name`.
    fn is_there(&self, name: &str) -> Truth {
        if self.state.functions.contains_key(name) || (name == "nvm" && self.state.nvm.is_some()) {
            return Truth::Yes;
        }
        if matches!(self.state.vars.get("PATH"), Some(None)) && !name.contains('/') {
            return Truth::Unknown;
        }
        let cwd = self.state.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
        match self.tracer.lookup(name, &cwd, self.state.vars.get("PATH")) {
            Ok(path) if self.tracer.host.stat(&path).is_ok_and(|found| found.is_some()) => Truth::Yes,
            _ => Truth::No,
        }
    }

    /// Goes to a directory; `None` if nobody knows where that is.
    pub(super) fn change_dir(&mut self, to: Option<Value>) -> Option<Truth> {
        let to = match to {
            Some(to) => to?,
            None => self.state.vars.get("HOME").cloned().flatten()?,
        };
        if to.starts_with('-') {
            return None;
        }
        let path = self.in_cwd(&to)?;
        if !self.tracer.host.stat(&path).ok()?.is_some_and(|found| found.is_dir()) {
            return Some(Truth::No);
        }
        self.state.cwd = Some(path);
        Some(Truth::Yes)
    }

    fn source(&mut self, args: &[Value]) -> Result<Flow, Unclear> {
        let Some((Some(name), rest)) = args.split_first() else {
            return unclear("a file is read in whose name only running the script could tell");
        };
        let Some(path) = self.in_cwd(name) else {
            return unclear(format!("{name} is read in from a directory that cannot be known by reading"));
        };
        if path.file_name().is_some_and(|name| name == "nvm.sh") {
            return self.source_nvm(&path, rest);
        }
        if self.tracer.host.stat(&path)?.is_none() {
            return Ok(Flow::On(Truth::No));
        }
        self.read_in(&path)
    }

    /// Goes through the commands of a file as if they stood here.
    pub(super) fn read_in(&mut self, path: &Path) -> Result<Flow, Unclear> {
        let text = self.tracer.script(path)?;
        let place = path.display();
        let commands =
            parse(&text).map_err(|fault| Unclear(format!("{place}, line {}, cannot be read", fault.line)))?;
        let before = std::mem::replace(&mut self.state.source, path.to_string_lossy().into_owned());
        let flow = self.deeper(&commands);
        self.state.source = before;
        match flow.map_err(|Unclear(why)| Unclear(format!("{place}, {why}")))? {
            Flow::Return => Ok(Flow::On(Truth::Unknown)),
            other => Ok(other),
        }
    }

    /// nvm.sh makes the function `nvm`, and uses the default version unless it is told not to.
    fn source_nvm(&mut self, path: &Path, args: &[Value]) -> Result<Flow, Unclear> {
        if self.tracer.host.stat(path)?.is_none() {
            return Ok(Flow::On(Truth::No));
        }
        let own = path.parent().unwrap_or(path).to_owned();
        let dir = match self.state.vars.get("NVM_DIR") {
            Some(Some(dir)) if !dir.is_empty() => normalise(Path::new(dir)),
            Some(None) => return unclear("NVM_DIR cannot be known by reading"),
            _ => own,
        };
        self.state.vars.insert("NVM_DIR".to_owned(), Some(dir.to_string_lossy().into_owned()));
        self.state.nvm = Some(dir.clone());
        if args.iter().flatten().any(|arg| arg == "--no-use") {
            return Ok(Flow::On(Truth::Yes));
        }
        if self.is_on_nvm(&dir)? {
            return Ok(Flow::On(Truth::Yes));
        }
        let nvm = crate::nvm::Nvm { host: self.tracer.host, dir };
        if nvm.has_default()? {
            self.nvm_use(Some("default"))?;
        } else if let Some(cwd) = self.state.cwd.clone()
            && nvm.wanted_in(&cwd)?.is_some()
        {
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
        let cwd = self.state.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
        let node = self.tracer.lookup("node", &cwd, search);
        Ok(node.is_ok_and(|node| node.starts_with(dir.join("versions"))))
    }

    fn nvm_use(&mut self, version: Option<&str>) -> Result<(), Unclear> {
        let (Some(dir), Some(cwd)) = (self.state.nvm.clone(), self.state.cwd.clone()) else {
            return unclear("nvm is used in a directory that cannot be known by reading");
        };
        self.tracer.use_nvm(&dir, version, &mut self.state.vars, &cwd)
    }

    /// `nvm use 22`, `nvm exec 22 program`, `nvm run 22 script`.
    fn nvm(&mut self, args: &[Value]) -> Result<Flow, Unclear> {
        let Some(words) = args.iter().cloned().collect::<Option<Vec<String>>>() else {
            return unclear("the version that nvm is told depends on what only running the script could tell");
        };
        let mut rest =
            words.iter().skip(1).filter(|word| !matches!(word.as_str(), "--silent" | "--no-progress" | "--save"));
        match words.first().map(String::as_str) {
            Some("use") => {
                let version = rest.next().map(|word| if word == "--lts" { "lts/*" } else { word.as_str() });
                self.nvm_use(version)?;
                Ok(Flow::On(Truth::Likely))
            }
            Some(verb @ ("exec" | "run")) => {
                let version = rest.next().cloned();
                self.nvm_use(version.as_deref())?;
                let mut command: Vec<Value> = rest.cloned().map(Some).collect();
                if verb == "run" {
                    command.insert(0, Some("node".to_owned()));
                }
                match command.split_first() {
                    Some((Some(name), args)) => {
                        self.child = Some(self.launch(name, args.to_vec(), BTreeMap::new())?);
                        Ok(Flow::On(Truth::Likely))
                    }
                    _ => unclear("nvm is given no program"),
                }
            }
            Some("install" | "alias" | "uninstall" | "deactivate" | "unload") => {
                unclear("nvm changes its versions, so the next start may use another one")
            }
            _ => Ok(Flow::On(Truth::Unknown)),
        }
    }
}

impl Truth {
    /// Programs that make something are expected to; those that look for something may find nothing.
    fn or_likely(self, name: &str) -> Self {
        let looks =
            ["grep", "egrep", "curl", "wget", "nc", "ping", "pgrep", "systemctl", "find", "ss", "stat", "which"];
        if looks.contains(&name.rsplit('/').next().unwrap_or(name)) { self } else { Self::Likely }
    }
}
