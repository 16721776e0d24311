//! How a shell begins: its options, the files that it reads first, and the script that it is given.

use super::parser::parse;
use super::state::{Flow, Shell, State};
use crate::tracer::Tracer;
use crate::{Launch, Unclear, Value, unclear};
use runbook_step::normalise;
use std::path::PathBuf;

/// What the arguments of a shell say.
#[derive(Debug, Default)]
struct Options {
    login: bool,
    interactive: bool,
    /// The text behind `-c`.
    text: Option<String>,
    /// What is left: the script or `$0`, then its arguments.
    rest: Vec<Value>,
}

/// Which shell it is, for each reads other files first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The POSIX shell, and what is like it.
    Sh,
    Bash,
    /// bash that is called `sh`: it has its own variables, and reads the files of `sh`.
    BashAsSh,
    Zsh,
}

/// What the script starts in the end.
pub(crate) fn run(tracer: &mut Tracer<'_>, launch: Launch, dialect: Dialect) -> Result<Launch, Unclear> {
    let bash = matches!(dialect, Dialect::Bash | Dialect::BashAsSh);
    let options = read(&launch.args)?;
    let mut rest = options.rest.into_iter();
    let zero = rest.next();
    let state = State {
        vars: launch.env,
        cwd: Some(launch.cwd.clone()),
        zero: zero.clone().flatten().unwrap_or_else(|| launch.program.clone()),
        args: rest.collect(),
        account: launch.account,
        bash,
        interactive: options.interactive,
        ..State::default()
    };
    let mut shell = Shell::new(tracer, state);
    if bash && options.login && !shell.state.vars.contains_key("HOME") {
        let home = shell.state.account.home.as_ref().map(|home| home.to_string_lossy().into_owned());
        shell.state.vars.insert("HOME".to_owned(), home);
    }
    shell.read_startup_files(dialect, options.login)?;
    let (name, text) = match (options.text, zero) {
        (Some(text), _) => (format!("`{} -c`", launch.program), text),
        (None, Some(Some(script))) => {
            let path = normalise(&launch.cwd.join(&script));
            let text = shell.tracer.script(&path)?;
            if let Some(real) = shell.tracer.host.canonical(&path)? {
                shell.tracer.trail.reached.push(real);
            }
            shell.state.source = path.to_string_lossy().into_owned();
            (path.display().to_string(), text)
        }
        (None, Some(None)) => return unclear("the script that a shell is given cannot be known by reading"),
        (None, None) => return unclear(format!("{} is given no script", launch.program)),
    };
    let commands = parse(&text).map_err(|fault| Unclear(format!("{name}, line {}, cannot be read", fault.line)))?;
    let flow = shell.list(&commands).map_err(|Unclear(why)| Unclear(format!("{name}, {why}")))?;
    match flow {
        Flow::Exec(next) => Ok(*next),
        _ => shell.started().ok_or_else(|| Unclear(format!("{name} starts nothing that could be a service"))),
    }
}

fn read(args: &[Value]) -> Result<Options, Unclear> {
    let mut options = Options::default();
    let mut takes_text = false;
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        let Some(arg) = arg else { return unclear("an argument of a shell cannot be known by reading") };
        match arg.as_str() {
            "--" | "-" => {
                at += 1;
                break;
            }
            "--login" => options.login = true,
            "--rcfile" | "--init-file" | "-o" | "+o" | "-O" | "+O" => at += 1,
            long if long.starts_with("--") || long.starts_with('+') => {}
            short if short.starts_with('-') => {
                options.login |= short.contains('l');
                options.interactive |= short.contains('i');
                takes_text |= short.contains('c');
                // `-eo pipefail`: the name is a word of its own.
                at += usize::from(short.ends_with('o') && short.len() > 1);
                if short.contains('s') && !takes_text {
                    return unclear("a shell reads its script from its input");
                }
            }
            _ => break,
        }
        at += 1;
    }
    let mut rest = args.get(at..).unwrap_or_default().iter().cloned();
    if takes_text {
        match rest.next() {
            Some(Some(text)) => options.text = Some(text),
            _ => return unclear("the text that a shell is given with -c cannot be known by reading"),
        }
    }
    options.rest = rest.collect();
    Ok(options)
}

impl Shell<'_, '_> {
    /// The files that bash(1) and sh(1) read before the script, "INVOCATION".
    fn read_startup_files(&mut self, dialect: Dialect, login: bool) -> Result<(), Unclear> {
        if dialect == Dialect::Zsh {
            return self.no_files_of_zsh(login);
        }
        let home = match self.state.vars.get("HOME") {
            Some(Some(home)) => Some(PathBuf::from(home)),
            _ => None,
        };
        let own = |names: &[&str]| home.iter().flat_map(|home| names.iter().map(|name| home.join(name))).collect();
        let first_of: Vec<PathBuf> = match (login, dialect) {
            (true, Dialect::Bash) => own(&[".bash_profile", ".bash_login", ".profile"]),
            (true, _) => own(&[".profile"]),
            (false, Dialect::Bash) if self.state.interactive => own(&[".bashrc"]),
            _ => Vec::new(),
        };
        if login {
            self.read_leniently(&PathBuf::from("/etc/profile"))?;
        }
        for path in first_of {
            if self.tracer.host.stat(&path)?.is_some_and(|found| found.is_file()) {
                return self.read_leniently(&path);
            }
        }
        Ok(())
    }

    /// The files that zsh(1) reads before the script, "STARTUP/SHUTDOWN FILES", have a language of their own: that there
    /// are none is all that can be known of them.
    fn no_files_of_zsh(&self, login: bool) -> Result<(), Unclear> {
        if login || self.state.interactive {
            return unclear("zsh as a login shell or an interactive one reads files that cannot be followed");
        }
        let own = match (self.state.vars.get("ZDOTDIR"), self.state.vars.get("HOME")) {
            (Some(Some(dir)), _) | (None, Some(Some(dir))) => PathBuf::from(dir).join(".zshenv"),
            _ => return unclear("zsh reads `.zshenv` of a home that cannot be known by reading"),
        };
        for file in [PathBuf::from("/etc/zsh/zshenv"), PathBuf::from("/etc/zshenv"), own] {
            if self.tracer.host.stat(&file)?.is_some() {
                return unclear(format!("zsh reads {} first, which cannot be followed", file.display()));
            }
        }
        Ok(())
    }

    /// Reads a file for everybody: what it holds that cannot be followed makes variables unknown, and no more.
    fn read_leniently(&mut self, path: &std::path::Path) -> Result<(), Unclear> {
        if self.tracer.host.stat(path)?.is_none() {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.state.lenient, true);
        if self.read_in(path).is_err() {
            self.forget_everything();
        }
        self.state.lenient = before;
        Ok(())
    }
}
