//! Simple commands: assignments, the shell's own commands, and programs.

use super::begin::set_options;
use super::state::{Flow, Shell, Truth};
use super::syntax::{Part, Redirection, Simple, Word, is_name};
use crate::{Launch, Unclear, Value, unclear};
use std::collections::BTreeMap;

/// Commands of shells that are not followed.
const UNKNOWN: &[&str] = &[
    "[[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "shopt",
    "suspend",
    "times",
    "trap",
    "type",
    "typeset",
    "unalias",
    "wait",
];
/// Commands that are followed; with the others, the names that `command -v` would not find in a file.
const KNOWN: &[&str] = &[
    ".", ":", "[", "cd", "echo", "exec", "exit", "export", "false", "printf", "return", "set", "shift", "source",
    "test", "true", "ulimit", "umask", "unset",
];
/// Programs and commands that change nothing on which a start depends. How they end decides nothing.
const TELLING: &[&str] = &["date", "echo", "logger", "mesg", "printf", "sleep", "ulimit", "umask"];
/// Variables with a meaning for shells themselves: a script that sets one is not followed.
const MEANINGFUL: &[&str] = &[
    "_",
    "BASH",
    "BASHOPTS",
    "BASHPID",
    "CDPATH",
    "DIRSTACK",
    "ENV",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "EXECIGNORE",
    "FUNCNAME",
    "GLOBIGNORE",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "POSIXLY_CORRECT",
    "PPID",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "UID",
];

impl Shell<'_, '_> {
    pub(super) fn simple(&mut self, simple: &Simple) -> Result<Flow, Unclear> {
        self.substituted = Truth::Yes;
        if simple.words.first().and_then(Word::plain) == Some("export") {
            return self.export(simple);
        }
        // With whatever number.
        if simple.words.first().and_then(Word::plain) == Some("exit") {
            return Ok(Flow::End(self.state.child.take()));
        }
        let mut fields = Vec::new();
        for word in &simple.words {
            fields.extend(self.fields(word)?);
        }
        let written = self.redirected(&simple.redirections)?;
        if simple.words.is_empty() {
            for (name, word) in &simple.assigned {
                let value = self.joined(word)?;
                self.assign(name, value)?;
            }
            return if written { unclear("a file is written") } else { Ok(Flow::On(self.substituted)) };
        }
        let Some((name, args)) = fields.split_first() else {
            return unclear("a command of no words is not followed by reading");
        };
        let Some(name) = name else {
            return unclear("the name of the program depends on what only running the script could tell");
        };
        let is_quoted = simple.words.first().and_then(Word::plain) != Some(name);
        if !is_name(name) && name.contains('=') && !is_quoted {
            return unclear(format!("`{name}` is not followed by reading"));
        }
        let set = self.in_front(&simple.assigned)?;
        if name == "exec" {
            return self.exec(args, set);
        }
        if self.is_own(name) {
            if written || !set.is_empty() {
                return unclear(format!(
                    "`{name}` with a file that it writes or a variable in front is not followed by reading"
                ));
            }
            return self.call(name, args);
        }
        self.state.child = Some(Box::new(self.launch(name, args.to_vec(), set)?));
        Ok(Flow::On(Truth::Unknown))
    }

    /// Whether `name` is no program that could be the service.
    fn is_own(&self, name: &str) -> bool {
        [UNKNOWN, KNOWN, TELLING, &["mkdir"]].iter().any(|names| names.contains(&name))
            || (name == "nvm" && self.state.nvm.is_some())
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Flow, Unclear> {
        let Some(known) = args.iter().map(Option::as_deref).collect::<Option<Vec<&str>>>() else {
            return self.call_unknown(name, args);
        };
        let on = |truth| Ok(Flow::On(truth));
        match (name, known.as_slice()) {
            (":" | "true", _) => on(Truth::Yes),
            ("false", _) => on(Truth::No),
            ("[" | "test", _) => on(self.bracket(name, &known)?),
            ("return", []) => Ok(Flow::Return(Truth::Unknown)),
            ("return", [number]) => Ok(Flow::Return(Truth::from(number.bytes().all(|byte| byte == b'0')))),
            ("unset", names) if names.iter().all(|name| is_name(name) && *name != "PATH") => {
                for name in names {
                    may_set(name)?;
                    self.state.vars.remove(*name);
                    self.state.exported.remove(*name);
                }
                on(Truth::Yes)
            }
            ("shift", [] | [_]) => match known.first().unwrap_or(&"1").parse::<usize>() {
                Ok(count) if count <= self.state.args.len() => {
                    self.state.args.drain(..count);
                    on(Truth::Yes)
                }
                _ => unclear("a `shift` that fails is not followed by reading"),
            },
            ("set", words) => self.set(words),
            ("cd", [to] | ["--", to]) => on(self.change_dir(to)?),
            ("cd", []) => match self.state.vars.get("HOME").cloned().flatten() {
                Some(home) => on(self.change_dir(&home)?),
                None => unclear("`cd` goes to a home that cannot be known by reading"),
            },
            ("command", ["-v", name]) => on(Truth::from(self.command_file(name)?.is_some())),
            (".", [file, rest @ ..]) => self.source(file, rest),
            ("source", [file, rest @ ..]) if self.state.bash.is_some() => self.source(file, rest),
            ("nvm", words) if self.state.nvm.is_some() => self.nvm(words),
            ("mkdir", words) => {
                let paths = words.iter().filter(|word| !word.starts_with('-')).map(|word| self.state.cwd.join(word));
                let paths: Vec<_> = paths.collect();
                self.state.made.extend(paths);
                on(Truth::Unknown)
            }
            ("echo" | "printf", _) => on(Truth::Yes),
            (name, _) if TELLING.contains(&name) => on(Truth::Unknown),
            _ => unclear(format!("`{name}` of this form is not followed by reading")),
        }
    }

    /// The same with an argument that only running the script could tell.
    fn call_unknown(&mut self, name: &str, args: &[Value]) -> Result<Flow, Unclear> {
        match name {
            ":" | "true" | "echo" | "printf" => Ok(Flow::On(Truth::Yes)),
            "[" | "test" => unclear("decides what is started by something that only running it could tell"),
            "set" if args.first() == Some(&Some("--".to_owned())) => {
                self.state.args = args.get(1..).unwrap_or_default().to_vec();
                Ok(Flow::On(Truth::Yes))
            }
            name if TELLING.contains(&name) => Ok(Flow::On(Truth::Unknown)),
            _ => unclear(format!("`{name}` is given what only running the script could tell")),
        }
    }

    fn bracket(&self, name: &str, words: &[&str]) -> Result<Truth, Unclear> {
        let inner = match (name, words.split_last()) {
            ("test", _) => words,
            (_, Some((&"]", inner))) => inner,
            _ => return unclear("`[` has no `]`"),
        };
        match self.judge(inner)? {
            Truth::Unknown => {
                unclear(format!("decides what is started by `[ {} ]`, which reading cannot tell", inner.join(" ")))
            }
            truth => Ok(truth),
        }
    }

    /// Sets a variable.
    pub(super) fn assign(&mut self, name: &str, value: Value) -> Result<(), Unclear> {
        may_set(name)?;
        if self.has('a') {
            self.state.exported.insert(name.to_owned());
        }
        self.state.vars.insert(name.to_owned(), value);
        Ok(())
    }

    fn export(&mut self, simple: &Simple) -> Result<Flow, Unclear> {
        if !simple.assigned.is_empty() || !simple.redirections.is_empty() {
            return unclear("`export` of this form is not followed by reading");
        }
        for word in simple.words.iter().skip(1) {
            let name = match word.assignment() {
                Some((name, value)) => {
                    // Whether its words are split differs between shells.
                    let is_split = |part: &Part| {
                        matches!(part, Part::Parameter { quoted: false, .. } | Part::Output { quoted: false, .. })
                    };
                    if self.state.bash.is_none() && value.0.iter().any(is_split) {
                        let words = self.fields(&value)?;
                        if words.len() != 1 {
                            return unclear("`export` of several words is not followed by reading");
                        }
                    }
                    let value = self.joined(&value)?;
                    self.assign(&name, value)?;
                    name
                }
                None => match word.plain().filter(|name| is_name(name)) {
                    Some(name) => name.to_owned(),
                    None => return unclear("`export` of this form is not followed by reading"),
                },
            };
            self.state.exported.insert(name);
        }
        Ok(Flow::On(Truth::Yes))
    }

    /// The variables in front of a command.
    fn in_front(&mut self, assigned: &[(String, Word)]) -> Result<BTreeMap<String, Value>, Unclear> {
        let is_plain = |(_, word): &(String, Word)| word.0.iter().all(|part| matches!(part, Part::Text { .. }));
        // The value of one may depend on those before it, and shells differ in that.
        if assigned.len() > 1 && !assigned.iter().all(is_plain) {
            return unclear("several variables in front of a command are not followed by reading");
        }
        let mut set = BTreeMap::new();
        for (name, word) in assigned {
            may_set(name)?;
            let value = self.joined(word)?;
            set.insert(name.clone(), value);
        }
        Ok(set)
    }

    /// Whether the redirections write a file.
    pub(super) fn redirected(&mut self, redirections: &[Redirection]) -> Result<bool, Unclear> {
        let mut writes = false;
        for Redirection { operator, target, .. } in redirections {
            let Some(target) = self.joined(target)? else {
                return unclear("a redirection to a file that only running the script could tell");
            };
            let is_descriptor = operator.ends_with('&') && (target == "-" || target.parse::<u32>().is_ok());
            if is_descriptor || target == "/dev/null" {
                continue;
            }
            if !matches!(*operator, ">" | ">>" | ">|") {
                return unclear(format!("the redirection `{operator} {target}` is not followed by reading"));
            }
            writes = true;
            let path = self.state.cwd.join(target);
            self.state.made.push(path);
        }
        Ok(writes)
    }

    fn set(&mut self, words: &[&str]) -> Result<Flow, Unclear> {
        let is_bash = self.state.bash.is_some();
        let mut rest = words.iter();
        while let Some(word) = rest.as_slice().first() {
            if *word == "--" || !word.starts_with(['-', '+']) {
                if *word == "--" {
                    rest.next();
                }
                self.state.args = rest.map(|word| Some((*word).to_owned())).collect();
                break;
            }
            let name = if word.ends_with('o') { rest.as_slice().get(1).copied() } else { None };
            if word.len() < 2 || set_options(&mut self.state.options, word, name, is_bash).is_none() {
                return unclear(format!("`set {}` is not followed by reading", words.join(" ")));
            }
            rest.nth(usize::from(name.is_some()));
        }
        Ok(Flow::On(Truth::Yes))
    }

    pub(super) fn launch(&self, name: &str, args: Vec<Value>, set: BTreeMap<String, Value>) -> Result<Launch, Unclear> {
        let state = &self.state;
        let exported = state.vars.iter().filter(|(name, _)| state.exported.contains(*name));
        let mut env: BTreeMap<String, Value> = exported.map(|(name, value)| (name.clone(), value.clone())).collect();
        env.insert("PWD".to_owned(), Some(state.cwd.to_string_lossy().into_owned()));
        env.extend(set);
        if !name.contains('/') && !env.contains_key("PATH") {
            return unclear(format!("where `{name}` is found depends on a PATH that is not set or not exported"));
        }
        Ok(Launch { program: name.to_owned(), args, cwd: state.cwd.clone(), env, account: state.account.clone() })
    }

    fn exec(&mut self, args: &[Value], set: BTreeMap<String, Value>) -> Result<Flow, Unclear> {
        match args {
            // With redirections alone, nothing takes the place of the shell.
            [] if set.is_empty() => Ok(Flow::On(Truth::Yes)),
            [Some(name), rest @ ..] if !name.starts_with('-') => {
                Ok(Flow::End(Some(Box::new(self.launch(name, rest.to_vec(), set)?))))
            }
            [None, ..] => unclear("what `exec` starts depends on what only running the script could tell"),
            _ => unclear("`exec` of this form is not followed by reading"),
        }
    }
}

/// Whether `name` is no command of a shell, which would be found before any file.
pub(super) fn is_file(name: &str) -> bool {
    ![UNKNOWN, KNOWN].iter().any(|names| names.contains(&name))
}

fn may_set(name: &str) -> Result<(), Unclear> {
    if MEANINGFUL.contains(&name) || name.starts_with("BASH_") {
        return unclear(format!("the script changes {name}, which shells go by themselves"));
    }
    Ok(())
}
