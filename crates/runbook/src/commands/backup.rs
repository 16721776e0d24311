//! `backup list | verify | prune`; `backup restore` is in `restore.rs`.

use super::rows::{clean_lines, finish, row};
use super::{HostCommand, Loader};
use crate::cli::{Format, ListArgs, PruneArgs, VerifyArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_session::{Backups, Beside, CommandError, Door, Exit, Kept, ListBackups, Prune, VerifyBackup};
use serde_json::json;

impl HostCommand for ListArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let Backups { kept, beside } = door.ask(ListBackups {})?;
        list(screen, &kept, &beside)
    }
}

impl HostCommand for VerifyArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let names = match &self.backup {
            Some(name) => vec![name.clone()],
            None => door.ask(ListBackups {})?.kept.into_iter().map(|kept| kept.name).collect(),
        };
        let (mut exit, mut rows) = (Exit::Done, Vec::new());
        // Each takes its time.
        for backup in names {
            let one = door.ask(VerifyBackup { backup })?;
            let text = match &one.damage {
                None => format!("{}: every entry is as the manifest says\n", one.backup),
                Some(why) => format!("{}: damaged: {why}\n", one.backup),
            };
            if one.damage.is_some() {
                exit = Exit::Refused;
            }
            row(screen, &mut rows, &text, json!({ "backup": one.backup, "damage": one.damage }))?;
        }
        finish(screen, &rows)?;
        Ok(exit)
    }
}

fn list(screen: &Screen, kept: &[Kept], beside: &[Beside]) -> Result<Exit, CommandError> {
    let beside_rows = beside.iter().map(
        |one| json!({ "backup": null, "run": one.run, "set_aside": one.closed.dir, "replaced_since": !one.is_it }),
    );
    let rows: Vec<_> = kept
        .iter()
        .map(|one| {
            let holds = one.holds.as_ref().ok();
            let paths = holds.iter().flat_map(|holds| &holds.roots).map(|(path, _)| path).collect::<Vec<_>>();
            json!({
                "backup": one.name,
                "run": one.run.as_ref().map(|(run, _)| run.as_str()),
                "plan": one.run.as_ref().map(|(_, plan)| plan),
                "made_at": one.made_at,
                "entries": holds.map(|holds| holds.entries),
                "paths": paths,
                "archives": holds.map(|holds| &holds.archives),
                "needed": one.is_needed,
                "unreadable": one.holds.as_ref().err(),
                "dir": one.dir,
            })
        })
        .chain(beside_rows)
        .collect();
    match screen.format {
        Format::Json => screen.json(&json!(rows))?,
        Format::Ndjson => rows.iter().try_for_each(|row| screen.json(row))?,
        Format::Text if rows.is_empty() => screen.text("There are no backups on this host.\n")?,
        Format::Text => {
            let mut text = String::new();
            for one in kept {
                let what = match &one.holds {
                    Ok(holds) => format!("{} entries", holds.entries),
                    Err(error) => format!("cannot be read: {error}"),
                };
                let plan = one.run.as_ref().map_or("unknown run", |(_, plan)| plan);
                let needed = if one.is_needed { "  still needed" } else { "" };
                let at = runbook_report::stamp(one.made_at);
                text.push_str(&format!("{}  {at}  {plan}  {what}{needed}\n", one.name));
                for (path, was_there) in one.holds.iter().flat_map(|holds| &holds.roots) {
                    let missing = if *was_there { "" } else { "  (was not there)" };
                    text.push_str(&format!("    {path}{missing}\n"));
                }
            }
            for one in beside {
                let (line, run) = (one.line(), &one.run);
                text.push_str(&format!("{line}\n    no backup: what run {run} replaced, until its retention ends\n"));
            }
            screen.text(&clean_lines(&text))?;
        }
    }
    Ok(Exit::Done)
}

impl HostCommand for PruneArgs {
    fn acts(&self) -> bool {
        !self.dry_run
    }

    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let dry_run = self.dry_run;
        let Some(past) = door.ask(Prune { dry_run })? else {
            screen.conclude("there are no backups on this host")?;
            return Ok(Exit::Done);
        };
        let mut rows = Vec::new();
        for one in &past {
            let beside: Vec<String> = one.beside.iter().map(Beside::line).collect();
            let with = [&one.backups[..], &beside].concat().join(", ");
            let with = if with.is_empty() { with } else { format!(", with {with}") };
            let done = if dry_run { "would be removed" } else { "removed" };
            let text = format!("run {} of {}{with}: {done}\n", one.run, one.plan);
            row(
                screen,
                &mut rows,
                &text,
                json!({ "run": one.run, "backups": one.backups, "set_aside": beside, "removed": !dry_run }),
            )?;
        }
        finish(screen, &rows)?;
        if past.is_empty() {
            screen.note("every run is within the retention of its plan, or still needed");
        }
        Ok(Exit::Done)
    }
}
