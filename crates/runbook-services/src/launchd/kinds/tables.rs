//! The tables of `launchd.bootstrap`, `launchd.kickstart` and `launchd.bootout`.

use super::params::{self, OUTPUTS};
use crate::launchd::Job;
use crate::managed::Motion;
use crate::steps::{ServiceKind, WATCH};
use runbook_step::KindDoc;

/// `launchd.bootstrap`: a job that is loaded, and runs if its property list says so. Undo ends it again.
pub const BOOTSTRAP: ServiceKind<Job> = ServiceKind::new(&BOOTSTRAP_DOC, Motion::Start);
/// `launchd.kickstart`: a job that runs what is on the disk now. Undo starts the old program, once it is put back.
pub const KICKSTART: ServiceKind<Job> = ServiceKind::new(&KICKSTART_DOC, Motion::Restart);
/// `launchd.bootout`: a job that launchd has forgotten, with every process that it started. Undo loads it again.
pub const BOOTOUT: ServiceKind<Job> = ServiceKind::new(&BOOTOUT_DOC, Motion::Stop);

static BOOTSTRAP_DOC: KindDoc = KindDoc {
    name: "launchd.bootstrap",
    summary: "Loads a job of launchd, and starts it if its property list says so",
    text: "It is done when launchd has the job and, with `RunAtLoad` or `KeepAlive`, a process of it has stayed the same for \
         as long as `settle`, or it is a command that ended well and is not always \
         started again. launchd refuses a label for some seconds after its \
         job was ended; that is waited for. Where a domain holds the start back, the job is started with `kickstart`. If \
         it does not stay up, the failure tells how it ended and the last lines of its output files. There is nothing to \
         do if it is loaded as its property list says. One that was loaded from something else is refused: \
         launchd reads a property list only when it loads it, so `launchd.bootout` has to come first. One that is \
         disabled is refused as well. One whose process is older than what it executes, or than what the plan changed before this \
         step, is restarted. Undo ends a job that was not loaded.",
    params: &[params::LABEL, params::DOMAIN, params::PLIST, params::SETTLE],
    outputs: OUTPUTS,
    example: "- id: start\n  uses: launchd.bootstrap\n  with: { label: com.example.gateway, domain: gui/501 }\n",
};

static KICKSTART_DOC: KindDoc = KindDoc {
    name: "launchd.kickstart",
    summary: "Restarts a job of launchd",
    text: "`launchctl kickstart -k` ends the process and starts it anew; it is up as with `launchd.bootstrap`, and no \
         process of before may be left. There is nothing to do if its process was started after everything that it \
         executes was last changed: its program and script, the package that they belong to, and the paths in `watch`. The job has to be loaded; if \
         its property list was changed since, the step is refused: a restart does not read it, `launchd.bootout` and \
         `launchd.bootstrap` do. A program that is replaced by a plan should be down meanwhile, with the same two: between \
         a restart and the moment before it, launchd may start whatever is there. In a rollback the job is first ended, so \
         that launchd does not start it by itself, and loaded again when everything else is back.",
    params: &[params::LABEL, params::DOMAIN, params::SETTLE, params::LEAVE_PROCESSES, WATCH],
    outputs: OUTPUTS,
    example: "- id: restart\n  uses: launchd.kickstart\n  with:\n    label: com.example.gateway\n    domain: gui/501\n    watch: [/srv/app]\n",
};

static BOOTOUT_DOC: KindDoc = KindDoc {
    name: "launchd.bootout",
    summary: "Ends a job of launchd and makes launchd forget it",
    text: "This is how a job with `KeepAlive` is brought down: one that is only killed is started again by launchd, with \
         whatever program is on the disk at that moment. `launchctl bootout` may come back while the job still ends; \
         it is done when launchd does not know the job any more and every process that it had is gone. What stays behind \
         is named by number and command, and the step fails; `leave_processes` is for jobs that mean it so. A job that is \
         not loaded is down. One that could not be loaded again, since its property list is gone, is refused. Whether it \
         is loaded at the next login or boot is another matter: that is `launchd.disable`. Undo loads it again from the \
         property list that it was loaded from, and starts it if it ran.",
    params: &[params::LABEL, params::DOMAIN, params::LEAVE_PROCESSES],
    outputs: OUTPUTS,
    example: "- id: stop\n  uses: launchd.bootout\n  with: { label: com.example.gateway, domain: gui/501 }\n",
};
