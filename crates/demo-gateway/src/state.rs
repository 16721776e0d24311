//! The state directory: configuration, sessions and messages. A release with a newer format converts the sessions when
//! it starts, and an older release cannot read them then.

use crate::app::read_json;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The port of a new configuration.
pub(crate) const DEFAULT_PORT: u16 = 18_789;

/// The state of a gateway that runs.
#[derive(Debug)]
pub(crate) struct State {
    dir: PathBuf,
    /// The port of the configuration.
    pub(crate) port: u16,
    /// The channels of the configuration.
    pub(crate) channels: Vec<String>,
    /// Set if the sessions are of a format that this release cannot read.
    pub(crate) unreadable: Option<String>,
}

/// Makes the state of a gateway that has been in use at `dir`, which must not exist.
pub(crate) fn make(dir: &Path, port: u16) -> Result<(), String> {
    if dir.exists() {
        return Err(format!("{} is there already", dir.display()));
    }
    let sessions: Vec<Value> =
        (1..=20).map(|number| json!({ "id": format!("agent:main:{number}"), "messages": number })).collect();
    let lines: String = (1..=50)
        .map(|number| format!("{}\n", json!({ "channel": "chat", "message": format!("hello {number}") })))
        .collect();
    fs::create_dir_all(dir)
        .and_then(|()| replace(&dir.join("config.json"), &json!({ "port": port, "channels": ["chat", "mail"] })))
        .and_then(|()| replace(&dir.join("sessions.json"), &json!({ "format": 1, "sessions": sessions })))
        .and_then(|()| fs::write(dir.join("messages.log"), lines))
        .map_err(|error| format!("cannot make {}: {error}", dir.display()))
}

impl State {
    /// The state at `dir` for a release that reads `format`; made if it is not there, converted if it is older.
    pub(crate) fn open(dir: &Path, format: u64) -> Result<Self, String> {
        if !dir.exists() {
            make(dir, DEFAULT_PORT)?;
        }
        let config = read_json(&dir.join("config.json"))?;
        let port = config.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let channels = config.get("channels").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut state = Self {
            dir: dir.to_owned(),
            port: port.ok_or_else(|| format!("{}: `port` must be a port", dir.join("config.json").display()))?,
            channels: channels.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            unreadable: None,
        };
        state.convert(format)?;
        Ok(state)
    }

    fn convert(&mut self, format: u64) -> Result<(), String> {
        let path = self.dir.join("sessions.json");
        let mut sessions = read_json(&path)?;
        let found = sessions.get("format").and_then(Value::as_u64).unwrap_or(1);
        if found > format {
            self.unreadable = Some(format!("sessions.json has format {found}, this release reads {format}"));
        } else if found < format {
            sessions["format"] = json!(format);
            for session in sessions.get_mut("sessions").and_then(Value::as_array_mut).into_iter().flatten() {
                session["model"] = json!("default");
            }
            replace(&path, &sessions).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Keeps a message that was received.
    pub(crate) fn keep(&self, channel: &str, message: &str) -> std::io::Result<()> {
        let mut log = fs::OpenOptions::new().append(true).create(true).open(self.dir.join("messages.log"))?;
        log.write_all(format!("{}\n", json!({ "channel": channel, "message": message })).as_bytes())
    }
}

fn replace(path: &Path, value: &Value) -> std::io::Result<()> {
    let staged = path.with_extension("new");
    fs::write(&staged, format!("{value:#}\n"))?;
    fs::rename(staged, path)
}
