//! What a unit has written to the journal since a position.
//!
//! The journal is read without a filter and from the last known entry on, that entry included: if it comes first, nothing
//! was lost in between; if not, the journal was rotated away or vacuumed, and nothing can be said of what was *not*
//! there. (With a filter, `journalctl --after-cursor` of systemd 252 leaves out the first entry that matches.)

use super::journal::{Author, DROPPED, Entry, journalctl};
use super::{JournalMark, Unit, UnitState};
use runbook_host::{Command, Reader};
use runbook_model::{Failure, FailureKind};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long journald may take to write down what was sent to it.
const SYNC: Duration = Duration::from_secs(5);

/// Follows the journal of one unit.
#[derive(Debug)]
pub struct JournalTail {
    unit: Unit,
    uid: u32,
    /// The last entry that was read.
    cursor: Option<String>,
    /// A life of the unit that is to be read from its begin, before anything else, up to a time.
    whole: Option<(String, u64)>,
    /// Lives of the unit that do not count.
    old: BTreeSet<String>,
    /// Processes that do not count.
    old_pids: BTreeSet<u32>,
    /// The life that each connection to journald began in. journald asks for the life of a line when it gets to it, and
    /// then the unit may have another one.
    streams: BTreeMap<String, String>,
    /// Nothing counts before the first line of this life.
    awaited: Option<String>,
    /// Its first line was seen.
    began: bool,
    /// A process of the unit has written something.
    spoke: bool,
    /// Why what it writes cannot be here.
    elsewhere: Option<String>,
    /// Why lines may have been missed before its start: none, once the start itself is seen.
    unproven: Option<String>,
    lost: Option<String>,
}

/// One line of the unit, or about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    at_us: u64,
    pid: Option<u32>,
    /// Its text, without colour.
    pub text: String,
}

impl JournalTail {
    /// What comes after `mark` and is not of the life that the unit had then. A unit that was started since, but not by
    /// systemd itself after a failure, is read from the first line of its present life.
    pub fn since(host: &Reader, unit: &Unit, now: &UnitState, mark: JournalMark) -> Self {
        let mut tail = Self::new(host, unit, now);
        if mark.cursor.is_none() {
            tail.lose("no position to read the journal from is known");
        }
        if now.invocation != mark.invocation {
            tail.awaited = Some(now.invocation.clone()).filter(|id| !id.is_empty() && now.restarts == 0);
            tail.disown(mark.invocation);
            tail.old_pids = mark.pids;
        }
        tail.cursor = mark.cursor;
        tail
    }

    /// All that the unit wrote since it was last started.
    pub fn of_this_life(host: &Reader, unit: &Unit, now: &UnitState) -> Result<Self, Failure> {
        let mut tail = Self::new(host, unit, now);
        tail.cursor = unit.journal_mark(host, now)?.cursor;
        let until = host.now_ms().saturating_mul(1000);
        if now.invocation.is_empty() {
            tail.lose(&format!("{unit} does not run"));
        } else {
            tail.whole = Some((now.invocation.clone(), u64::try_from(until).unwrap_or(0)));
        }
        Ok(tail)
    }

    fn new(host: &Reader, unit: &Unit, now: &UnitState) -> Self {
        let mut tail = Self::of(unit.clone(), host.own_uid());
        tail.elsewhere = elsewhere(unit, now);
        if tail.uid != 0 && !tail.may_read(host) {
            tail.lost = Some(format!(
                "this user may not read what {unit} writes to the journal: run as root or as a member of the group \
                 systemd-journal"
            ));
        }
        tail
    }

    /// Nothing read, nothing known.
    fn of(unit: Unit, uid: u32) -> Self {
        Self {
            unit,
            uid,
            cursor: None,
            whole: None,
            old: BTreeSet::new(),
            old_pids: BTreeSet::new(),
            streams: BTreeMap::new(),
            awaited: None,
            began: false,
            unproven: None,
            spoke: false,
            elsewhere: None,
            lost: None,
        }
    }

    /// Why lines may have been missed, if they may.
    pub fn lost(&self) -> Option<&str> {
        let elsewhere = if self.spoke { None } else { self.elsewhere.as_deref() };
        self.lost.as_deref().or(self.unproven.as_deref()).or(elsewhere)
    }

    /// Hands every line that was written since the last call to `see`. With `last`, journald first takes in what was sent
    /// to it, as far as this user may ask for that.
    pub fn read(&mut self, host: &Reader, last: bool, see: &mut (dyn FnMut(JournalLine) + Send)) {
        if last && self.uid == 0 {
            let sync = Command { limit: Some(SYNC), ..Command::new(["journalctl", "--sync"]) };
            if host.ask(&sync).is_err_and(|failure| failure.kind == FailureKind::TimedOut) {
                self.lose("journald does not take in what is sent to it");
            }
        }
        if let Some((invocation, until)) = self.whole.take() {
            self.read_life(host, &invocation, until, see);
        }
        let Some(cursor) = self.cursor.clone() else { return };
        let mut first = true;
        self.ask(host, [format!("--cursor={cursor}")], &mut |tail, entry| {
            if std::mem::take(&mut first) {
                if entry.cursor == cursor {
                    return;
                }
                tail.lose_position();
            }
            tail.cursor = Some(entry.cursor.clone());
            tail.judge(entry, see);
        });
        if first {
            self.lose_position();
        }
    }

    /// Reads one life of the unit from its begin, which has to be there, up to the time `until`.
    fn read_life(&mut self, host: &Reader, life: &str, until: u64, see: &mut (dyn FnMut(JournalLine) + Send)) {
        let Self { unit, uid, .. } = &*self;
        let choice = if unit.user {
            let own = format!("_SYSTEMD_INVOCATION_ID={life} _UID={uid}");
            format!(
                "{own} + USER_INVOCATION_ID={life} _UID={uid} + MESSAGE_ID={DROPPED} OBJECT_SYSTEMD_USER_UNIT={unit}"
            )
        } else {
            let about = format!("INVOCATION_ID={life} _PID=1");
            format!("_SYSTEMD_INVOCATION_ID={life} + {about} + MESSAGE_ID={DROPPED} OBJECT_SYSTEMD_UNIT={unit}")
        };
        let mut begun = false;
        self.ask(host, choice.split(' ').map(str::to_owned), &mut |tail, entry| {
            if entry.at_us <= until {
                begun |= entry.begins();
                tail.judge(entry, see);
            }
        });
        if !begun {
            self.lose("the journal no longer has its start");
        }
    }

    fn ask(
        &mut self,
        host: &Reader,
        choice: impl IntoIterator<Item = String>,
        see: &mut (dyn FnMut(&mut Self, Entry) + Send),
    ) {
        let asked = host.ask_lines(&journalctl(choice), &mut |line| match Entry::parse(line) {
            Some(entry) => see(self, entry),
            None => self.lose("journalctl said something that is not an entry"),
        });
        match asked {
            Ok(output) if output.status.success() => {}
            Ok(output) => self.lose(&format!("journalctl failed: {}", output.tail())),
            Err(failure) => self.lose(&failure.message),
        }
    }

    fn judge(&mut self, entry: Entry, see: &mut (dyn FnMut(JournalLine) + Send)) {
        let Some((author, life)) = entry.concerns(&self.unit, self.uid) else { return };
        if author == Author::Dropped {
            return self.lose(&format!("journald left lines out: {}", entry.text.unwrap_or_default()));
        }
        let life = life.unwrap_or_default().to_owned();
        let life = match entry.stream() {
            Some(stream) => self.streams.entry(stream.to_owned()).or_insert(life).clone(),
            None => life,
        };
        if author == Author::Unit && entry.pid.is_some_and(|pid| self.old_pids.contains(&pid)) {
            return;
        }
        let is_awaited = self.awaited.as_ref().is_some_and(|awaited| *awaited == life);
        if self.awaited.is_some() && !self.began && !is_awaited {
            self.disown(life);
            return;
        }
        self.began |= is_awaited;
        if is_awaited && author == Author::Manager && entry.begins() {
            self.unproven = None;
        }
        if self.old.contains(&life) {
            return;
        }
        self.spoke |= author == Author::Unit;
        match entry.text {
            Some(text) => see(JournalLine { at_us: entry.at_us, pid: entry.pid, text }),
            None => self.lose("a line of it cannot be read"),
        }
    }

    fn may_read(&self, host: &Reader) -> bool {
        let control =
            if self.unit.user { format!("_SYSTEMD_UNIT=user@{}.service", self.uid) } else { "_PID=1".to_owned() };
        let mut seen = false;
        let _ = host.ask_lines(&journalctl(["--lines=1".to_owned(), control]), &mut |_| seen = true);
        seen
    }

    /// What this life of the unit writes does not count. A line of which journald does not know the life is of no old one.
    fn disown(&mut self, life: String) {
        if !life.is_empty() {
            self.old.insert(life);
        }
    }

    /// The entry to read on from is gone, and others with it.
    fn lose_position(&mut self) {
        let why = "the journal was vacuumed since";
        if self.awaited.is_some() && !self.began {
            self.unproven = Some(why.to_owned());
        } else {
            self.lose(why);
        }
    }

    /// The first reason stays.
    fn lose(&mut self, why: &str) {
        self.lost.get_or_insert_with(|| why.to_owned());
    }
}

impl JournalLine {
    /// `journal 02:14:07 pid 412`; UTC, as all times that are shown.
    pub fn place(&self) -> String {
        let of_day = self.at_us / 1_000_000 % 86_400;
        let clock = format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
        self.pid.map_or_else(|| format!("journal {clock}"), |pid| format!("journal {clock} pid {pid}"))
    }
}

/// Why what `unit` writes does not go to the journal that is read, if it does not.
fn elsewhere(unit: &Unit, now: &UnitState) -> Option<String> {
    let get = |name: &str| now.properties.get(name).map(String::as_str).unwrap_or_default();
    let (output, namespace) = (get("StandardOutput"), get("LogNamespace"));
    if !namespace.is_empty() {
        return Some(format!("{unit} writes to the journal namespace `{namespace}`, which is not read"));
    }
    let leaves = ["null", "tty", "socket", "fd", "file", "append", "truncate"];
    let leaves = leaves.contains(&output.split(':').next().unwrap_or_default());
    leaves.then(|| format!("{unit} has StandardOutput={output}, so it does not write to the journal; name its `log`"))
}

#[cfg(test)]
#[path = "journal_tail_tests.rs"]
mod tests;
