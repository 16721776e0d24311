//! The state of a unit, from `systemctl show`, whose output is stable and meant for programs.

use super::Unit;
use runbook_host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::PathBuf;

const PROPERTIES: &[&str] = &[
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "MainPID",
    "ControlGroup",
    "InvocationID",
    "NRestarts",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "Type",
    "ExecStart",
    "User",
    "WorkingDirectory",
    "RootDirectory",
    "RootImage",
    "ExecSearchPath",
    "Restart",
    "Environment",
    "EnvironmentFiles",
    "UnsetEnvironment",
    "PrivateTmp",
    "JoinsNamespaceOf",
    "PrivateNetwork",
    "NetworkNamespacePath",
    "ExecMainStatus",
    "ExecMainCode",
    "RemainAfterExit",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "CanReload",
    "StateChangeTimestampMonotonic",
    "TriggeredBy",
    "UpheldBy",
    "BusName",
    "StandardOutput",
    "LogNamespace",
];

/// Whether systemd knows the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It is loaded.
    Loaded,
    /// There is no such unit.
    NotFound,
    /// It is masked.
    Masked,
    /// Its file is bad, or cannot be read.
    Broken,
}

/// What systemd says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitState {
    /// Whether it is known.
    pub load: Load,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active: String,
    /// `running`, `dead`, `auto-restart`, …
    pub sub: String,
    /// `success`, `exit-code`, `timeout`, `start-limit-hit`, …
    pub result: String,
    /// `enabled`, `disabled`, `static`, `masked`, …; empty if there is no file.
    pub file_state: String,
    /// Its main process; `None` if it has none now.
    pub main_pid: Option<u32>,
    /// Its control group, from the root of the hierarchy; empty if it has none now.
    pub control_group: String,
    /// Changes each time it is started; empty before the first time.
    pub invocation: String,
    /// How often systemd restarted it by itself.
    pub restarts: u32,
    /// The unit's file.
    pub fragment: Option<PathBuf>,
    /// Its drop-ins, in the order in which they are read.
    pub drop_ins: Vec<PathBuf>,
    /// Files have changed since systemd read them.
    pub needs_reload: bool,
    /// The programs of `ExecStart` with their arguments. Arguments with spaces are not told apart.
    pub exec_start: Vec<Vec<String>>,
    /// `PrivateTmp=` is on.
    pub private_tmp: bool,
    /// Every property as it was told, for what is needed in one place only.
    pub properties: BTreeMap<String, String>,
}

impl Unit {
    /// What systemd says of it now.
    pub fn state(&self, host: &Reader) -> Result<UnitState, Failure> {
        self.show(host, PROPERTIES, &[&self.name], &self.name).map(|text| UnitState::parse(&text))
    }

    /// These properties of units of its manager, one unit a block; of the manager itself where no unit is named.
    pub(crate) fn show(
        &self,
        host: &Reader,
        properties: &[&str],
        units: &[&str],
        about: &str,
    ) -> Result<String, Failure> {
        self.needs_systemd(host)?;
        let properties = format!("--property={}", properties.join(","));
        let output = host.ask(&self.systemctl_for(host, &["show", &properties], units))?;
        if output.status.success() {
            return Ok(output.text());
        }
        let message = format!("systemd cannot be asked about {about}: {}", output.ending());
        Err(Failure::failed(message).detail(output.tail()))
    }
}

/// The blocks that `systemctl show` printed, each as names and values in their order.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = Vec<(&str, &str)>> {
    text.split("\n\n").map(|block| block.lines().filter_map(|line| line.split_once('=')).collect())
}

impl UnitState {
    /// Reads what `systemctl show` printed.
    pub fn parse(text: &str) -> Self {
        let mut properties: BTreeMap<String, String> = BTreeMap::new();
        let mut exec_start = Vec::new();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            if name == "ExecStart" {
                exec_start.extend(executed(value));
            }
            properties.insert(name.to_owned(), value.to_owned());
        }
        let get = |name: &str| properties.get(name).cloned().unwrap_or_default();
        let load = match get("LoadState").as_str() {
            "loaded" | "merged" => Load::Loaded,
            "masked" => Load::Masked,
            "not-found" => Load::NotFound,
            _ => Load::Broken,
        };
        Self {
            load,
            active: get("ActiveState"),
            sub: get("SubState"),
            result: get("Result"),
            file_state: get("UnitFileState"),
            main_pid: get("MainPID").parse().ok().filter(|pid| *pid != 0),
            control_group: get("ControlGroup"),
            invocation: get("InvocationID"),
            restarts: get("NRestarts").parse().unwrap_or(0),
            fragment: Some(get("FragmentPath")).filter(|path| !path.is_empty()).map(PathBuf::from),
            drop_ins: get("DropInPaths").split_whitespace().map(PathBuf::from).collect(),
            needs_reload: get("NeedDaemonReload") == "yes",
            exec_start,
            private_tmp: get("PrivateTmp") == "yes",
            properties,
        }
    }

    /// Whether systemd has brought it up: a unit that reloads runs on.
    pub fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// Whether it runs, or is about to.
    pub fn is_up(&self) -> bool {
        is_up(&self.active)
    }
}

/// The same by systemd's word for it.
pub(super) fn is_up(active: &str) -> bool {
    matches!(active, "active" | "activating" | "reloading")
}

/// `{ path=/usr/bin/node ; argv[]=/usr/bin/node app.js ; ignore_errors=no ; … }`
fn executed(value: &str) -> Option<Vec<String>> {
    let (_, after) = value.split_once("argv[]=")?;
    let argv = after.split_once(" ; ignore_errors=").map_or(after, |(argv, _)| argv);
    let (_, path) = value.split_once("path=")?;
    let path = path.split_once(" ;").map_or(path, |(path, _)| path);
    Some(std::iter::once(path).chain(argv.split_whitespace().skip(1)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_shows_is_read() {
        let state = UnitState::parse(
            "Type=simple\nResult=success\nNRestarts=2\nMainPID=412\nExecStart={ path=/usr/bin/node ; argv[]=/usr/bin/node \
             /opt/a/index.js --port 1 ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n\
             LoadState=loaded\nActiveState=active\nSubState=running\nFragmentPath=/etc/systemd/system/a.service\n\
             DropInPaths=/etc/systemd/system/a.service.d/1.conf /run/systemd/system/a.service.d/2.conf\nUnitFileState=enabled\n\
             NeedDaemonReload=no\nInvocationID=0123\nControlGroup=/system.slice/a.service\nPrivateTmp=yes\n",
        );
        assert_eq!((state.load, state.main_pid, state.restarts, state.is_up()), (Load::Loaded, Some(412), 2, true));
        assert_eq!(state.exec_start, [["/usr/bin/node", "/opt/a/index.js", "--port", "1"]]);
        assert_eq!(
            (state.drop_ins.len(), state.private_tmp, state.control_group.as_str()),
            (2, true, "/system.slice/a.service")
        );
        let unknown = UnitState::parse("LoadState=not-found\nActiveState=inactive\nMainPID=0\n");
        assert_eq!((unknown.load, unknown.main_pid, unknown.is_up()), (Load::NotFound, None, false));
    }

    #[test]
    fn a_name_without_a_suffix_is_a_service() {
        assert_eq!(Unit::named("a", false).name, "a.service");
        assert_eq!(Unit::named("a.timer", false).name, "a.timer");
        assert!(
            Unit::is_name("openclaw@1.service") && !Unit::is_name("../a") && !Unit::is_name("") && !Unit::is_name("-a")
        );
    }
}
