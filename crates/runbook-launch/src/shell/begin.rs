//! How a shell begins: its options, the files that it reads first, and the script that it is given.

use super::state::{Flow, Shell, State, Truth};
use crate::tracer::Tracer;
use crate::{Launch, Unclear, Value, unclear};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the arguments of a shell say.
#[derive(Debug, Default)]
struct Options {
    login: bool,
    profile: bool,
    letters: BTreeSet<char>,
    /// The text behind `-c`.
    text: Option<String>,
    /// What is left: the script or `$0`, then its arguments.
    rest: Vec<Value>,
}

/// Which shell it is, for each reads other files first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The POSIX shell.
    Sh,
    Bash,
    /// bash that is called `sh`: it has its own variables, and reads the files of `sh`.
    BashAsSh,
}

/// Variables of the environment that change how a shell reads a script.
const CHANGING: &[&str] = &["BASH_ENV", "BASHOPTS", "CDPATH", "POSIXLY_CORRECT", "SHELLOPTS"];

/// What the script starts in the end.
pub(crate) fn run(tracer: &mut Tracer<'_>, launch: Launch, dialect: Dialect) -> Result<Launch, Unclear> {
    let options = read(&launch.args, dialect)?;
    let changing = |name: &&String| CHANGING.contains(&name.as_str()) || name.starts_with("BASH_FUNC_");
    if let Some(name) = launch.env.keys().find(changing) {
        return unclear(format!("the variable {name} changes how {} reads a script", launch.program));
    }
    let is_bash = dialect != Dialect::Sh;
    let found = tracer.find(&launch)?.to_string_lossy().into_owned();
    let mut rest = options.rest.into_iter();
    let zero = rest.next();
    let mut shell = Shell::new(
        tracer,
        State {
            exported: launch.env.keys().cloned().collect(),
            cwd: launch.cwd.clone(),
            zero: zero.clone().flatten().unwrap_or_else(|| launch.program.clone()),
            args: rest.collect(),
            account: launch.account,
            bash: is_bash.then_some(found),
            forgives: dialect == Dialect::Bash,
            options: options.letters,
            vars: launch.env,
            ..State::default()
        },
    );
    shell.own_variables(options.login)?;
    if options.login && options.profile {
        shell.read_startup_files(dialect)?;
    }
    let (name, flow) = match (options.text, zero) {
        (Some(text), _) => (format!("`{} -c`", launch.program), shell.script(&text)),
        (None, Some(Some(script))) => {
            let path = shell.tracer.named(&launch.cwd.join(&script))?;
            let text = shell.tracer.script(&path)?;
            if let Some(real) = shell.tracer.host.canonical(&path)? {
                shell.tracer.trail.reached.push(real);
            }
            shell.state.source = script;
            (path.display().to_string(), shell.script(&text))
        }
        (None, Some(None)) => return unclear("the script that a shell is given cannot be known by reading"),
        (None, None) => return unclear(format!("{} is given no script", launch.program)),
    };
    let started = match flow.map_err(|Unclear(why)| Unclear(format!("{name}, {why}")))? {
        Flow::End(started) => started,
        Flow::On(_) => shell.state.child.take(),
        Flow::Return(_) => return unclear(format!("{name} returns, and nothing has called it")),
    };
    started.map(|launch| *launch).ok_or_else(|| Unclear(format!("{name} starts nothing that could be a service")))
}

fn read(args: &[Value], dialect: Dialect) -> Result<Options, Unclear> {
    let mut options = Options { profile: true, ..Options::default() };
    let mut rest = args.iter();
    while let Some(arg) = rest.as_slice().first() {
        let Some(arg) = arg else { return unclear("an argument of a shell cannot be known by reading") };
        match arg.as_str() {
            "--" | "-" => {
                rest.next();
                break;
            }
            "--login" => options.login = true,
            "--noprofile" => options.profile = false,
            "--norc" => {}
            "-s" => return unclear("a shell reads its script from its input"),
            letters if letters.starts_with('-') => {
                let known: String = letters.chars().filter(|c| !"lc".contains(*c)).collect();
                options.login |= letters.contains('l');
                if letters.contains('c') {
                    options.letters.insert('c');
                }
                let name = if known.ends_with('o') { rest.as_slice().get(1).cloned().flatten() } else { None };
                if set_options(&mut options.letters, &known, name.as_deref(), dialect != Dialect::Sh).is_none() {
                    return unclear(format!("a shell is given {letters}, which is not followed by reading"));
                }
                if name.is_some() {
                    rest.next();
                }
            }
            _ => break,
        }
        rest.next();
    }
    if options.letters.contains(&'c') {
        match rest.next() {
            Some(Some(text)) => options.text = Some(text.clone()),
            _ => return unclear("the text that a shell is given with -c cannot be known by reading"),
        }
    }
    options.rest = rest.cloned().collect();
    Ok(options)
}

/// Turns on or off the options of a word such as `-eu` or `+x`; one that ends with `o` has a `name` behind it. `None` if
/// one of them is not known here.
pub(super) fn set_options(on: &mut BTreeSet<char>, word: &str, name: Option<&str>, is_bash: bool) -> Option<()> {
    let mut letters: Vec<char> = word.chars().skip(1).collect();
    if letters.last() == Some(&'o') {
        letters.pop();
        match name? {
            "errexit" => letters.push('e'),
            "nounset" => letters.push('u'),
            "allexport" => letters.push('a'),
            "xtrace" => letters.push('x'),
            // There are no pipes whose end could count.
            "pipefail" if is_bash => {}
            _ => return None,
        }
    }
    for letter in letters {
        match (word.starts_with('+'), "euax".contains(letter)) {
            (_, false) => return None,
            (false, true) => on.insert(letter),
            (true, true) => on.remove(&letter),
        };
    }
    Some(())
}

impl Shell<'_, '_> {
    /// The commands of `text`, line by line.
    pub(super) fn script(&mut self, text: &str) -> Result<Flow, Unclear> {
        let mut parser = super::cursor::Parser::new(text, 1);
        let mut truth = Truth::Yes;
        while let Some(commands) = parser.next_line()? {
            match self.list(&commands)? {
                Flow::On(next) => truth = next,
                other => return Ok(other),
            }
        }
        Ok(Flow::On(truth))
    }

    /// What a shell makes of its own variables before it reads anything.
    fn own_variables(&mut self, login: bool) -> Result<(), Unclear> {
        let is_root = self.state.account.uid == 0;
        let state = &mut self.state;
        state.vars.remove("IFS");
        if state.bash.is_some() {
            state.vars.retain(|name, _| !matches!(name.as_str(), "PS1" | "PS2"));
            if login && !state.vars.contains_key("HOME") {
                let home = state.account.home.as_ref().map(|home| home.to_string_lossy().into_owned());
                state.vars.insert("HOME".to_owned(), home);
            }
        } else {
            let prompt = if is_root { "# " } else { "$ " };
            state.vars.entry("PS1".to_owned()).or_insert_with(|| Some(prompt.to_owned()));
        }
        // Only a shell that is told so goes by a name that leads through links.
        let told = self.state.vars.remove("PWD").flatten();
        if told.is_none_or(|told| Path::new(&told) != self.state.cwd)
            && let Some(real) = self.tracer.host.canonical(&self.state.cwd)?
        {
            self.state.cwd = real;
        }
        Ok(())
    }

    /// The files that a login shell reads before the script (bash(1) and sh(1), "INVOCATION").
    fn read_startup_files(&mut self, dialect: Dialect) -> Result<(), Unclear> {
        let Some(home) = self.state.vars.get("HOME").cloned().flatten() else {
            return unclear("the home of a login shell cannot be known by reading");
        };
        let own: &[&str] = match dialect {
            Dialect::Bash => &[".bash_profile", ".bash_login", ".profile"],
            Dialect::Sh | Dialect::BashAsSh => &[".profile"],
        };
        let own = own.iter().map(|name| PathBuf::from(&home).join(name));
        for (nth, path) in std::iter::once(PathBuf::from("/etc/profile")).chain(own).enumerate() {
            if self.tracer.host.stat(&path)?.is_none() {
                continue;
            }
            match self.may(&path, 4)? {
                Truth::No => continue,
                Truth::Yes => {}
                Truth::Unknown => return unclear(format!("whether the service may read {}", path.display())),
            }
            match self.read_in(&path)? {
                Flow::End(_) => return unclear(format!("{} ends the shell", path.display())),
                Flow::On(_) | Flow::Return(_) => {}
            }
            // Of its own files it reads the first one alone.
            if nth > 0 {
                break;
            }
        }
        Ok(())
    }
}
