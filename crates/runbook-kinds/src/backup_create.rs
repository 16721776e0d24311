//! `backup.create`: copies of paths on this host, complete and checked before anything changes.
//!
//! The format and the restore are those of `runbook-backup`; here is what a plan can say about them.

mod capture;
mod compare;
mod place;
mod read;
mod words;

use self::capture::capture;
use self::place::{Place, insured, made, paths_of};
use self::read::{Capture, Covered, Restore, argument_vectors, read_captures, read_paths};
use self::words::{cannot_back_up, counted, leave_to_a_person, left_out, not_kept, remarks};
use runbook_backup::{Backup, Created, Options, SecondPass};
use runbook_host::{OwnerNames, Reader, backup_failure};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Effect, Failure, Node, Prediction, Remains, Results, Role};
use runbook_step::lack::of_command;
use runbook_step::{
    Args, BACKUP, BackupStep, Changed, Confirmation, Done, Kind, KindDoc, Lack, OutputDoc, OwnUndo, Param, ParamType,
    Prepared, Probe, Step, Undoing, Work,
};
use serde_json::{Value as Json, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct BackupCreate;

static DOC: KindDoc = KindDoc {
    name: "backup.create",
    summary: "Makes a local backup of paths, before anything changes them",
    text: "The archive is a standard tar with zstd, with a manifest of every entry; it lies in \
         `backups/<run>-<step>/` of the state directory and is durable, read back and compared with its manifest \
         before the step is done. A path where nothing is counts too: undo then removes what came there. After a \
         service was stopped, what changed meanwhile is read once more.\n\n\
         Steps that replace programs are undone from this backup. A path that only the service itself writes is \
         insurance, and its `restore` says what a rollback does with it: `if-needed` (without it) puts it back only \
         when the verification after the rollback stays red, `always` in every rollback, `never` only by hand. What \
         a restore replaces is set aside, never deleted. A path comes back with everything below it, so below it no path \
         may have a weaker `restore`. Of a path that is a link, what it leads to is backed up as well.\n\n\
         `capture` keeps what commands say at that moment in `captures/<name>.txt` beside the archive, with the exit \
         code; one that fails is noted there, and fails the step only with `capture_required: true`.",
    params: &[
        Param::required(
            "paths",
            ParamType::Any,
            "What to copy: a list of paths, or of maps `{ path: …, restore: always | if-needed | never }`",
        ),
        Param::optional(
            "capture",
            ParamType::Any,
            "Commands to keep the output of: a map of names and argument vectors, or of names and `{ run: [...], env: { … } }`, where `env` may hold secrets; a program or script that is named relative is of the plan",
        ),
        Param::default("capture_required", ParamType::Bool, "false", "Whether a capture that fails fails the step"),
    ],
    outputs: &[
        OutputDoc { name: "dir", help: "the backup's directory, text" },
        OutputDoc { name: "files", help: "how many regular files it holds, a number" },
        OutputDoc { name: "bytes", help: "the size of their content, a number" },
        OutputDoc { name: "captures", help: "a map from the names of captures to exit codes; null if it did not run" },
        OutputDoc { name: "always", help: "the paths with `restore: always`, a list" },
        OutputDoc { name: "if_needed", help: "the paths with `restore: if-needed`, a list" },
        OutputDoc { name: "never", help: "the paths with `restore: never`, a list" },
    ],
    example: "- id: backup\n  uses: backup.create\n  with:\n    paths:\n      - \"{{ steps.inventory.package_root }}\"\n      \
         - { path: ~/.openclaw, restore: if-needed }\n    capture:\n      plugins: [openclaw, plugins, list]\n",
};

impl Kind for BackupCreate {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        read_paths(args, found);
        read_captures(args, found);
    }

    fn commands_inside<'a>(&self, args: &Args<'a>) -> Vec<(&'static str, &'a Node)> {
        argument_vectors(args).into_iter().map(|node| ("capture", node)).collect()
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut unheard = Diagnostics::default();
        let resources: Vec<_> =
            read_paths(args, &mut unheard).into_iter().flat_map(|covered| covered.resources()).collect();
        let mut declaration = Declaration::attendant().role(Role::Backup(resources.clone()));
        declaration.effects = resources.into_iter().map(Effect::read).collect();
        let captures =
            read_captures(args, &mut unheard).into_iter().map(|capture| (capture.name, capture.command.argv));
        let (names, commands): (Vec<_>, Vec<_>) = captures.unzip();
        declaration.roles.extend((!names.is_empty()).then_some(Role::Capture(names)));
        declaration.commands = commands;
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let mut unheard = Diagnostics::default();
        let (covered, captures) = (read_paths(args, &mut unheard), read_captures(args, &mut unheard));
        let mut paths: Vec<(PathBuf, Restore)> = Vec::new();
        for Covered { paths: known, restore, span } in covered {
            let known = known.ok_or_else(|| runbook_step::wrong("paths", span, "known when the step begins"))?;
            for path in known {
                match paths.iter_mut().find(|(other, _)| *other == path) {
                    Some((_, other)) => *other = (*other).max(restore),
                    None => paths.push((path, restore)),
                }
            }
        }
        Ok(Box::new(Create { paths, captures, capture_required: args.need("capture_required")? }))
    }
}

/// What was backed up, and what there is to say of the names of owners.
type Copied = (Created, Option<String>);

struct Create {
    paths: Vec<(PathBuf, Restore)>,
    captures: Vec<Capture>,
    capture_required: bool,
}

/// The name of the run to which a step's directory belongs. The directory is `<run>/<step>` or `<run>/steps/<step>`.
pub(super) fn run_name(step_dir: &Path) -> String {
    let above = step_dir.ancestors().skip(1).filter_map(Path::file_name);
    let run = above.into_iter().find(|name| *name != OsStr::new("steps"));
    run.map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Where the backup of this step goes: `<state dir>/backups/<run>-<step>`.
fn backup_dir(work: &Work<'_>) -> PathBuf {
    work.host.state_dir().join("backups").join(format!("{}-{}", run_name(work.dir), work.step))
}

impl Create {
    /// The paths, and of those that are links all that they lead to: what is written through a link is there.
    fn places(&self) -> Result<Vec<Place>, Failure> {
        let mut places: Vec<Place> = Vec::new();
        for (path, restore) in &self.paths {
            let led = runbook_backup::leads_to(path);
            let led = led.map_err(|error| cannot_back_up(&error))?;
            for (number, path) in std::iter::once(path.clone()).chain(led).enumerate() {
                match places.iter_mut().find(|place| place.path == path) {
                    Some(place) => place.restore = place.restore.max(*restore),
                    None => places.push(Place { path, restore: *restore, is_led_to: number > 0 }),
                }
            }
        }
        Ok(places)
    }

    /// The places as they were found before the backup was made.
    fn found(&self, undo: &Json) -> Vec<Place> {
        let found = undo.get("places").cloned().and_then(|places| serde_json::from_value(places).ok());
        let named = self.paths.iter().cloned().map(|(path, restore)| Place { path, restore, is_led_to: false });
        found.unwrap_or_else(|| named.collect())
    }

    /// Makes the backup, or finds the complete one of an earlier attempt. Beside it stands what there is to say of the
    /// names of owners.
    fn copy(&self, work: &Work<'_>, dir: &Path, places: &[Place]) -> Result<Option<Copied>, Failure> {
        if Backup::open(dir).is_ok() {
            return Ok(None);
        }
        work.host.act()?;
        let above = dir.parent().unwrap_or(Path::new("/"));
        work.host.own_dir(above)?;
        let unwanted = || work.host.still_wanted().is_err();
        let names = OwnerNames::of(work.host);
        let name = |owner| names.name(owner);
        let options = Options { names: &name, ..Options::default() };
        let created = runbook_backup::create(dir, &paths_of(places), work.now_ms, &unwanted, &options)
            .map_err(|error| work.host.still_wanted().err().unwrap_or_else(|| cannot_back_up(&error)))?;
        Ok(Some((created, names.remark())))
    }

    /// Puts back those paths whose `restore` is at least `least`.
    fn restore(&self, work: &Work<'_>, undo: &Json, least: Restore) -> Result<String, Failure> {
        let places = self.found(undo);
        let wanted: Vec<&PathBuf> =
            places.iter().filter(|place| place.restore >= least).map(|place| &place.path).collect();
        if wanted.is_empty() {
            return Ok(String::new());
        }
        let backup = match Backup::open(&backup_dir(work)) {
            Ok(backup) => backup,
            Err(_) if !self.was_completed(work)? => {
                return Ok("the backup was never complete: nothing to put back".to_owned());
            }
            Err(error) => return Err(backup_failure("the backup cannot be read", &error)),
        };
        let mut done = Vec::new();
        for path in wanted {
            done.push(work.restore_from(&backup, path, path, BACKUP)?);
        }
        Ok(done.join("; "))
    }

    /// Whether `apply` once came to its end, which it notes in the step's directory.
    fn was_completed(&self, work: &Work<'_>) -> Result<bool, Failure> {
        Ok(work.host.lstat(&work.dir.join("complete"))?.is_some())
    }
}

impl Step for Create {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let mut missing = 0;
        for (path, _) in &self.paths {
            missing += usize::from(host.lstat(path)?.is_none());
        }
        let mut summary = match self.paths.len() {
            1 => "1 path is backed up".to_owned(),
            count => format!("{count} paths are backed up"),
        };
        if missing > 0 {
            summary.push_str(&format!(", of which {missing} not there"));
        }
        let places = self.places()?;
        let would_be = host.state_dir().join("backups").join("new");
        runbook_backup::check_paths(&would_be, &paths_of(&places)).map_err(|error| cannot_back_up(&error))?;
        let led_to = places.iter().filter(|place| place.is_led_to).map(|place| place.path.display());
        summary.extend(led_to.map(|path| format!("; so is {path}, to which a link among them leads")));
        let limits = runbook_backup::limits(&paths_of(&places)).map_err(|error| cannot_back_up(&error))?;
        summary.push_str(&not_kept(&limits));
        Ok(Probe::of(Prediction::change(summary)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let of = |capture: &Capture| {
            let lacks = of_command(host, &capture.command).into_iter();
            // One that fails is noted, and fails nothing.
            lacks.map(|lack| if self.capture_required { lack } else { lack.only_told() }).collect::<Vec<_>>()
        };
        self.captures.iter().flat_map(of).collect()
    }

    /// What a rollback may have to put back: all but what is left to a person.
    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        let places = self.places()?;
        insured(&places).try_for_each(|path| host.can_restore(path)).map_err(leave_to_a_person)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        Ok(Prepared::of(json!({ "dir": backup_dir(work).to_string_lossy(), "places": self.places()? })))
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let dir = backup_dir(work);
        let places = self.found(undo);
        work.say(format!("copying {} paths", places.len()));
        let created = self.copy(work, &dir, &places)?;
        let backup = Backup::open(&dir).map_err(|error| backup_failure("the backup cannot be read", &error))?;
        work.say("comparing the archive with its manifest");
        let verified = backup
            .whole(&|| work.host.still_wanted().is_err())
            .map_err(|error| backup_failure("the backup is not sound", &error))?;
        for path in insured(&places) {
            let proven = backup.restorable(path).and_then(|name| backup.provable(&name));
            let failure = |error| leave_to_a_person(backup_failure("there would be no way back", &error));
            proven.map_err(failure)?;
        }
        let (captures, failed) = capture(&self.captures, self.capture_required, work, &dir)?;
        work.host.keep(&work.dir.join("complete"), b"")?;
        let (files, bytes) =
            created.as_ref().map_or((verified.files, verified.bytes), |(made, _)| (made.files, made.bytes));
        let mut summary =
            vec![format!("{}, {}, {bytes} bytes", counted(places.len() as u64, "path"), counted(files, "file"))];
        summary.extend(created.as_ref().map(|(made, _)| remarks(made)).unwrap_or_default());
        summary.extend(created.and_then(|(_, names)| names));
        summary.extend(failed);
        let made = made(dir, &places);
        let told = |paths: &[PathBuf]| paths.iter().map(|path| path.to_string_lossy()).collect::<Json>();
        let outputs = [
            ("dir", json!(made.dir.to_string_lossy())),
            ("files", json!(files)),
            ("bytes", json!(bytes)),
            ("captures", captures),
            ("always", told(&made.always)),
            ("if_needed", told(&made.if_needed)),
            ("never", told(&made.never)),
        ];
        Ok(Done::saying(summary.join("; ")).with(Results { backup: Some(Box::new(made)), ..outputs.into() }))
    }

    fn confirm(&self, _: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let dir = undo.get("dir").and_then(Json::as_str).map(PathBuf::from).unwrap_or_default();
        let places = self.found(undo);
        let covers = |backup: Backup| places.iter().try_for_each(|place| backup.check_covers(&place.path));
        Ok(match Backup::open(&dir).map(covers) {
            Ok(Ok(())) => Confirmation::There,
            Ok(Err(why)) => Confirmation::NotThere(format!("{} does not cover every path: {why}", dir.display())),
            Err(_) => Confirmation::NotThere(format!("{} is not a complete backup", dir.display())),
        })
    }

    fn backup(&self) -> Option<&dyn BackupStep> {
        Some(self)
    }
}

impl OwnUndo for Create {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.restore(work, undo, Restore::Always)
    }
}

impl BackupStep for Create {
    fn restore_state(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.restore(work, undo, Restore::IfNeeded)
    }

    fn compare(&self, work: &Work<'_>, kept: &[PathBuf]) -> Result<Vec<Remains>, Failure> {
        let dir = backup_dir(work);
        let backup = Backup::open(&dir).map_err(|error| backup_failure("the backup cannot be read", &error))?;
        // The earliest backup of a path says how it was before the run.
        let earlier = work.backups.iter().rev().take_while(|other| other.dir != dir);
        let earlier: Vec<Backup> = earlier.filter_map(|other| Backup::open(&other.dir).ok()).collect();
        let own = kept.iter().filter(|path| !earlier.iter().any(|other| other.covers(path)));
        Ok(own.filter_map(|path| compare::compared(&backup, path)).collect())
    }

    fn second_pass(&self, work: &Work<'_>, since: &dyn Fn() -> Vec<Changed>) -> Result<Option<String>, Failure> {
        let changed = || since().into_iter().map(|changed| changed.path).collect();
        let names = OwnerNames::of(work.host);
        let name = |owner| names.name(owner);
        let options = Options { names: &name, ..Options::default() };
        let unwanted = || work.host.still_wanted().is_err();
        let second = runbook_backup::second_pass(&backup_dir(work), &changed, &unwanted, &options)
            .map_err(|error| backup_failure("the second pass of the backup failed", &error))?;
        let mut said = Vec::new();
        let differences = second.changed + second.added + second.removed;
        if differences > 0 || !second.changed_while_read.is_empty() {
            let SecondPass { changed, added, removed, .. } = second;
            said.push(format!("second pass: {changed} changed, {added} new and {removed} gone since the first"));
        }
        if !second.changed_while_read.is_empty() {
            let count = second.changed_while_read.len();
            said.push(format!("{count} still changed while they were read, so something still writes there"));
        }
        said.extend(names.remark().map(|remark| format!("second pass: {remark}")));
        said.extend((!second.left_out.is_empty()).then(|| left_out(&second.left_out, &since())));
        Ok((!said.is_empty()).then(|| said.join("; ")))
    }
}
