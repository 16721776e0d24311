//! A unit of systemd: the command as systemd itself has it, drop-ins and all, and what is in its control group.

use super::told::Told;
use crate::host::{Identity, Reader};
use crate::launch::{self, Account, Launch, Value};
use crate::systemd::{Definition, Unit, UnitState};
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What systemd goes by. A unit that is unknown, masked or broken is a failure.
pub(super) fn tell(host: &Reader, unit: &Unit) -> Result<Told, Failure> {
    let state = unit.runnable(host)?;
    if !unit.name.ends_with(".service") {
        return Err(Failure::refused(format!("{unit} executes nothing: only services do"))
            .hint("name the service that it starts"));
    }
    let property = |name: &str| state.properties.get(name).cloned().unwrap_or_default();
    let account = account(host, unit, &property("User"))?;
    let definition = unit.definition(host, &state);
    let deciding =
        definition.iter().flat_map(|one| one.environment_files.iter().map(|(path, _)| path.clone())).collect();
    let log = property("StandardOutput");
    let to_file = ["append:", "file:", "truncate:"].iter().find_map(|mode| log.strip_prefix(mode));
    let stale = "its files have changed since systemd read them: `systemctl daemon-reload` is pending";
    Ok(Told {
        title: unit.to_string(),
        launch: match &definition {
            Some(definition) => launch(host, unit, &state, definition, &account),
            None => Err(format!("{unit} has no ExecStart=")),
        },
        declared: definition.iter().flat_map(|one| std::iter::once(&one.program).chain(&one.args)).cloned().collect(),
        processes: processes(host, &state)?,
        files: state.fragment.iter().chain(&state.drop_ins).cloned().collect(),
        deciding,
        stale: state.needs_reload.then(|| stale.to_owned()),
        log: to_file.unwrap_or("journal").to_owned(),
        restart: property("Restart"),
        restarts: state.restarts,
        state: state.words(),
        account,
    })
}

fn account(host: &Reader, unit: &Unit, user: &str) -> Result<Account, Failure> {
    match (unit.user, user) {
        (true, "") => Account::named(host, &host.own_uid().to_string()),
        (false, "") => Account::named(host, "root"),
        (_, name) => Account::named(host, name),
    }
}

/// The main process first, then those in the control group in the order of their numbers.
fn processes(host: &Reader, state: &UnitState) -> Result<Vec<Identity>, Failure> {
    let all = host.processes_in_group(&state.control_group)?;
    let (main, others): (Vec<_>, Vec<_>) =
        all.into_iter().map(|process| process.identity).partition(|identity| Some(identity.pid) == state.main_pid);
    Ok(main.into_iter().chain(others).collect())
}

/// The command with its environment (systemd.exec(5), "Environment").
fn launch(
    host: &Reader,
    unit: &Unit,
    state: &UnitState,
    definition: &Definition,
    account: &Account,
) -> Result<Launch, String> {
    let property = |name: &str| state.properties.get(name).cloned().unwrap_or_default();
    for name in ["RootDirectory", "RootImage"] {
        let root = property(name);
        if !root.is_empty() && root != "/" {
            return Err(format!("{unit} runs below another root: {name}={root}"));
        }
    }
    let has = |flag: &str| definition.flags.iter().any(|found| found == flag);
    let as_root = has("privileged") || has("no-setuid") || has("ambient");
    let account =
        if as_root { Account::named(host, "root").map_err(|failure| failure.message)? } else { account.clone() };
    let env = environment(host, unit, &property("User"), definition, &account)?;
    let args: Vec<Value> = match has("no-env-expand") {
        true => definition.args.iter().cloned().map(Some).collect(),
        false => launch::expanded(&definition.args, &env),
    };
    let search = property("ExecSearchPath").replace(' ', ":");
    let program = match definition.program.contains('/') || search.is_empty() {
        true => definition.program.clone(),
        // A name without a path is looked for there, whatever PATH says.
        false => host
            .program_along(&definition.program, &search)
            .map_or_else(|| definition.program.clone(), |path| path.to_string_lossy().into_owned()),
    };
    let home = account.home.clone().unwrap_or_else(|| PathBuf::from("/"));
    let cwd = match property("WorkingDirectory").trim_start_matches(['!', '-']) {
        "" if unit.user => home,
        "" => PathBuf::from("/"),
        "~" => home,
        dir => PathBuf::from(dir),
    };
    Ok(Launch { program, args, cwd, env, account })
}

fn environment(
    host: &Reader,
    unit: &Unit,
    user: &str,
    definition: &Definition,
    account: &Account,
) -> Result<BTreeMap<String, Value>, String> {
    let mut env = BTreeMap::new();
    if unit.user || !user.is_empty() {
        let home = account.home.as_ref().map(|home| home.to_string_lossy().into_owned());
        env.insert("HOME".to_owned(), home);
        for name in ["USER", "LOGNAME"] {
            env.insert(name.to_owned(), Some(account.name.clone()));
        }
        env.insert("SHELL".to_owned(), account.shell.clone());
    }
    env.extend(launch::assignments(definition.environment.iter().map(String::as_str)));
    for (path, optional) in &definition.environment_files {
        let text = environment_text(host, path)?;
        match text {
            Some(text) => {
                let pairs = launch::environment_file(&text);
                env.extend(pairs.into_iter().map(|(name, value)| (name, Some(value))));
            }
            None if *optional => {}
            None => {
                return Err(format!(
                    "the file {} of EnvironmentFile= is not there, so {unit} cannot start",
                    path.display()
                ));
            }
        }
    }
    env.retain(|name, value| {
        let taken_out = |entry: &String| match entry.split_once('=') {
            Some((unset, text)) => unset == name && value.as_deref() == Some(text),
            None => entry == name,
        };
        !definition.unset.iter().any(taken_out)
    });
    Ok(env)
}

fn environment_text(host: &Reader, path: &Path) -> Result<Option<String>, String> {
    if path.to_string_lossy().contains(['*', '?', '[']) {
        return Err(format!("EnvironmentFile={} is a pattern", path.display()));
    }
    let bytes = host.read(path).map_err(|failure| failure.message)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
