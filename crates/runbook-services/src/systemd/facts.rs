//! What the next start of a unit executes: the command as systemd itself has it, drop-ins and all, and what is in its control group.

use super::words::expanded;
use super::{Definition, Unit, UnitState};
use crate::facts::{Launch, ServiceFacts, Value};
use crate::observed::Inspected;
use runbook_host::{Account, Identity, Reader};
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where systemd looks for a name; also where programs do that have no `PATH` (systemd.exec(5)).
pub const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Inspected for Unit {
    /// What systemd goes by. A unit that is unknown, masked or broken is a failure.
    fn facts(&self, host: &Reader) -> Result<ServiceFacts, Failure> {
        let unit = self;
        let state = unit.runnable(host)?;
        if !unit.name.ends_with(".service") {
            return Err(Failure::refused(format!("{unit} executes nothing: only services do"))
                .hint("name the service that it starts"));
        }
        let property = |name: &str| state.get(name).to_owned();
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
            declared: definition.iter().flat_map(|it| [&it.program].into_iter().chain(&it.args)).cloned().collect(),
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
    let property = |name: &str| state.get(name).to_owned();
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
fn runs_as_root(definition: &Definition) -> bool {
    definition.flags.iter().any(|flag| flag == "privileged" || flag == "no-setuid")
}

/// The program as systemd finds it: a name without a path is looked for in `ExecSearchPath=`, else in a list that systemd
/// was built with, whatever `PATH` says (systemd.service(5), "Command lines").
fn program(host: &Reader, name: &str, search: &str) -> Result<String, String> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let search = if search.is_empty() { USUAL_PATH.to_owned() } else { search.replace(' ', ":") };
    let found = host.program_along(name, &search).map(|path| path.to_string_lossy().into_owned());
    found.ok_or_else(|| {
        format!("systemd looks for `{name}` in {search} alone, and it is in none of them: write its path in ExecStart=")
    })
}

fn environment(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_looks_for_a_name_in_its_own_list() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let gateway = dir.path().join("gateway");
        std::fs::write(&gateway, "\u{7f}ELF").unwrap();
        std::fs::set_permissions(&gateway, std::fs::Permissions::from_mode(0o755)).unwrap();
        let reader = Reader::new("/nowhere", "/nowhere");
        let found = |name: &str, search: &str| program(&reader, name, search);
        let tools = dir.path().display().to_string();
        assert_eq!(found("gateway", &format!("/nowhere {tools}")), Ok(format!("{tools}/gateway")));
        assert_eq!(found("/opt/x", ""), Ok("/opt/x".to_owned()));
        assert!(found("sh", "").unwrap().ends_with("/bin/sh"));
        assert!(found("no-such-gateway", "").unwrap_err().contains("/usr/local/sbin:/usr/local/bin"));
    }

    #[test]
    fn what_is_not_known_of_a_user_of_a_unit_is_unknown() {
        let reader = Reader::new("/nowhere", "/nowhere");
        let unit = Unit::named("openclaw.service", false);
        let account = Account { name: "directory-user".to_owned(), uid: u32::MAX, ..Account::default() };
        let mut definition = Definition::default();
        let known = environment(&reader, &unit, "directory-user", &definition, &account).unwrap();
        assert_eq!((known.get("HOME"), known.get("SHELL")), (Some(&None), Some(&None)));
        definition.unset = vec!["HOME".to_owned()];
        definition.environment = vec!["SHELL=/bin/sh".to_owned()];
        let known = environment(&reader, &unit, "directory-user", &definition, &account).unwrap();
        assert_eq!((known.get("HOME"), known.get("SHELL")), (None, Some(&Some("/bin/sh".to_owned()))));
        // As root run `+` and `!`, not `!!`.
        for (flag, as_root) in [("privileged", true), ("no-setuid", true), ("ambient", false)] {
            definition.flags = vec![flag.to_owned()];
            assert_eq!(runs_as_root(&definition), as_root, "{flag}");
        }
    }
}
