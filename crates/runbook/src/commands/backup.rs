//! `backup list | verify | prune`; `backup restore` is in `restore.rs`.

use super::restore::{Restore, Users};
use super::rows::{finish, row};
use crate::cli::{BackupCommand, Format};
use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::gaps;
use crate::keeping::{self, Beside, Kept, made_at};
use crate::naming::{Named, pick};
use crate::running::lock;
use crate::screen::Screen;
use runbook_journal::{Look, StateDir};
use runbook_model::Next;
use serde_json::json;

pub(crate) fn run(screen: &Screen, dir: &StateDir, command: BackupCommand) -> Result<Exit, CommandError> {
    let look = Look::at(dir)?;
    let journal = look.journal;
    let kept = keeping::list(dir, journal.as_ref())?;
    match command {
        BackupCommand::List => {
            let beside = journal.as_ref().map(keeping::beside).transpose()?.unwrap_or_default();
            list(screen, &kept, &beside)
        }
        BackupCommand::Verify { backup } => verify(screen, &kept, backup.as_deref()),
        BackupCommand::Restore { backup, paths, stop, while_running, yes } => {
            let users = match (stop, while_running) {
                (true, _) => Users::Stop,
                (_, true) => Users::Leave,
                _ => Users::Refuse,
            };
            Restore { screen, dir, one: one(&kept, &backup)?, users }.go(paths, yes)
        }
        BackupCommand::Prune { dry_run } => match journal {
            Some(_) => prune(screen, dir, dry_run),
            None if look.gaps.is_empty() => {
                screen.conclude("there are no backups on this host")?;
                Ok(Exit::Done)
            }
            None => Err(gaps::lost(&look.gaps, Exit::Stuck)),
        },
    }
}

fn one<'a>(kept: &'a [Kept], name: &str) -> Result<&'a Kept, CommandError> {
    let about = |one: &Kept| one.run.as_ref().map_or(String::new(), |run| run.plan.clone());
    let known: Vec<Named> = kept.iter().map(|one| Named { name: one.name.clone(), about: about(one) }).collect();
    let at = pick("backup", name, &known, &Next::Backups)?;
    kept.get(at).ok_or_else(|| CommandError::refused(format!("there is no backup `{name}` on this host")))
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
                "made_at": made_at(one),
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
                let at = runbook_report::stamp(made_at(one));
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

fn verify(screen: &Screen, kept: &[Kept], name: Option<&str>) -> Result<Exit, CommandError> {
    let chosen: Vec<&Kept> = match name {
        Some(name) => vec![one(kept, name)?],
        None => kept.iter().collect(),
    };
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for one in chosen {
        let result = one.backup.as_ref().map_err(ToString::to_string);
        let result = result.and_then(|backup| backup.verify(&|| false).map_err(|error| error.to_string()));
        let damage = result.err();
        let text = match &damage {
            None => format!("{}: every entry is as the manifest says\n", one.name),
            Some(why) => format!("{}: damaged: {why}\n", one.name),
        };
        if damage.is_some() {
            exit = Exit::Refused;
        }
        row(screen, &mut rows, &text, json!({ "backup": one.name, "damage": damage }))?;
    }
    finish(screen, &rows)?;
    Ok(exit)
}

fn prune(screen: &Screen, dir: &StateDir, dry_run: bool) -> Result<Exit, CommandError> {
    let past = if dry_run {
        let journal = gaps::whole(dir, Exit::Stuck)?;
        journal.map(|journal| keeping::past_retention(dir, &journal, now_ms())).transpose()?.unwrap_or_default()
    } else {
        let _lock = lock(dir, "backup prune".to_owned())?;
        keeping::prune(dir, now_ms())?
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
