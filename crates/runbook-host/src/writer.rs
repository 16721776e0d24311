//! Writing the host. Every method that changes something passes [`Host::act`] first: the fault point of the tests.

use crate::places::{done_there, found_at, place_if_any, place_of, still_there};
use crate::{Cancel, Reader, Running, Unusable, backup_failure, io_failure};
use runbook_backup::{Spot, set_directory_mode};
use runbook_model::{Failure, FailureKind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::fs;
use std::io::{self, Write};
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// A handle that can read, write and run commands.
#[derive(Clone, Debug)]
pub struct Host {
    reader: Reader,
    pub(crate) runtime: tokio::runtime::Handle,
    unusable: Arc<[Unusable]>,
    own_program: PathBuf,
    acts_left: Arc<AtomicI64>,
}

/// Makes a [`Host`].
#[derive(Debug)]
pub struct HostBuilder(Host);

impl Deref for Host {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl HostBuilder {
    /// A host whose commands run on `runtime` and stop when `cancel` is asked. `own_program` is the `runbook` binary,
    /// which is also the supervisor of `process.*`.
    pub fn new(mut reader: Reader, runtime: tokio::runtime::Handle, cancel: Cancel, own_program: PathBuf) -> Self {
        reader.errand.cancel = cancel;
        Self(Host {
            reader,
            runtime,
            unusable: Arc::default(),
            own_program,
            acts_left: Arc::new(AtomicI64::new(i64::MAX)),
        })
    }

    /// Work that is not over by then fails as timed out.
    #[must_use]
    pub fn deadline(mut self, deadline: Option<Instant>) -> Self {
        self.0.reader.errand.deadline = deadline;
        self
    }

    /// Nothing is changed or started any more once `leaving` is asked: the process is about to end.
    #[must_use]
    pub fn until(mut self, leaving: Cancel) -> Self {
        self.0.reader.errand.leaving = leaving;
        self
    }

    /// Where to note running commands, so that a later `runbook` can end those of a crashed one, and the value of
    /// `RUNBOOK_STEP` (`<run>/<step>`) in their environment, by which it knows them.
    #[must_use]
    pub fn noting(mut self, running: Running, tag: String) -> Self {
        self.0.reader.errand.running = running;
        self.0.reader.errand.tag = tag;
        self
    }

    /// For tests: the act after the first `acts` fails, and so do all later ones.
    #[must_use]
    pub fn failing_after(mut self, acts: i64) -> Self {
        self.0.acts_left = Arc::new(AtomicI64::new(acts));
        self
    }

    /// The host.
    pub fn build(self) -> Host {
        self.0
    }
}

impl Host {
    /// The read-only half.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The `runbook` binary.
    pub fn own_program(&self) -> &Path {
        &self.own_program
    }

    /// The same host, which writes and runs nothing that holds one of these texts.
    #[must_use]
    pub fn refusing(mut self, unusable: Vec<Unusable>) -> Self {
        self.unusable = unusable.into();
        self
    }

    /// The failure of what is sent or written, if one of its parts holds what is missing.
    pub fn usable(&self, parts: &[&[u8]]) -> Result<(), Failure> {
        for Unusable { text, why } in self.unusable.iter() {
            let holds = |part: &&[u8]| part.windows(text.len()).any(|window| window == text.as_bytes());
            if parts.iter().any(holds) {
                return Err(why.clone());
            }
        }
        Ok(())
    }

    /// The same for a path.
    pub(crate) fn usable_path(&self, path: &Path) -> Result<(), Failure> {
        self.usable(&[path.as_os_str().as_bytes()])
    }

    /// To be called before each change of the host that does not go through another method here. Fails when this
    /// process is about to end, for then another one may take its place; or when a test has arranged it.
    pub fn act(&self) -> Result<(), Failure> {
        if self.errand.leaving.is_cancelled() {
            return Err(Failure::new(FailureKind::Cancelled, "left by the operator"));
        }
        if self.acts_left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        Err(Failure::failed("a fault was injected here"))
    }

    /// Waits for `duration`, shorter if the operator cancels or the time is up, which is a failure.
    pub fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let until = Instant::now() + duration;
        let deadline = self.errand.deadline;
        self.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                _ = self.errand.unwanted(deadline) => {}
            }
        });
        self.still_wanted()
    }

    /// Puts `content` at `path` with permission bits `mode` in one rename: readers see the old or the new file, never a
    /// part, and after a power cut one of the two is there. A new file belongs to the caller; a replaced one keeps
    /// its owner, its ACL and its attributes, and is left alone where that is not allowed.
    pub fn replace_file(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
        self.usable(&[content])?;
        let failed = |error: io::Error| io_failure("write", path, &error);
        self.put(&self.begin(path)?, mode, |file| file.write_all(content).map_err(failed))
    }

    /// The place of a path that is about to be changed.
    pub(crate) fn begin(&self, path: &Path) -> Result<Spot, Failure> {
        self.usable_path(path)?;
        let spot = place_of(path)?;
        self.act()?;
        Ok(spot)
    }

    /// Puts what `write` writes at a place, with the guarantees of [`replace_file`](Self::replace_file).
    pub(crate) fn put(
        &self,
        spot: &Spot,
        mode: u32,
        write: impl FnOnce(&mut fs::File) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| io_failure("write", spot.path(), &error);
        let (staged, mut file) = self.stage_file(spot)?;
        write(&mut file)?;
        self.dress(&file, spot, mode)?;
        file.sync_all().map_err(failed)?;
        staged.put_in_place().map_err(failed)?;
        done_there(spot)
    }

    /// Gives a file that will replace the one at a place the owner, the ACL and the attributes of that one, and the mode.
    fn dress(&self, staged: &fs::File, spot: &Spot, mode: u32) -> Result<(), Failure> {
        let path = spot.path();
        if found_at(spot)?.is_some_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile) {
            let unread = |error: io::Error| io_failure("read", path, &error);
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let old = openat(spot.fd(), spot.name(), flags, Mode::empty()).map_err(|error| unread(error.into()))?;
            let old = fs::File::from(old);
            let owner = |file: &fs::File| file.metadata().map(|found| (found.uid(), found.gid())).map_err(unread);
            let (uid, gid) = owner(&old)?;
            if owner(staged)? != (uid, gid) {
                fchown(staged, Some(uid), Some(gid)).map_err(|error| {
                    let failure = io_failure("keep the owner of", path, &error);
                    failure.hint("run as root, or make the file belong to this user and one of its groups")
                })?;
            }
            runbook_backup::carry_over(&old, staged, path)
                .map_err(|error| backup_failure(&format!("{} is not replaced", path.display()), &error))?;
        }
        let failed = |error: io::Error| io_failure("change the mode of", path, &error);
        staged.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)
    }

    /// Makes a directory with permission bits `mode`; its parent must exist.
    pub fn create_dir(&self, path: &Path, mode: u32) -> Result<(), Failure> {
        let spot = self.begin(path)?;
        let failed = |error: Errno| io_failure("create", path, &error.into());
        mkdirat(spot.fd(), spot.name(), Mode::RWXU).map_err(failed)?;
        set_directory_mode(spot.fd(), spot.name(), mode).map_err(failed)?;
        done_there(&spot)
    }

    /// Puts a symlink to `target` at `path` in one rename; whatever file or link was there is replaced.
    pub fn replace_link(&self, path: &Path, target: &Path) -> Result<(), Failure> {
        self.usable_path(target)?;
        let spot = self.begin(path)?;
        let staged = self.stage_link(&spot, target)?;
        staged.put_in_place().map_err(|error| io_failure("link", path, &error))?;
        done_there(&spot)
    }

    /// Removes a file, symlink or empty directory; nothing there is fine.
    pub fn remove(&self, path: &Path) -> Result<(), Failure> {
        self.usable_path(path)?;
        let Some(spot) = place_if_any(path)? else { return self.act() };
        self.act()?;
        let failed = |error: Errno| io_failure("remove", path, &error.into());
        let flags = match found_at(&spot)?.map(|found| FileType::from_raw_mode(found.st_mode)) {
            None => return Ok(()),
            Some(FileType::Directory) => AtFlags::REMOVEDIR,
            Some(_) => AtFlags::empty(),
        };
        unlinkat(spot.fd(), spot.name(), flags).map_err(failed)?;
        done_there(&spot)
    }

    /// Removes a directory, unless somebody has put anything into it. Whether it is gone; one that was not there is.
    pub fn remove_if_empty(&self, path: &Path) -> Result<bool, Failure> {
        self.usable_path(path)?;
        let Some(spot) = place_if_any(path)? else { return Ok(true) };
        if found_at(&spot)?.is_none() {
            return Ok(true);
        }
        self.act()?;
        match unlinkat(spot.fd(), spot.name(), AtFlags::REMOVEDIR) {
            Ok(()) => done_there(&spot).map(|()| true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => still_there(&spot).map(|()| false),
            Err(error) => Err(io_failure("remove", path, &error.into())),
        }
    }

    /// Gives a directory these permission bits. Whether it had others.
    pub fn set_mode(&self, path: &Path, mode: u32) -> Result<bool, Failure> {
        self.usable_path(path)?;
        let spot = place_of(path)?;
        let is = found_at(&spot)?.map(|found| Mode::from_raw_mode(found.st_mode));
        if is == Some(Mode::from_raw_mode(mode)) {
            return still_there(&spot).map(|()| false);
        }
        self.act()?;
        let failed = |error: Errno| io_failure("change the mode of", path, &error.into());
        set_directory_mode(spot.fd(), spot.name(), mode).map_err(failed)?;
        still_there(&spot).map(|()| true)
    }
}
