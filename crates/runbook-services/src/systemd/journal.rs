//! One entry of the journal, as `journalctl -o json` writes it, and what it has to do with a unit.
//!
//! `journal_mark.rs` notes positions, `journal_tail.rs` reads on from one. Fields: systemd.journal-fields(7).

use super::Unit;
use runbook_host::{Command, without_escapes};
use serde_json::{Map, Value as Json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// The fields that are looked at.
const FIELDS: &[&str] = &[
    "MESSAGE",
    "MESSAGE_ID",
    "_PID",
    "_UID",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "_SYSTEMD_INVOCATION_ID",
    "_STREAM_ID",
    "UNIT",
    "INVOCATION_ID",
    "USER_UNIT",
    "USER_INVOCATION_ID",
    "OBJECT_SYSTEMD_UNIT",
    "OBJECT_SYSTEMD_USER_UNIT",
];
/// `SD_MESSAGE_JOURNAL_DROPPED`: journald left out lines of a service that wrote too many.
pub(super) const DROPPED: &str = "a596d6fe7bfa4994828e72309e95d61e";
/// `SD_MESSAGE_UNIT_STARTING` and `SD_MESSAGE_UNIT_STARTED`: one of both is there for each start.
pub(super) const BEGINS: [&str; 2] = ["7d4958e842da4a758f6c1cdc7b36dcc5", "39f53479d3a045ac8e11786248231fbf"];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place in the journal; no other entry has the same.
    pub(super) cursor: String,
    /// When it was received, in microseconds since 1970.
    pub(super) at_us: u64,
    /// What it says, without colour; `None` if it cannot be read.
    pub(super) text: Option<String>,
    /// The number of the process that wrote it.
    pub(super) pid: Option<u32>,
    fields: Map<String, Json>,
}

/// What an entry has to do with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// A process of the unit wrote it.
    Unit,
    /// The service manager wrote it about the unit.
    Manager,
    /// journald says that it left out lines of the unit.
    Dropped,
}

impl Entry {
    /// Reads one line of JSON; `None` if it is none.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let fields: Map<String, Json> = serde_json::from_slice(line).ok()?;
        let get = |name: &str| first(fields.get(name)?);
        Some(Self {
            cursor: get("__CURSOR")?.to_owned(),
            at_us: get("__REALTIME_TIMESTAMP")?.parse().ok()?,
            // An entry without a message says nothing; one whose message is null could not be read.
            text: fields.get("MESSAGE").map_or_else(|| Some(String::new()), text).map(|text| without_escapes(&text)),
            pid: get("_PID").and_then(|pid| pid.parse().ok()),
            fields,
        })
    }

    /// What it has to do with `unit`, of this user's manager (`uid`) if it is a user's; and in which of its lives. Fields
    /// that begin with `_` come from journald itself; the others anybody can write, so they count from the manager alone.
    pub(super) fn concerns(&self, unit: &Unit, uid: u32) -> Option<(Author, Option<&str>)> {
        let is = |field: &str, value: &str| self.get(field) == Some(value);
        let of_user = is("_UID", &uid.to_string());
        let manager = format!("user@{uid}.service");
        let (own, told, invocation, object) = if unit.user {
            ("_SYSTEMD_USER_UNIT", "USER_UNIT", "USER_INVOCATION_ID", "OBJECT_SYSTEMD_USER_UNIT")
        } else {
            ("_SYSTEMD_UNIT", "UNIT", "INVOCATION_ID", "OBJECT_SYSTEMD_UNIT")
        };
        let is_manager = if unit.user { of_user && is("_SYSTEMD_UNIT", &manager) } else { is("_PID", "1") };
        if is(own, &unit.name) && (of_user || !unit.user) {
            Some((Author::Unit, self.get("_SYSTEMD_INVOCATION_ID")))
        } else if is_manager && is(told, &unit.name) {
            Some((Author::Manager, self.get(invocation)))
        } else if is("MESSAGE_ID", DROPPED) && is("_SYSTEMD_UNIT", "systemd-journald.service") && is(object, &unit.name)
        {
            Some((Author::Dropped, None))
        } else {
            None
        }
    }

    /// Which connection to journald it came through; a process that is started gets one of its own.
    pub(super) fn stream(&self) -> Option<&str> {
        self.get("_STREAM_ID")
    }

    /// Whether the manager says with it that a unit is being started, or was.
    pub(super) fn begins(&self) -> bool {
        self.get("MESSAGE_ID").is_some_and(|id| BEGINS.contains(&id))
    }

    fn get(&self, field: &str) -> Option<&str> {
        first(self.fields.get(field)?)
    }
}

/// The journal as JSON lines, with what chooses the entries.
pub(super) fn journalctl(choice: impl IntoIterator<Item = String>) -> Command {
    let fixed = ["journalctl", "--quiet", "--no-pager", "--all", "--output=json"].map(str::to_owned);
    let fields = format!("--output-fields={}", FIELDS.join(","));
    Command { limit: Some(LIMIT), ..Command::new(fixed.into_iter().chain([fields]).chain(choice)) }
}

/// A field that was given more than once is a list.
fn first(value: &Json) -> Option<&str> {
    match value {
        Json::String(text) => Some(text),
        Json::Array(values) => values.iter().find_map(Json::as_str),
        _ => None,
    }
}

/// Text is a string, an array of bytes if it is not printable, null if it was left out, and an array of these if the
/// field was given more than once.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(values) if values.iter().all(Json::is_u64) => {
            let bytes: Vec<u8> = values.iter().filter_map(Json::as_u64).filter_map(|b| u8::try_from(b).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Json::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>().map(|parts| parts.join("\n")),
        _ => None,
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub(super) mod tests;
