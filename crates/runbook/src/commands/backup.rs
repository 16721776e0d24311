//! `backup list | verify | prune`; `backup restore` is in `restore.rs`.

use super::restore::restore;
use super::rows::{finish, row};
use crate::cli::{BackupCommand, Format};
use crate::screen::Screen;
use runbook_session::{Backups, Beside, CommandError, Exit, Kept, Session, Users};
use serde_json::json;

pub(crate) fn run(screen: &Screen, session: &Session, command: BackupCommand) -> Result<Exit, CommandError> {
    match command {
        BackupCommand::List => {
            let Backups { kept, beside } = session.backups()?;
            list(screen, &kept, &beside)
        }
        BackupCommand::Verify { backup } => verify(screen, session, backup.as_deref()),
        BackupCommand::Restore { backup, paths, stop, while_running, yes } => {
            let users = match (stop, while_running) {
                (true, _) => Users::Stop,
                (_, true) => Users::Leave,
                _ => Users::Refuse,
            };
            restore(screen, session, &backup, paths, users, yes)
        }
        BackupCommand::Prune { dry_run } => prune(screen, session, dry_run),
    }
}

fn list(screen: &Screen, kept: &[Kept], beside: &[Beside]) -> Result<Exit, CommandError> {
    let beside_rows = beside.iter().map(
        |one| json!({ "backup": null, "run": one.run, "set_aside": one.closed.dir, "replaced_since": !one.is_it }),
    );
    let rows: Vec<_> = kept
        .iter()
        .map(|one| {
            let manifest = one.backup.as_ref().ok().map(|backup| backup.manifest());
            let paths: Vec<String> = manifest
                .map(|manifest| manifest.roots.iter().map(|root| root.path.display().to_string()).collect())
                .unwrap_or_default();
            json!({
                "backup": one.name,
                "run": one.run.as_ref().map(|run| run.run.as_str()),
                "plan": one.run.as_ref().map(|run| run.plan.as_str()),
                "made_at": one.made_at(),
                "entries": manifest.map(|manifest| manifest.entries.len()),
                "paths": paths,
                "archives": manifest.map(|manifest| &manifest.archives),
                "needed": one.is_needed(),
                "unreadable": one.backup.as_ref().err().map(ToString::to_string),
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
                let what = match &one.backup {
                    Ok(backup) => format!("{} entries", backup.manifest().entries.len()),
                    Err(error) => format!("cannot be read: {error}"),
                };
                let plan = one.run.as_ref().map_or("unknown run", |run| run.plan.as_str());
                let needed = if one.is_needed() { "  still needed" } else { "" };
                let at = runbook_report::stamp(one.made_at());
                text.push_str(&format!("{}  {at}  {plan}  {what}{needed}\n", one.name));
                if let Ok(backup) = &one.backup {
                    for root in backup.roots() {
                        let missing = if root.present { "" } else { "  (was not there)" };
                        text.push_str(&format!("    {}{missing}\n", root.path.display()));
                    }
                }
            }
            for one in beside {
                let (line, run) = (one.line(), &one.run);
                text.push_str(&format!("{line}\n    no backup: what run {run} replaced, until its retention ends\n"));
            }
            screen.text(&text)?;
        }
    }
    Ok(Exit::Done)
}

fn verify(screen: &Screen, session: &Session, name: Option<&str>) -> Result<Exit, CommandError> {
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for one in session.verify(name)? {
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

fn prune(screen: &Screen, session: &Session, dry_run: bool) -> Result<Exit, CommandError> {
    let Some(past) = (if dry_run { session.prunable()? } else { session.prune()? }) else {
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
