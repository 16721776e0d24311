//! Commands that tell what happened: `status`, `history`, `show`, `report`.

use super::{HostCommand, Loader};
use crate::cli::{Format, HistoryArgs, ReportArgs, ShowArgs, StatusArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_model::{AtWork, RunState};
use runbook_report::{Kept, Ndjson, Reporter, RunDocument, RunSummary};
use runbook_session::{
    CommandError, Door, Error, Exit, HostState, Known, Runs, SYSTEM_STATE, Show, Shown, Status, now_ms,
};
use std::path::Path;

impl HostCommand for StatusArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let host = door.ask(Status {})?;
        match screen.format {
            Format::Text if host.is_new() => screen.text(&no_runs(loader))?,
            _ => show_state(screen, &host)?,
        }
        Ok(Exit::of_host(&host.standing))
    }
}

/// How this host stands, as `status` shows it.
pub(super) fn show_state(screen: &Screen, host: &HostState) -> Result<(), CommandError> {
    let HostState { standing, runs, holder } = host;
    let caller = screen.caller();
    let look = runbook_report::Look { standing, runs, holder: holder.as_ref(), now_ms: now_ms(), caller };
    match screen.format {
        Format::Text => screen.text(&runbook_report::status(&look, screen.style())),
        Format::Json | Format::Ndjson => screen.json(&runbook_report::status_json(&look)),
    }
}

/// What is said where no run was found.
fn no_runs(loader: &Loader<'_>) -> String {
    match loader.state_dir() {
        Some(dir) => no_runs_in(dir, Path::new(SYSTEM_STATE)),
        None => format!("No runs on {} yet.\n", loader.host()),
    }
}

/// Where no run was found, and where else there may be some: the runs of root are not those of another user.
fn no_runs_in(dir: &Path, system: &Path) -> String {
    let place = dir.display();
    // The directory of root can be seen from outside, not entered.
    if dir == system || !system.is_dir() {
        return format!("No runs on this host yet (looked in {place}).\n");
    }
    let system = system.display();
    format!(
        "No runs in {place}. There is {system} as well, the state directory of root: \
         look there with --state-dir {system}, as root if you may not read it.\n"
    )
}

impl HostCommand for HistoryArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let history = door.ask(Runs {})?;
        let summaries: Vec<RunSummary> = history.runs.iter().filter_map(RunSummary::of).collect();
        let gaps = history.gaps;
        match screen.format {
            Format::Text if summaries.is_empty() && !gaps.is_empty() => {}
            Format::Text if summaries.is_empty() => screen.text(&no_runs(loader))?,
            Format::Text => screen.text(&runbook_report::history(&summaries, screen.style()))?,
            Format::Json => screen.json(&runbook_report::history_json(&summaries))?,
            Format::Ndjson => screen.text(&runbook_report::history_ndjson(&summaries))?,
        }
        if gaps.is_empty() { Ok(Exit::Done) } else { Err(Error::Lost(gaps).into()) }
    }
}

/// `render` of the document of a run; `holder` is at work on this host.
pub(super) fn told<T>(
    known: &Known,
    holder: Option<&AtWork>,
    render: impl FnOnce(&RunDocument<'_>) -> T,
) -> Result<T, CommandError> {
    let (saved, records) = (&known.saved, &known.records);
    let state = RunState::replay(records)?;
    let kept = Kept { plan: &saved.plan, roles: saved.roles.as_ref(), records, state: &state, holder };
    let none = || CommandError::refused(format!("the journal has no first record of run {}", known.run));
    RunDocument::of(&kept).as_ref().map(render).ok_or_else(none)
}

impl HostCommand for ShowArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let show = |run: &RunDocument<'_>| runbook_report::show(run, screen.caller(), screen.style());
        tell(screen, door.ask(Show { run: self.run.clone() })?, show)
    }
}

/// All about a run: for people as `text` renders it, for programs as data.
fn tell(screen: &Screen, shown: Shown, text: impl Fn(&RunDocument<'_>) -> String) -> Result<Exit, CommandError> {
    let Shown { known, holder } = shown;
    match screen.format {
        Format::Text => screen.text(&told(&known, holder.as_ref(), text)?)?,
        Format::Json => screen.json(&told(&known, holder.as_ref(), runbook_report::show_json)?)?,
        Format::Ndjson => {
            let mut out = Vec::new();
            let mut reporter = Ndjson::new(&mut out, screen.caller().clone());
            known.records.iter().try_for_each(|record| reporter.record(record))?;
            reporter.finish()?;
            drop(reporter);
            screen.text(&String::from_utf8_lossy(&out))?;
        }
    }
    Ok(Exit::Done)
}

impl HostCommand for ReportArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let report = |run: &RunDocument<'_>| runbook_report::markdown(run, screen.caller());
        tell(screen, door.ask(Show { run: self.run.clone() })?, report)
    }
}

#[cfg(test)]
mod tests {
    use super::no_runs_in;

    #[test]
    fn a_wrong_state_directory_is_not_a_host_without_runs() {
        let temp = tempfile::tempdir().unwrap();
        let [own, system] = ["own", "system"].map(|name| temp.path().join(name));
        let nowhere = no_runs_in(&own, &system);
        assert!(nowhere.starts_with("No runs on this host yet") && nowhere.contains("/own)"), "{nowhere}");
        std::fs::create_dir(&system).unwrap();
        let elsewhere = no_runs_in(&own, &system);
        assert!(elsewhere.contains(&format!("--state-dir {}", system.display())), "{elsewhere}");
        assert!(!elsewhere.contains("on this host yet"), "{elsewhere}");
        assert!(no_runs_in(&system, &system).starts_with("No runs on this host yet"));
    }
}
