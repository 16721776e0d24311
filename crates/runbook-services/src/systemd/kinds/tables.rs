//! The tables of `systemd.start`, `systemd.restart` and `systemd.stop`.

use super::params::{self, OUTPUTS};
use crate::managed::Motion;
use crate::steps::{ServiceKind, WATCH};
use crate::systemd::Unit;
use runbook_step::{KindDoc, OutputDoc};

/// `systemd.start`: a unit that is up and stays up. Undo makes it run as before, or not at all.
pub const START: ServiceKind<Unit> = ServiceKind::new(&START_DOC, Motion::Start);
/// `systemd.restart`: a unit that runs what is on the disk now. Undo starts the old program, once it is put back.
pub const RESTART: ServiceKind<Unit> = ServiceKind::new(&RESTART_DOC, Motion::Restart);
/// `systemd.stop`: a unit that is down with every process of its control group. Undo makes it run again as before.
pub const STOP: ServiceKind<Unit> = ServiceKind::new(&STOP_DOC, Motion::Stop);

static START_DOC: KindDoc = KindDoc {
    name: "systemd.start",
    summary: "Starts a unit of systemd",
    text: "systemd is asked for a job over D-Bus, and the job's own result is waited for; where there is no bus, \
         `systemctl` waits for it. Then the unit has to be active, and for as long as `settle` its main process has to \
         stay the same and systemd must not start it again by itself: a `Type=simple` service counts as started for \
         systemd when it has only been forked. A command (`Type=oneshot`) has to end well. If it does not, the failure \
         tells systemd's result, the exit status and the last lines that the journal has of that invocation. A unit \
         that is up is left alone if it runs what is on the disk, which is judged as with `systemd.restart`; one that is older \
         than what the plan changed before this step, or that somebody else started after the plan had stopped it, is restarted. \
         Sockets, timers and paths that a `systemd.stop` of the run took down come up with it. Undo stops a unit that was \
         down; what it pulled in by `Requires=` or `Wants=` stays up.",
    params: &[params::UNIT, params::USER, params::SETTLE, params::LEAVE_PROCESSES],
    outputs: OUTPUTS,
    example: "- id: start\n  uses: systemd.start\n  with: { unit: gateway.service }\n",
};

static RESTART_DOC: KindDoc = KindDoc {
    name: "systemd.restart",
    summary: "Restarts a unit of systemd",
    text: "One job brings the unit down and up, with the units that go down with it; it is up as with `systemd.start`, \
         and no process of before may be left. There is nothing to do if its main process was started after everything \
         that it executes was last changed: the programs and scripts of ExecStart=, the packages that they belong to, \
         the unit's own files, its environment files, and the paths in `watch`. A unit that is down is started; one \
         without a main process is always restarted. In a rollback it is first stopped, and started again when \
         everything else is back.",
    params: &[params::UNIT, params::USER, params::SETTLE, params::LEAVE_PROCESSES, WATCH],
    outputs: OUTPUTS,
    example: "- id: restart\n  uses: systemd.restart\n  with:\n    unit: gateway.service\n    watch: [/srv/app]\n",
};

static STOP_DOC: KindDoc = KindDoc {
    name: "systemd.stop",
    summary: "Stops a unit of systemd, with every process of it",
    text: "It is done when systemd's job is done, the unit is down and its control group is empty. What stays behind, \
         as it does with `KillMode=process`, is named by number and command, and the step fails; `leave_processes` \
         is for units that mean it so. A unit that is not on the host is down. Sockets, timers and paths that start it and are \
         active are stopped before it, units that need it go down with it: the prediction names them. Until the plan starts \
         it again, and otherwise until the run is over, nobody else can, be it over the bus or from a cron job: a drop-in below \
         /run asserts that this `runbook` has ended. What a plan stops and does not start is down at its end, and then anybody \
         may start it; how it is then is read and told. A unit that runs and is masked is refused: nothing could bring it \
         back. Undo starts it again if it was up, after its start limit was reset, and with it all that went \
         down.",
    params: &[params::UNIT, params::USER, params::LEAVE_PROCESSES],
    outputs: &[
        OutputDoc { name: "unit", help: "its whole name, text" },
        OutputDoc { name: "service", help: "name and state (`down`), a map" },
    ],
    example: "- id: stop\n  uses: systemd.stop\n  with: { unit: gateway.service }\n",
};
