//! Programs that prepare something and then become another program: `env`, `nice`, `runuser` and their like.

use super::{Launch, Unclear, Value, unclear};
use runbook_host::{Account, Reader};
use std::path::Path;

/// How a program takes its options before the command that it starts.
struct Form {
    name: &'static str,
    /// Letters of short options whose value may be the next word.
    short: &'static str,
    /// Long options whose value may be the next word.
    long: &'static [&'static str],
    /// How many words stand between the options and the command.
    words: usize,
}

const fn form(name: &'static str, short: &'static str, long: &'static [&'static str], words: usize) -> Form {
    Form { name, short, long, words }
}

/// From their manual pages.
const FORMS: &[Form] = &[
    form("nice", "n", &["--adjustment"], 0),
    form("ionice", "cn", &["--class", "--classdata"], 0),
    form("chrt", "TPD", &["--sched-runtime", "--sched-period", "--sched-deadline"], 1),
    form("taskset", "", &[], 1),
    form("setsid", "", &[], 0),
    form("nohup", "", &[], 0),
    form("stdbuf", "ioe", &["--input", "--output", "--error"], 0),
    form("timeout", "ks", &["--kill-after", "--signal"], 1),
    form("flock", "wE", &["--wait", "--timeout", "--conflict-exit-code"], 1),
    form("prlimit", "", &[], 0),
    form("numactl", "imNClp", &[], 0),
    form("dumb-init", "r", &["--rewrite"], 0),
    form("tini", "pe", &[], 0),
    form("catatonit", "", &[], 0),
    form("systemd-cat", "tp", &["--identifier", "--priority", "--stderr-priority", "--level-prefix", "--namespace"], 0),
    form("time", "fo", &["--format", "--output"], 0),
    form("unbuffer", "", &[], 0),
    form("gosu", "", &[], 1),
    form("su-exec", "", &[], 1),
    form("setuidgid", "", &[], 1),
    form("setpriv", "", SETPRIV, 0),
    form("runuser", "ugGs", &["--user", "--group", "--supp-group", "--shell"], 0),
    form("sudo", "ugpCDhRTrtU", &["--user", "--group", "--chdir", "--host", "--chroot"], 0),
];
const SETPRIV: &[&str] = &[
    "--reuid",
    "--ruid",
    "--euid",
    "--regid",
    "--rgid",
    "--egid",
    "--groups",
    "--inh-caps",
    "--ambient-caps",
    "--bounding-set",
    "--securebits",
    "--pdeathsig",
    "--selinux-label",
    "--apparmor-profile",
];
/// Programs behind which the files are others, or which decide by themselves what they start.
const OPAQUE: &[(&str, &str)] = &[
    ("chroot", "runs it below another root directory"),
    ("unshare", "gives it other mounts"),
    ("nsenter", "runs it in the namespaces of another process"),
    ("bwrap", "gives it other mounts"),
    ("docker", "runs it in a container"),
    ("podman", "runs it in a container"),
    ("systemd-run", "lets systemd start it as another unit"),
    ("npm", "reads in some package.json what it starts"),
    ("npx", "looks for a package or downloads it"),
    ("pnpm", "reads in some package.json what it starts"),
    ("yarn", "reads in some package.json what it starts"),
    ("corepack", "looks for a package manager or downloads it"),
    ("su", "reads the files of a login shell"),
];

/// What the program called `name` starts; `None` if it is none of these.
pub(super) fn inner(host: &Reader, name: &str, launch: &Launch) -> Result<Option<Launch>, Unclear> {
    if name == "env" {
        return env(launch).map(Some);
    }
    if let Some((_, why)) = OPAQUE.iter().find(|(opaque, _)| *opaque == name) {
        return unclear(format!("{name} {why}"));
    }
    let Some(form) = FORMS.iter().find(|form| form.name == name) else { return Ok(None) };
    let behind = behind(form, &launch.args)?;
    let mut next = launch.clone();
    let has = |option: &str| launch.args.iter().take(behind).flatten().any(|arg| arg == option);
    let resets = name == "setpriv" && has("--reset-env");
    // What sudo keeps of the environment is in its own configuration.
    if name == "sudo" || resets {
        next.env.values_mut().for_each(|value| *value = None);
        next.env.insert("PATH".to_owned(), None);
    }
    if let Some(user) = user(form.name, &launch.args, behind)? {
        next.account = Account::named(host, &user)?;
        // The small ones have their own way each: `setpriv` and `setuidgid` leave HOME as it is.
        if resets || !matches!(name, "setpriv" | "setuidgid") {
            set_home(&mut next);
        }
        if name == "sudo" && (has("-E") || has("--preserve-env")) {
            next.env.insert("HOME".to_owned(), None);
        }
        // A number (`-u '#1000'`) is no name.
        if name == "sudo" {
            let user = Some(user).filter(|user| !user.starts_with('#'));
            next.env.extend(["USER", "LOGNAME"].map(|variable| (variable.to_owned(), user.clone())));
        }
    }
    let mut rest = launch.args.get(behind..).unwrap_or_default();
    while let [Some(pair), others @ ..] = rest
        && name == "sudo"
        && pair.contains('=')
    {
        assign(&mut next, pair);
        rest = others;
    }
    start(name, next, rest).map(Some)
}

fn start(name: &str, launch: Launch, command: &[Value]) -> Result<Launch, Unclear> {
    match command.split_first() {
        Some((Some(program), args)) => Ok(Launch { program: program.clone(), args: args.to_vec(), ..launch }),
        Some((None, _)) => unclear(format!("the program that {name} starts cannot be known by reading")),
        None => unclear(format!("{name} is given no program")),
    }
}

/// The place of the command among the arguments.
fn behind(form: &Form, args: &[Value]) -> Result<usize, Unclear> {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        let Some(arg) = arg else { return unclear(format!("an option of {} cannot be known by reading", form.name)) };
        if arg == "--" {
            at += 1;
            break;
        }
        if !arg.starts_with('-') {
            break;
        }
        let short = arg.strip_prefix('-').filter(|rest| rest.len() == 1 && !rest.starts_with('-'));
        let takes_next = short.is_some_and(|letter| form.short.contains(letter)) || form.long.contains(&arg.as_str());
        at += if takes_next { 2 } else { 1 };
    }
    Ok(at + form.words)
}

/// The user that the program changes to.
fn user(name: &str, args: &[Value], behind: usize) -> Result<Option<String>, Unclear> {
    let options: &[&str] = match name {
        "gosu" | "su-exec" | "setuidgid" => {
            let word = behind.checked_sub(1).and_then(|at| args.get(at)).cloned().flatten();
            return Ok(word.map(|word| word.split(':').next().unwrap_or_default().to_owned()));
        }
        "setpriv" => &["--reuid"],
        "runuser" | "sudo" => &["-u", "--user"],
        _ => return Ok(None),
    };
    let mut words = args.iter().take(behind);
    while let Some(word) = words.next() {
        let Some(word) = word else { continue };
        if options.contains(&word.as_str()) {
            return Ok(words.next().cloned().flatten());
        }
        if let Some((option, value)) = word.split_once('=')
            && options.contains(&option)
        {
            return Ok(Some(value.to_owned()));
        }
    }
    match name {
        "sudo" => Ok(Some("root".to_owned())),
        "runuser" => unclear("runuser without -u reads the files of a shell"),
        _ => Ok(None),
    }
}

fn set_home(launch: &mut Launch) {
    let home = launch.account.home.as_ref().map(|home| home.to_string_lossy().into_owned());
    launch.env.insert("HOME".to_owned(), home);
}

fn assign(launch: &mut Launch, pair: &str) {
    if let Some((name, value)) = pair.split_once('=') {
        launch.env.insert(name.to_owned(), Some(value.to_owned()));
    }
}

/// env(1): options, assignments, then the command.
fn env(launch: &Launch) -> Result<Launch, Unclear> {
    let mut next = launch.clone();
    let mut words: Vec<Value> = launch.args.clone();
    words.reverse();
    while let Some(word) = words.pop() {
        let Some(word) = word else { return unclear("an argument of env cannot be known by reading") };
        let (option, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        match option {
            "-i" | "-" | "--ignore-environment" => next.env.clear(),
            "-u" | "--unset" | "-C" | "--chdir" => {
                let Some(value) = value.map(str::to_owned).or_else(|| words.pop().flatten()) else {
                    return unclear(format!("env is given {option} without a value that could be known"));
                };
                match option {
                    "-u" | "--unset" => drop(next.env.remove(&value)),
                    _ => next.cwd = runbook_step::normalise(&next.cwd.join(Path::new(&value))),
                }
            }
            "-S" | "--split-string" => {
                let Some(text) = value.map(str::to_owned).or_else(|| words.pop().flatten()) else {
                    return unclear("env is given -S without a text");
                };
                words.extend(text.split_whitespace().rev().map(|word| Some(word.to_owned())));
            }
            // As in a `#!` line, where all of it is one word.
            _ if word.starts_with("-S") => {
                words.extend(word.trim_start_matches("-S").split_whitespace().rev().map(|word| Some(word.to_owned())));
            }
            "--" => {}
            _ if word.starts_with('-') => {}
            _ if word.contains('=') => assign(&mut next, &word),
            _ => {
                words.reverse();
                return Ok(Launch { program: word, args: words, ..next });
            }
        }
    }
    unclear("env is given no program")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn launch(line: &str) -> Launch {
        let mut words = line.split_whitespace().map(str::to_owned);
        Launch {
            program: words.next().unwrap(),
            args: words.map(Some).collect(),
            cwd: "/".into(),
            env: BTreeMap::from([("PATH".to_owned(), Some("/bin".to_owned()))]),
            account: Account::default(),
        }
    }

    #[test]
    fn the_command_is_found_behind_options() {
        let reader = Reader::new("/nowhere", "/nowhere");
        for (line, wanted) in [
            ("env node a.js", "node a.js"),
            ("env -i A=b -u C -C /srv node a.js", "node a.js"),
            ("env -S node --flag a.js", "node --flag a.js"),
            ("env -- A=b node", "node"),
            ("nice -n 5 node a.js", "node a.js"),
            ("nice -5 node", "node"),
            ("ionice -c2 -n 7 node", "node"),
            ("timeout -k 5 --signal=TERM 1h node a", "node a"),
            ("setpriv --reuid=0 --clear-groups --regid 0 node a", "node a"),
            ("runuser -u root -- node a", "node a"),
            ("sudo -E -u root A=b node a", "node a"),
            ("tini -g -- node a", "node a"),
            ("taskset -c 0,1 node", "node"),
            ("gosu root node", "node"),
            ("env", "?"),
            ("env -u", "?"),
            ("nice -n", "?"),
            ("chroot /x node", "?"),
            ("npx openclaw", "?"),
            ("su op -c node", "?"),
            ("runuser - op", "?"),
        ] {
            let launch = launch(line);
            let found = match inner(&reader, &launch.program.clone(), &launch) {
                Ok(Some(next)) => {
                    let args: Vec<String> = next.args.into_iter().flatten().collect();
                    format!("{} {}", next.program, args.join(" ")).trim().to_owned()
                }
                Ok(None) => "none".to_owned(),
                Err(_) => "?".to_owned(),
            };
            assert_eq!(found, wanted, "{line}");
        }
        let next = inner(&reader, "env", &launch("env -i A=b -C /srv node")).unwrap().unwrap();
        assert_eq!(next.env, BTreeMap::from([("A".to_owned(), Some("b".to_owned()))]));
        assert_eq!(next.cwd, Path::new("/srv"));
        let homes = |line: &str| {
            let mut launch = launch(line);
            launch.env.extend(
                [("HOME", "/srv"), ("SECRET", "x")].map(|(name, value)| (name.to_owned(), Some(value.to_owned()))),
            );
            let next = inner(&reader, &launch.program.clone(), &launch).unwrap().unwrap();
            ["HOME", "SECRET", "USER"].map(|name| next.env.get(name).cloned())
        };
        let some = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(homes("sudo -u root node"), [some("/root"), Some(None), some("root")]);
        assert_eq!(homes("sudo -E node"), [Some(None), Some(None), some("root")]);
        assert_eq!(homes("setpriv --reuid=0 node"), [some("/srv"), some("x"), None]);
        assert_eq!(homes("setpriv --reset-env --reuid=0 node"), [some("/root"), Some(None), None]);
        assert_eq!(homes("setuidgid root node"), [some("/srv"), some("x"), None]);
        assert_eq!(homes("gosu root node"), [some("/root"), some("x"), None]);
        let next = inner(&reader, "runuser", &launch("runuser -u root -- node")).unwrap().unwrap();
        assert_eq!((next.account.uid, next.env["HOME"].as_deref()), (0, Some("/root")));
    }
}
