//! The place in which a scenario happens: directories of its own, the handles on the host, and a digest of what is there.

use crate::Given;
use runbook_host::{Cancel, Canceller, Host, HostBuilder, Reader};
use runbook_model::{Approval, Failure, Resource, RestorePoint, StepId};
use runbook_step::{ArgContext, BackupRef, Baseline, Catalogue, Kind, Step, Work};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

/// Directories that only one scenario uses. All of them go when it ends.
pub struct World {
    /// What the step changes lies here; relative paths of `with` start here.
    pub root: PathBuf,
    /// What `~` means.
    pub home: PathBuf,
    /// Where `runbook` keeps its own files.
    pub state: PathBuf,
    /// The step's own directory inside its run.
    pub work: PathBuf,
    /// Services that the plan brings up.
    pub services: Vec<Resource>,
    /// Backups of the run, made by [`back_up`](Self::back_up).
    pub backups: Vec<BackupRef>,
    /// Who let the step go on.
    pub approvals: RwLock<HashMap<StepId, Approval>>,
    /// The backups that the step chose in `prepare`.
    pub restore_points: Mutex<Vec<RestorePoint>>,
    catalogue: Catalogue,
    own_program: PathBuf,
    runtime: tokio::runtime::Runtime,
    canceller: Canceller,
    cancel: Cancel,
    _temp: tempfile::TempDir,
}

impl World {
    /// A world in which these kinds are known: those that are tried, and those that set the stage for them.
    pub fn of(tables: &[&[&'static dyn Kind]]) -> Self {
        let temp = tempfile::Builder::new().prefix("conformance-").tempdir().unwrap();
        // Temporary directories may lie behind a symlink; the paths of a plan may not.
        let top = temp.path().canonicalize().unwrap();
        let dir = |name: &str| {
            let path = top.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (canceller, cancel) = Canceller::new();
        Self {
            root: dir("root"),
            home: dir("home"),
            work: dir("state/runs/r1/it"),
            state: dir("state"),
            services: Vec::new(),
            backups: Vec::new(),
            approvals: RwLock::default(),
            restore_points: Mutex::default(),
            catalogue: Catalogue::of(tables),
            own_program: PathBuf::from("/nowhere/runbook"),
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
            canceller,
            cancel,
            _temp: temp,
        }
    }

    /// The same with external kinds of this directory.
    #[must_use]
    pub fn searching(self, dir: &str) -> Self {
        Self { catalogue: self.catalogue.searching(dir), ..self }
    }

    /// The same where `program` is the one that supervises services.
    #[must_use]
    pub fn supervised_by(self, own_program: PathBuf) -> Self {
        Self { own_program, ..self }
    }

    /// The handle that reads.
    pub fn reader(&self) -> Reader {
        Reader::new(&self.state, &self.home)
    }

    /// A host on which the first `acts` changes succeed.
    pub fn host(&self, acts: i64) -> Host {
        let (runtime, cancel) = (self.runtime.handle().clone(), self.cancel.clone());
        HostBuilder::new(self.reader(), runtime, cancel, self.own_program.clone()).failing_after(acts).build()
    }

    /// Asks everything that runs in this world to stop, as an operator does.
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// The step of `kind` with these parameters.
    ///
    /// # Panics
    ///
    /// Where no such kind is known, or the parameters are refused.
    pub fn bind(&self, kind: &str, with: &Json) -> Box<dyn Step> {
        self.given(kind, with).bind()
    }

    pub(crate) fn given(&self, kind: &str, with: &Json) -> Given<'_> {
        let kind = self.catalogue.get(kind).unwrap_or_else(|| panic!("no kind `{kind}` is known here"));
        let context = ArgContext { services: self.services.clone(), ..ArgContext::new(&self.root, &self.home) };
        Given::within(context, kind, with)
    }

    /// Applies a step of `kind`, as an earlier part of the plan would.
    ///
    /// # Panics
    ///
    /// Where it fails.
    pub fn apply(&self, kind: &str, with: &Json) {
        let step = self.bind(kind, with);
        self.work(i64::MAX, None, |work| step.apply(work, &Json::Null)).unwrap();
    }

    /// Calls `with` with what the engine gives a step.
    pub fn work<T>(&self, acts: i64, baseline: Option<&Baseline>, with: impl FnOnce(&Work<'_>) -> T) -> T {
        let host = self.host(acts);
        let step = StepId::new("it").unwrap();
        let none = Baseline::default();
        let baseline = baseline.unwrap_or(&none);
        with(&Work {
            host: &host,
            dir: &self.work,
            step: &step,
            backups: &self.backups,
            restore_points: &self.restore_points.lock().unwrap().clone(),
            marks: &baseline.marks,
            baseline: &baseline.readings,
            evidence: &Mutex::new(Vec::new()),
            remains: &Mutex::default(),
            approvals: &self.approvals,
            now_ms: host.now_ms(),
            progress: &|_| {},
        })
    }

    /// The undo data that the step prepares. Where its paths come back from is kept for its undo.
    pub fn prepare(&self, step: &dyn Step, baseline: Option<&Baseline>) -> Result<Json, Failure> {
        let prepared = self.work(i64::MAX, baseline, |work| step.prepare(work))?;
        *self.restore_points.lock().unwrap() = prepared.restore_points;
        Ok(prepared.undo)
    }

    /// Lets the step go on.
    pub fn approve(&self, approval: Approval) {
        self.approvals.write().unwrap().insert(StepId::new("it").unwrap(), approval);
    }

    /// Covers `paths` (relative to the root) with a backup of this run, as a `backup.create` would.
    pub fn back_up(&mut self, paths: &[&str]) {
        let dir = self.state.join("backups/r1-backup");
        fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let paths: Vec<PathBuf> = paths.iter().map(|path| self.root.join(path)).collect();
        runbook_backup::create(&dir, &paths, 0, &|| false, &runbook_backup::Options::default()).unwrap();
        self.backups = vec![BackupRef { step: StepId::new("backup").unwrap(), dir }];
    }

    /// Writes a file below the root and makes the directories above it.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Like [`file`](Self::file), with permission bits.
    pub fn file_with_mode(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.file(path, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Makes a directory below the root with all above it.
    pub fn dir(&self, path: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Makes a symlink below the root.
    pub fn link(&self, path: &str, target: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }

    /// Everything below the root and the home: one line an entry with type, mode, owner, size, time and content.
    ///
    /// Times of directories are left out, because a rename inside one changes them.
    pub fn tree(&self) -> String {
        let mut text = String::new();
        for top in [&self.root, &self.home] {
            self.describe(top, &mut text, true);
        }
        text
    }

    /// The same without times, for comparing what two applies made.
    pub fn tree_without_times(&self) -> String {
        let mut text = String::new();
        for top in [&self.root, &self.home] {
            self.describe(top, &mut text, false);
        }
        text
    }

    fn describe(&self, path: &Path, text: &mut String, times: bool) {
        let found = fs::symlink_metadata(path).unwrap();
        let top = self.root.parent().unwrap();
        let name = path.strip_prefix(top).unwrap();
        write!(text, "{name:?} {:o} {}:{}", found.mode(), found.uid(), found.gid()).unwrap();
        if found.is_symlink() {
            let target = fs::read_link(path).unwrap();
            let target = target.strip_prefix(top).map_or(target.clone(), |rest| Path::new("TOP").join(rest));
            writeln!(text, " -> {target:?}").unwrap();
        } else if found.is_dir() {
            text.push('\n');
            let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort_unstable();
            names.iter().for_each(|name| self.describe(&path.join(name), text, times));
        } else if found.is_file() {
            let content = fs::read(path).unwrap();
            let shown = match std::str::from_utf8(&content) {
                Ok(short) if short.len() < 200 => format!("{:?}", short.replace(&*top.to_string_lossy(), "TOP")),
                _ => format!("{} bytes, hash {:x}", content.len(), hash(&content)),
            };
            let time = if times { format!(" {}.{:09}", found.mtime(), found.mtime_nsec()) } else { String::new() };
            writeln!(text, "{time} {shown}").unwrap();
        } else {
            text.push('\n');
        }
    }
}

fn hash(content: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
