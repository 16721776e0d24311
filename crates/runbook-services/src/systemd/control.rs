//! Bringing a unit up and down, and believing it only when the unit and its processes show it.

use super::{JobResult, Load, Unit, UnitState, Verb};
use crate::manner::Manner;
use crate::waits;
use runbook_host::{Host, Process, Reader};
use runbook_model::Failure;
use runbook_step::Lack;
use std::time::Duration;

/// How long a process that was killed may take to leave its control group.
const LEAVES: Duration = Duration::from_secs(2);

/// A job that is over.
struct Asked {
    verb: Verb,
    result: JobResult,
    /// When it was asked for, in milliseconds since 1970.
    since: i64,
}

impl Unit {
    /// Its state, if systemd can run it; else why not, and what to do.
    pub fn runnable(&self, host: &Reader) -> Result<UnitState, Failure> {
        if self.is_template() {
            return Err(Failure::refused(format!("{self} is a template, which does not run itself"))
                .hint("name an instance of it, such as `name@instance.service`"));
        }
        let state = self.state(host)?;
        match state.load {
            Load::Loaded => Ok(state),
            Load::NotFound => {
                Err(Failure::missing(format!("there is no unit {self} on this host")).hint(self.correct_the_name()))
            }
            Load::Masked => Err(Failure::refused(format!("{self} is masked, so nothing may start it"))
                .hint(format!("`systemctl unmask {self}` lifts the mask, if it is not there for a reason"))),
            Load::Broken => Err(Failure::failed(format!("systemd cannot load {self}: {}", state.get("LoadState")))
                .hint(format!("`systemctl status {self}` says what is wrong with its file"))),
        }
    }

    /// What keeps systemd from running it at all; `failed` is what a probe of it failed with.
    pub fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        let why = failed.and_then(|_| self.runnable(host).err());
        why.into_iter().map(|why| Lack::new(why, self.definitions(host.home())).of_installed()).collect()
    }

    /// Brings it up and waits until it stays up.
    pub fn start(&self, host: &Host, manner: Manner) -> Result<UnitState, Failure> {
        self.runnable(host)?;
        let asked = self.ask_for(host, Verb::Start)?;
        self.stays_up(host, &asked, manner.settle)
    }

    /// Brings it down and up in one job, so that units that go down with it come up with it. Nothing of what ran
    /// before may be left.
    pub fn restart(&self, host: &Host, manner: Manner) -> Result<UnitState, Failure> {
        let before = self.runnable(host)?;
        let old = host.processes_in_group(&before.control_group)?;
        let asked = self.ask_for(host, Verb::Restart)?;
        let state = self.stays_up(host, &asked, manner.settle)?;
        if !manner.leave_processes {
            self.all_gone(host, &old)?;
        }
        Ok(state)
    }

    /// Brings it down, with every process in its control group. Whether there was anything to bring down.
    pub fn stop(&self, host: &Host, manner: Manner) -> Result<bool, Failure> {
        let before = self.state(host)?;
        let members = host.processes_in_group(&before.control_group)?;
        if before.load == Load::NotFound || (before.is_down() && members.is_empty()) {
            return Ok(false);
        }
        let asked = self.ask_for(host, Verb::Stop)?;
        let after = self.state(host)?;
        if !after.is_down() {
            let what = format!("{self} is {} after the job to stop it {}", after.active, asked.result.words());
            return Err(self.explained(host, &after, asked.since, &what).hint(self.who_starts_it(&after)));
        }
        if !manner.leave_processes {
            self.all_gone(host, &members)?;
            self.all_gone(host, &host.processes_in_group(&before.control_group)?)?;
        }
        Ok(true)
    }

    /// Asks its process to read its configuration again. It must be up.
    pub fn reload(&self, host: &Host, manner: Manner) -> Result<UnitState, Failure> {
        let before = self.runnable(host)?;
        let refused = |why: &str| {
            let hint = "use `systemd.restart` or `systemd.start`, or give the unit an ExecReload=";
            Err(Failure::refused(format!("{self} cannot be reloaded: {why}")).hint(hint))
        };
        if before.active != "active" {
            return refused(&format!("it is {}", before.active));
        }
        if before.get("CanReload") != "yes" {
            return refused("it has no ExecReload=, and its Type= has no way to reload");
        }
        let asked = self.ask_for(host, Verb::Reload)?;
        let state = self.stays_up(host, &asked, manner.settle)?;
        if state.main_pid != before.main_pid {
            let what = format!("{self} did not survive the reload: its main process is another one");
            return Err(self.explained(host, &state, asked.since, &what));
        }
        Ok(state)
    }

    /// Lets systemd forget that it failed, and how often it was started.
    pub fn reset_failed(&self, host: &Host) -> Result<(), Failure> {
        let command = self.systemctl_for(host, &["reset-failed"], &[&self.name]);
        let output = host.run(&command)?;
        // A unit that systemd has unloaded is forgotten.
        if output.status.success() || output.tail().contains("not loaded") {
            return Ok(());
        }
        Err(Failure::failed(format!("`{}` ended with {}", command.line(), output.ending())).detail(output.tail()))
    }

    /// Makes the manager read the files of all units again.
    pub fn daemon_reload(&self, host: &Host) -> Result<(), Failure> {
        self.needs_systemd(host)?;
        host.run_well(&self.systemctl_for(host, &["daemon-reload"], &[])).map(drop)
    }

    fn ask_for(&self, host: &Host, verb: Verb) -> Result<Asked, Failure> {
        // What it writes from here on is what signals are read from.
        if matches!(verb, Verb::Start | Verb::Restart) {
            self.note_start(host)?;
        }
        let since = host.now_ms();
        Ok(Asked { verb, since, result: self.job(host, verb)? })
    }

    /// After a job: the unit is up, and its main process is the same one for as long as `settle`.
    fn stays_up(&self, host: &Host, asked: &Asked, settle: Duration) -> Result<UnitState, Failure> {
        let state = self.state(host)?;
        let verb = asked.verb.word();
        let failed = |state: &UnitState, what: &str| Err(self.explained(host, state, asked.since, what));
        if asked.result != JobResult::Done {
            return failed(&state, &format!("the job to {verb} {self} {}", asked.result.words()));
        }
        if state.has_run() {
            return Ok(state);
        }
        if state.is_active() {
            let ended = self.watch(host, &state, settle)?;
            let other = |now: &UnitState| !ended || !now.is_same_life(&state) || now.active != state.active;
            let now = waits::noticed(host, || self.state(host), other)?;
            if !ended && now.is_same_life(&state) && now.active == state.active {
                return Ok(now);
            }
            return failed(&now, &format!("{self} did not stay up"));
        }
        match state.active.as_str() {
            "activating" | "failed" | "inactive" => failed(&state, &format!("{self} did not stay up")),
            active => failed(&state, &format!("{self} is {active} after the job to {verb} it")),
        }
    }

    /// Waits until `settle` is over or the main process ends; says whether it ended. Without a main process there is
    /// nothing that could end unseen but the processes of a service that systemd knows none of.
    fn watch(&self, host: &Host, state: &UnitState, settle: Duration) -> Result<bool, Failure> {
        let main = match state.main_pid {
            Some(pid) => host.process(pid)?,
            None if state.sub == "running" && self.name.ends_with(".service") => {
                return host.pause(settle).map(|()| false);
            }
            None => return Ok(false),
        };
        let Some(main) = main.filter(|main| !main.ended) else { return Ok(true) };
        waits::ends_within(host, &main.identity, settle)
    }

    /// Fails, naming each, if one of these processes is still there after a moment.
    fn all_gone(&self, host: &Host, members: &[Process]) -> Result<(), Failure> {
        waits::all_gone(host, members.iter().map(|process| &process.identity), LEAVES, |count| {
            Failure::failed(format!("{self} was stopped and left {count} behind in its control group")).hint(
                "its KillMode= or SendSIGKILL= spares them: end them by their numbers, or say `leave_processes: true` if \
                 they are meant to go on",
            )
        })
    }

    fn who_starts_it(&self, state: &UnitState) -> String {
        match state.get("TriggeredBy") {
            "" => format!("`systemctl status {self}` says who started it again"),
            units => format!("{units} can start it at any time; stop that first"),
        }
    }
}

impl UnitState {
    /// Whether nothing of it runs, as far as systemd knows.
    pub fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed")
    }

    fn is_same_life(&self, other: &Self) -> bool {
        (&self.invocation, self.main_pid, self.restarts) == (&other.invocation, other.main_pid, other.restarts)
    }

    /// Whether it is a command that is over and did not fail. systemd may have unloaded it by now: then it is not known
    /// that it ever ran.
    pub fn has_run(&self) -> bool {
        self.get("Type") == "oneshot"
            && self.active == "inactive"
            && self.result == "success"
            && !self.lacks_conditions()
    }

    /// Whether its conditions kept it from starting.
    pub fn lacks_conditions(&self) -> bool {
        self.get("ConditionResult") == "no" && !matches!(self.get("ConditionTimestampMonotonic"), "" | "0")
    }

    /// `running, pid 12`, `exited`, `failed`: for messages.
    pub fn words(&self) -> String {
        let word = if self.active == "failed" || self.sub.is_empty() { &self.active } else { &self.sub };
        self.main_pid.map_or_else(|| word.clone(), |pid| format!("{word}, pid {pid}"))
    }
}
