//! The files of a plan in the directory of its run: durable before the first record, and all that steps are bound to from then on.

use crate::Program;
use crate::preflight::Obstacle;
use crate::undo_sources::Way;
use runbook_host::{Reader, WHOLE, read_regular};
use runbook_model::{Declaration, Failure, Resource, RunState, StepDef, StepId};
use runbook_step::{ArgContext, Args, Brought, Contents, Named, PlanFile, Use, named_by};
use rustix::fs::StatVfsMountFlags;
use std::borrow::Cow;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where commands run that have no `cwd`, once the plan's directory is gone: below the files, and empty.
const EMPTY: &str = "empty";

impl Program {
    /// The program of a run that keeps its files in `dir`.
    #[must_use]
    pub fn kept_in(self, dir: PathBuf) -> Self {
        Self { kept: Some(dir.clone()), ..self.with_files(Contents::Kept(dir)) }
    }

    /// The same, with the files put there now: what was judged, whatever lies in the checkout by now. Durable when this returns.
    pub(crate) fn keep_in(self, dir: PathBuf) -> io::Result<Self> {
        let files: Vec<PlanFile> = self.files().collect();
        // A disk that was full has its room back.
        keep_all(&files, &dir).inspect_err(|_| drop(fs::remove_dir_all(&dir)))?;
        Ok(self.kept_in(dir))
    }

    /// What steps are bound to. A command without `cwd` runs in the plan's directory as long as it is there; a plan from elsewhere
    /// has none here.
    pub(crate) fn context(&self) -> Cow<'_, ArgContext> {
        let has_base = !self.saved.elsewhere && self.context.base.is_dir();
        let empty = self.kept.as_ref().map(|dir| dir.join(EMPTY)).filter(|empty| empty.is_dir());
        // Before the run there is no directory of it, and nothing is executed.
        let nowhere = || self.saved.elsewhere.then(|| PathBuf::from("/"));
        match empty.or_else(nowhere).filter(|_| !has_base) {
            None => Cow::Borrowed(&self.context),
            Some(cwd) => Cow::Owned(ArgContext { cwd, ..self.context.clone() }),
        }
    }

    /// A script that the run keeps, that the step may run on this way, and that is no longer what was judged. What a kind of this
    /// program only reads is compared when it is read; what a program elsewhere reads, it reads by itself.
    pub(crate) fn changed_script(&self, way: Way, args: &Args<'_>, def: &StepDef) -> Option<Failure> {
        let files = self.context.files.as_ref()?;
        let kind = self.catalogue.get(&def.uses)?;
        let reads_itself = kind.program().is_none();
        let used = |named: &Named<'_>| way == Way::On || kind.undo_uses(named.param, args);
        let compared = |named: &Named<'_>| used(named) && (named.purpose != Use::Read || !reads_itself);
        let scripts = named_by(kind, args).into_iter().filter(compared);
        scripts.filter_map(|named| files.named(named.node)?.content().err()).next()
    }

    /// The kept files that a way back from `state` runs and that are gone or damaged, each with its step: the undos of what was touched,
    /// and the verifications that are compared.
    pub(crate) fn damaged_for_undo(&self, state: &RunState) -> Vec<(StepId, Failure)> {
        let touched = state.touched().map(|step| (step, Way::Back));
        let read_before = |step: &&StepId| state.step(step).is_some_and(|known| known.baseline.is_some());
        let compared = self.execution.verifications.iter().filter(read_before).map(|step| (step, Way::On));
        let ways = touched.chain(compared).filter_map(|(step, way)| Some((self.step(step)?, way)));
        let damaged = ways.filter_map(|(def, way)| {
            let args = self.catalogue.get(&def.uses)?.args(def, &self.context);
            Some((def.id.clone(), self.changed_script(way, &args, def)?))
        });
        damaged.collect()
    }

    /// A file that lies beside the plan as it was not judged, where a step before this one may write anything and so may have
    /// made it anew. The run would use the old one.
    pub(crate) fn made_anew(&self, def: &StepDef) -> Option<Failure> {
        let files = self.context.files.as_ref();
        let files = files.filter(|files| !self.saved.elsewhere && !files.bundle.files.is_empty())?;
        let kind = self.catalogue.get(&def.uses)?;
        let args = kind.args(def, &self.context);
        let named = named_by(kind, &args);
        let schedule = &self.execution.schedule;
        let may_make = |step: &&StepId| schedule.declaration(step).is_some_and(writes_everything);
        let maker = if named.is_empty() { None } else { schedule.ancestors(&def.id).into_iter().find(may_make) }?;
        named.into_iter().filter_map(|named| files.named(named.node)).find_map(|file| {
            let name = file.name();
            let beside = read_regular(&self.context.base.join(name), WHOLE).ok()??;
            if Brought::of(&beside, 0).digest() == file.brought().digest() {
                return None;
            }
            let what = format!("{name} is not what was judged: step `{maker}` may have made it anew");
            let hint =
                format!("declare in the `effects` of `{maker}` what it writes, or name {name} by its absolute path");
            Some(Failure::refused(what).hint(hint))
        })
    }

    /// Programs of the plan that could not be executed where a run would keep them.
    pub(crate) fn not_executable_there(&self, host: &Reader) -> Vec<Obstacle> {
        let is_there = |dir: &&Path| dir.is_dir();
        let found = host.state_dir().ancestors().find(is_there).and_then(|dir| rustix::fs::statvfs(dir).ok());
        if !found.is_some_and(|found| found.f_flag.contains(StatVfsMountFlags::NOEXEC)) {
            return Vec::new();
        }
        let obstacle = |name: &str| {
            let dir = host.state_dir().display();
            let what = format!("`{name}` of the plan would be run from {dir}, which is mounted with noexec");
            let hint =
                format!("choose another directory with --state-dir, or name the interpreter of a script: [sh, {name}]");
            Obstacle { failure: Failure::refused(what).hint(hint), certain: true }
        };
        self.executed().iter().map(|name| obstacle(name)).collect()
    }

    fn executed(&self) -> Vec<String> {
        let Some(files) = &self.context.files else { return Vec::new() };
        let mut names = Vec::new();
        for def in &self.saved.plan.steps {
            let Some(kind) = self.catalogue.get(&def.uses) else { continue };
            let args = kind.args(def, &self.context);
            let is_kept = |named: &Named<'_>| named.purpose == Use::Execute && files.named(named.node).is_some();
            let named = named_by(kind, &args).into_iter().filter(is_kept);
            names.extend(named.filter_map(|named| Some(files.named(named.node)?.name().to_owned())));
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// As a command does that declares no effects.
fn writes_everything(declared: &Declaration) -> bool {
    declared.written().any(|written| *written == Resource::Everything)
}

fn keep_all(files: &[PlanFile], dir: &Path) -> io::Result<()> {
    make(&dir.join(EMPTY))?;
    files.iter().try_for_each(|file| keep(file, dir))?;
    // A file that is lost with its directory would be missed by the run; the directory alone is not.
    if files.is_empty() { Ok(()) } else { dir.ancestors().take(3).try_for_each(sync) }
}

fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// For the owner alone: the mode that the file has beside the plan is in the bundle.
fn keep(file: &PlanFile, dir: &Path) -> io::Result<()> {
    let content = file.content().map_err(|failure| io::Error::other(failure.message))?;
    let place = file.brought().place(dir, file.name());
    let above = place.parent().unwrap_or(dir);
    make(above)?;
    let mut kept = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&place)?;
    kept.write_all(&content)?;
    // The same content may be a program and a text.
    if file.brought().is_executable() {
        fs::set_permissions(&place, Permissions::from_mode(0o700))?;
    }
    kept.sync_all()?;
    sync(above)
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
