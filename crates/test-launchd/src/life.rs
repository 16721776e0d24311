//! The processes of jobs: started in a group of their own, watched, started again, ended with TERM and then KILL.

use crate::definition::KeepAlive;
use crate::jobs::{Entry, Inner, Jobs, Target};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Jobs {
    /// Starts a job that has no process. A program that cannot be started counts as an end.
    pub(crate) fn spawn(self: &Arc<Self>, inner: &mut Inner, target: &Target) {
        let Some(entry) = inner.jobs.get_mut(target) else { return };
        entry.runs += 1;
        entry.spawned = Some(Instant::now());
        let child = command(entry, target).and_then(|mut command| command.spawn());
        entry.misconfigured = child.is_err();
        match child {
            Ok(child) => {
                entry.process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let (jobs, target) = (Arc::clone(self), target.clone());
                std::thread::spawn(move || jobs.watch(&target, child));
            }
            Err(_) => self.start_again_later(entry, target, false),
        }
        self.changed.notify_all();
    }

    fn watch(self: &Arc<Self>, target: &Target, mut child: Child) {
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
        // The number stays taken until the end was noted, so that nobody else is ever signalled.
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
        }
        let mut inner = self.lock();
        if let Some(entry) = inner.jobs.get(target)
            && !entry.definition.abandons_group
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let status = child.wait();
        if let (Some(entry), Ok(status)) = (inner.jobs.get_mut(target), status) {
            self.ended(entry, target, status);
            let (ending, restarting) = (entry.ending, std::mem::take(&mut entry.restarting));
            match (ending, restarting) {
                (true, _) => inner.forget(target),
                (false, true) => self.spawn(&mut inner, target),
                (false, false) => {}
            }
        }
        self.changed.notify_all();
    }

    fn ended(self: &Arc<Self>, entry: &mut Entry, target: &Target, status: ExitStatus) {
        entry.process = None;
        entry.last_exit = Some(status);
        if !entry.ending && !entry.restarting {
            self.start_again_later(entry, target, status.success());
        }
    }

    /// As `KeepAlive` wants it, and not before the throttle interval since the last start is over.
    fn start_again_later(self: &Arc<Self>, entry: &Entry, target: &Target, success: bool) {
        let wanted = match entry.definition.keep_alive {
            KeepAlive::Never => false,
            KeepAlive::Always => true,
            KeepAlive::After { success: wanted } => wanted == success,
        };
        if !wanted {
            return;
        }
        let since = entry.spawned.map_or(Duration::ZERO, |spawned| spawned.elapsed());
        let pause = entry.definition.throttle.saturating_sub(since);
        let (jobs, target, runs) = (Arc::clone(self), target.clone(), entry.runs);
        std::thread::spawn(move || {
            std::thread::sleep(pause);
            let mut inner = jobs.lock();
            // Somebody may have started it, or loaded another one, meanwhile.
            let waits = |entry: &Entry| entry.process.is_none() && entry.runs == runs && !entry.ending;
            if inner.jobs.get(&target).is_some_and(waits) {
                jobs.spawn(&mut inner, &target);
            }
        });
    }

    /// TERM to its process, KILL after its exit timeout.
    pub(crate) fn end(self: &Arc<Self>, entry: &Entry, target: &Target) {
        let Some(pid) = entry.process else { return };
        let _ = kill_process(pid, Signal::TERM);
        let (jobs, target, limit) = (Arc::clone(self), target.clone(), entry.definition.exit_timeout);
        std::thread::spawn(move || {
            std::thread::sleep(limit);
            if jobs.lock().jobs.get(&target).is_some_and(|entry| entry.process == Some(pid)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
    }
}

fn command(entry: &Entry, target: &Target) -> io::Result<Command> {
    let definition = &entry.definition;
    let mut command = Command::new(&definition.program);
    command
        .arg0(definition.arguments.first().unwrap_or(&definition.program))
        .args(definition.arguments.iter().skip(1))
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("XPC_SERVICE_NAME", &target.label)
        .envs(definition.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(definition.cwd.as_deref().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(output(definition.stdout.as_deref())?)
        .stderr(output(definition.stderr.as_deref())?)
        .process_group(0);
    Ok(command)
}

fn output(path: Option<&Path>) -> io::Result<Stdio> {
    match path {
        Some(path) => Ok(OpenOptions::new().create(true).append(true).open(path)?.into()),
        None => Ok(Stdio::null()),
    }
}
