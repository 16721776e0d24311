//! A unit of systemd: the command as systemd itself has it, drop-ins and all, and what is in its control group.

use super::service_facts::ServiceFacts;
use crate::{Launch, USUAL_PATH, Value};
use runbook_host::{Account, Identity, Reader};
use runbook_model::Failure;
use runbook_services::systemd::{Definition, Unit, UnitState, expanded};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What systemd goes by. A unit that is unknown, masked or broken is a failure.
pub(super) fn tell(host: &Reader, unit: &Unit) -> Result<ServiceFacts, Failure> {
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
    Ok(ServiceFacts {
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
        (true, "") => {
            let own = Account::named(host, &host.own_uid().to_string())?;
            Ok(Account { home: own.home.or_else(|| Some(host.home().to_owned())), ..own })
        }
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
    let account = if runs_as_root(definition) {
        Account::named(host, "root").map_err(|failure| failure.message)?
    } else {
        account.clone()
    };
    let env = environment(host, unit, &property("User"), definition, &account)?;
    let args: Vec<Value> = match has("no-env-expand") {
        true => definition.args.iter().cloned().map(Some).collect(),
        false => expanded(&definition.args, &env),
    };
    let program = program(host, &definition.program, &property("ExecSearchPath"))?;
    let home = || account.home.clone().ok_or_else(|| format!("this host knows no home of {}", account.name));
    let cwd = match property("WorkingDirectory").trim_start_matches(['!', '-']) {
        "" if unit.user => home()?,
        "" => PathBuf::from("/"),
        "~" => home()?,
        dir => PathBuf::from(dir),
    };
    Ok(Launch { program, args, cwd, env, account })
}

/// Whether `User=` does not count. `ambient` (`!!`) is as if it were not there, where the kernel has ambient capabilities.
pub(super) fn runs_as_root(definition: &Definition) -> bool {
    definition.flags.iter().any(|flag| flag == "privileged" || flag == "no-setuid")
}

/// The program as systemd finds it: a name without a path is looked for in `ExecSearchPath=`, else in a list that systemd
/// was built with, whatever `PATH` says (systemd.service(5), "Command lines").
pub(super) fn program(host: &Reader, name: &str, search: &str) -> Result<String, String> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let search = if search.is_empty() { USUAL_PATH.to_owned() } else { search.replace(' ', ":") };
    let found = host.program_along(name, &search).map(|path| path.to_string_lossy().into_owned());
    found.ok_or_else(|| {
        format!("systemd looks for `{name}` in {search} alone, and it is in none of them: write its path in ExecStart=")
    })
}

pub(super) fn environment(
    host: &Reader,
    unit: &Unit,
    user: &str,
    definition: &Definition,
    account: &Account,
) -> Result<BTreeMap<String, Value>, String> {
    let mut own = BTreeMap::new();
    let logs_in = unit.user || !user.is_empty();
    if logs_in {
        let home = account.home.as_ref().map(|home| home.to_string_lossy().into_owned());
        own.extend(home.map(|home| ("HOME".to_owned(), home)));
        own.extend(["USER", "LOGNAME"].map(|name| (name.to_owned(), account.name.clone())));
        own.extend(account.shell.clone().map(|shell| ("SHELL".to_owned(), shell)));
    }
    let known = unit.process_environment(host, definition, own).map_err(|failure| failure.message)?;
    let mut values: BTreeMap<String, Value> = known.into_iter().map(|(name, value)| (name, Some(value))).collect();
    // systemd may know more of the user than this host told, and sets it then.
    let missing = [("HOME", account.home.is_none()), ("SHELL", account.shell.is_none())];
    for (name, _) in missing.iter().filter(|(name, missing)| logs_in && *missing && !taken_out(definition, name)) {
        values.entry((*name).to_owned()).or_insert(None);
    }
    Ok(values)
}

/// Whether `UnsetEnvironment=` takes this variable out.
fn taken_out(definition: &Definition, name: &str) -> bool {
    definition.unset.iter().any(|entry| entry == name)
}
