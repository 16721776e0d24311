//! A room: the directory of one open lab. It is made before anything else of the lab and removed after everything else, so
//! what a dead lab left can be found by its room alone.

use crate::cgroup::Cgroup;
use crate::error::{Error, Result, WithPath};
use crate::guard::Guard;
use crate::seat::Seat;
use crate::site::Site;
use crate::switch::Switch;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The room of the hosts that people boot by hand: it has no holder and stays until it is taken down.
pub(crate) const KEPT: &str = "kept";

/// The ports of the switch; the first addresses are the switch's own.
const PORTS: std::ops::Range<u8> = 10..250;

/// One open lab.
#[derive(Debug)]
pub(crate) struct Room {
    /// In the name of everything on the machine that belongs to the room.
    pub(crate) name: String,
    /// The lab's directory on this machine.
    pub(crate) site: Site,
    /// The shared tree that its hosts see.
    pub(crate) tree: PathBuf,
    /// The network of its hosts.
    pub(crate) switch: Switch,
    /// The group above its hosts.
    pub(crate) cgroup: Cgroup,
    dir: PathBuf,
    /// Locked as long as this process lives; none in the room that stays.
    holder: Option<File>,
    /// Ends the hosts if this process dies; none in the room that stays.
    guard: Option<Guard>,
}

impl Room {
    /// Makes a room for this process. The caller holds the site's lock.
    pub(crate) fn new(site: &Site, tree: PathBuf) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut room = Self::at(site, tree, &id)?;
        std::fs::create_dir(&room.dir).with_path(&room.dir)?;
        let path = room.dir.join("holder");
        let holder = File::create_new(&path).with_path(&path)?;
        holder.try_lock().map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
        room.holder = Some(holder);
        room.furnish()?;
        room.guard = Some(Guard::over(&room.cgroup)?);
        Ok(room)
    }

    /// The room that stays, made if it is not there. The caller holds the site's lock.
    pub(crate) fn kept(site: &Site, tree: PathBuf) -> Result<Self> {
        let room = Self::at(site, tree, KEPT)?;
        std::fs::create_dir_all(&room.dir).with_path(&room.dir)?;
        room.furnish()?;
        Ok(room)
    }

    /// A room by its name, without making anything.
    pub(crate) fn at(site: &Site, tree: PathBuf, id: &str) -> Result<Self> {
        let name = format!("runbook-lab-{id}");
        Ok(Self {
            site: site.clone(),
            tree,
            switch: Switch::called(&name),
            cgroup: Cgroup::root().map_err(Error::Refused)?.child(&name),
            dir: site.rooms().join(id),
            holder: None,
            guard: None,
            name,
        })
    }

    /// Whether a living process holds the room, or it is the one that stays.
    pub(crate) fn is_held(&self) -> Result<bool> {
        if self.dir.ends_with(KEPT) {
            return Ok(true);
        }
        let path = self.dir.join("holder");
        let holder = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            opened => opened.with_path(&path)?,
        };
        match holder.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error).with_path(path),
        }
    }

    /// Whether hosts live on when this process ends.
    pub(crate) fn outlives_us(&self) -> bool {
        self.holder.is_none()
    }

    /// A place for the new host `name`, with a port that no other host of the room has.
    pub(crate) fn seat(&self, name: &str) -> Result<Seat> {
        check_name(name)?;
        let dir = self.dir.join("hosts").join(name);
        std::fs::create_dir(&dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Refused(format!("there is a host `{name}` already")),
            _ => Error::File { path: dir.clone(), source: error },
        })?;
        for port in PORTS {
            // A name in a directory is given once, even where others ask.
            if File::create_new(self.port(port)).is_ok() {
                let path = dir.join("port");
                std::fs::write(&path, port.to_string()).with_path(path)?;
                return Ok(Seat { name: name.to_owned(), cgroup: self.cgroup.child(name), dir, port });
            }
        }
        Err(Error::Refused("all addresses of the lab are taken; take hosts down".to_owned()))
    }

    /// The place of a host that is there.
    pub(crate) fn find(&self, name: &str) -> Result<Seat> {
        let dir = self.dir.join("hosts").join(name);
        let path = dir.join("port");
        let port = std::fs::read_to_string(&path).with_path(&path)?;
        let port = port.trim().parse().map_err(|_| Error::Refused(format!("{} holds no port", path.display())))?;
        Ok(Seat { name: name.to_owned(), cgroup: self.cgroup.child(name), dir, port })
    }

    /// The names of all hosts in the room, in order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let hosts = self.dir.join("hosts");
        let entries = match std::fs::read_dir(&hosts) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_path(&hosts)?,
        };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Ends a host and removes its disk.
    pub(crate) fn clear(&self, seat: &Seat) -> Result<()> {
        seat.cgroup.kill()?;
        seat.cgroup.remove()?;
        remove_all(&seat.dir)?;
        remove_all(&self.port(seat.port))
    }

    /// Ends everything in the room and removes it.
    pub(crate) fn demolish(&self) -> Result<()> {
        self.cgroup.kill()?;
        self.cgroup.remove()?;
        self.switch.remove()?;
        remove_all(&self.dir)
    }

    fn furnish(&self) -> Result<()> {
        for part in ["hosts", "ports"] {
            let path = self.dir.join(part);
            std::fs::create_dir_all(&path).with_path(path)?;
        }
        self.cgroup.create()?;
        self.switch.create()
    }

    /// A place in the room's directory, which goes with it.
    pub(crate) fn corner(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn port(&self, port: u8) -> PathBuf {
        self.dir.join("ports").join(port.to_string())
    }
}

/// The last of the lab and its hosts takes the room with it. What cannot be removed now, the next lab removes.
impl Drop for Room {
    fn drop(&mut self) {
        if self.holder.is_some() {
            let _ = self.demolish();
            drop(self.guard.take());
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || name.len() > 40 || name.starts_with('-') || !name.chars().all(fits) {
        return Err(Error::Refused(format!("`{name}` is no name for a host; use small letters, digits and `-`")));
    }
    Ok(())
}

/// Removes a file or a directory with all that is in it; what is gone already is fine.
fn remove_all(path: &std::path::Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_path(path),
        _ => Ok(()),
    }
}
