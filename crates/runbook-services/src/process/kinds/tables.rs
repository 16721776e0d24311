//! The tables of `process.start`, `process.restart` and `process.stop`.

use super::params::{self, OUTPUTS};
use crate::managed::Motion;
use crate::process::Service;
use crate::steps::{ServiceKind, WATCH};
use runbook_step::{KindDoc, OutputDoc, Param, ParamType};

/// `process.start`: a service that runs under the embedded supervisor. Undo makes it run as before, or not at all.
pub const START: ServiceKind<Service> = ServiceKind::new(&START_DOC, Motion::Start);
/// `process.restart`: a service that runs what is on the disk now. Undo starts the old program, once it is put back.
pub const RESTART: ServiceKind<Service> = ServiceKind::new(&RESTART_DOC, Motion::Restart);
/// `process.stop`: a service that is down with all of its processes. Undo makes it run again as before.
pub const STOP: ServiceKind<Service> = ServiceKind::new(&STOP_DOC, Motion::Stop);

static START_DOC: KindDoc = KindDoc {
    name: "process.start",
    summary: "Starts a service on a host without an init system",
    text: "The service runs under a small supervisor in a session of its own; it outlives `runbook` and is started again \
         when it fails, ten times in five minutes at most. Its processes are known by number and start time, so a \
         reused number is never taken for it. The step fails, with the last lines of the log, when the service ends \
         or does not come up within `ready_within`; then nothing of it is left running. Without `ready_port` and \
         `ready_log` it has to stay up for a moment, which proves little: verify it with `verify.signals`. A service \
         that runs with exactly these parameters is left alone if it was started after everything that it executes was last \
         changed, and after what the plan changed before this step; else it is restarted. Undo makes it \
         run with the parameters that it had, or not at all. `env` is kept in the state directory in a file that only \
         its owner may read.",
    params: &[
        params::NAME,
        Param::required("run", ParamType::Argv, "The argument vector; it must stay in the foreground"),
        params::CWD,
        params::ENV,
        params::LOG,
        params::RESTART,
        params::READY_PORT,
        params::READY_LOG,
        params::READY_WITHIN,
        params::GRACE,
    ],
    outputs: OUTPUTS,
    example: "- id: start\n  uses: process.start\n  with:\n    name: gateway\n    run: [/srv/app/bin/gateway, --port, \"18789\"]\n    \
         cwd: /srv/app\n    ready_port: 18789\n",
};

static RESTART_DOC: KindDoc = KindDoc {
    name: "process.restart",
    summary: "Restarts a service of the embedded supervisor",
    text: "Brings the service down as `process.stop` does and up as `process.start` does, with the parameters that it \
         has; those that are given here replace them. There is nothing to do if the running process was started after \
         everything that it executes was last changed: its program, its script, the package that they belong to, and \
         the paths in `watch`. In a rollback the service is first brought down, and started again with its old \
         parameters when everything else is back.",
    params: &[
        params::NAME,
        Param::optional("run", ParamType::Argv, "The argument vector, if it changes"),
        params::CWD,
        params::ENV,
        params::LOG,
        params::RESTART,
        params::READY_PORT,
        params::READY_LOG,
        params::READY_WITHIN,
        params::GRACE,
        WATCH,
    ],
    outputs: OUTPUTS,
    example: "- id: restart\n  uses: process.restart\n  with:\n    name: gateway\n    watch: [/srv/app]\n",
};

static STOP_DOC: KindDoc = KindDoc {
    name: "process.stop",
    summary: "Brings a service of the embedded supervisor down",
    text: "TERM to the service's process group, KILL after the grace period that it was started with, and the step ends \
         only when none of its processes is left, those among them that put themselves in the background. If the \
         supervisor was killed, the processes are found by identity and by a mark in their environment. Undo makes the \
         service run again with the parameters that it had.",
    params: &[params::NAME],
    outputs: &[OutputDoc { name: "service", help: "name and state (`down`), a map" }],
    example: "- id: stop\n  uses: process.stop\n  with: { name: gateway }\n",
};
