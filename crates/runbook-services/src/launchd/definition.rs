//! A job's property list, as far as it is needed here (launchd.plist(5)). XML and binary ones are read.

use plist::{Dictionary, Value};
use runbook_host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a property list says of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// `Label`.
    pub label: String,
    /// The program file: `Program`, else the first of `ProgramArguments`. `None` if it is named relative to a bundle.
    pub program: Option<String>,
    /// The argument vector with the program's own name first.
    pub arguments: Vec<String>,
    /// `KeepAlive` is on in some way: launchd starts it again when it ends.
    pub keep_alive: bool,
    /// `KeepAlive` is `true`: launchd starts it again however it ended, so it is no command that is done when it ends.
    pub respawns: bool,
    /// launchd starts it as soon as it is loaded.
    pub starts_when_loaded: bool,
    /// `EnvironmentVariables`.
    pub environment: BTreeMap<String, String>,
    /// `UserName`.
    pub user: Option<String>,
    /// `WorkingDirectory`.
    pub working_directory: Option<PathBuf>,
    /// `StandardOutPath`.
    pub stdout: Option<PathBuf>,
    /// `StandardErrorPath`.
    pub stderr: Option<PathBuf>,
    /// `Disabled`: what holds while launchd's database says nothing.
    pub disabled: bool,
}

impl Definition {
    /// What the property list at `path` says; `None` if there is no file.
    pub fn at(host: &Reader, path: &Path) -> Result<Option<Self>, Failure> {
        let Some(bytes) = host.read(path)? else { return Ok(None) };
        let said = Self::parse(&bytes).map_err(|why| {
            Failure::refused(format!("{} is no property list of a job: {why}", path.display()))
                .hint("`plutil -lint` on it says where; nothing was changed")
        })?;
        Ok(Some(said))
    }

    /// The same, of the job called `label`; a refusal if there is no file or it is that of another job.
    pub fn of(host: &Reader, path: &Path, label: &str) -> Result<Self, Failure> {
        let place = path.display();
        let found = Self::at(host, path)?.ok_or_else(|| {
            Failure::missing(format!("there is no property list {place} for {label}"))
                .hint("correct `label`, or say with `plist` where it is, or write it with `launchd.plist` first")
        })?;
        if found.label != label {
            let message = format!("{place} is the property list of {}, not of {label}", found.label);
            return Err(Failure::refused(message).hint("correct `label` or `plist`"));
        }
        Ok(found)
    }

    /// Reads a property list. The error says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let is_xml = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        if !is_xml && !bytes.starts_with(b"bplist") {
            return Err("it is neither XML nor a binary property list".to_owned());
        }
        let value = Value::from_reader(std::io::Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let Value::Dictionary(keys) = &value else { return Err("it is not a dictionary".to_owned()) };
        let arguments = strings(keys, "ProgramArguments")?;
        let program = string(keys, "Program")?.or_else(|| arguments.first().cloned());
        let bundled = string(keys, "BundleProgram")?.is_some();
        if program.as_deref().is_none_or(str::is_empty) && !bundled {
            return Err("it has neither Program nor ProgramArguments, so there is nothing to run".to_owned());
        }
        let label = string(keys, "Label")?.filter(|label| !label.is_empty());
        let (keep_alive, kept_from_the_start) = keep_alive(keys)?;
        Ok(Self {
            label: label.ok_or("it has no Label")?,
            arguments: if arguments.is_empty() { program.iter().cloned().collect() } else { arguments },
            program: program.filter(|program| !program.is_empty()),
            keep_alive,
            respawns: matches!(keys.get("KeepAlive"), Some(Value::Boolean(true))),
            starts_when_loaded: kept_from_the_start || boolean(keys, "RunAtLoad")?,
            environment: environment(keys)?,
            user: string(keys, "UserName")?,
            working_directory: string(keys, "WorkingDirectory")?.map(PathBuf::from),
            stdout: string(keys, "StandardOutPath")?.map(PathBuf::from),
            stderr: string(keys, "StandardErrorPath")?.map(PathBuf::from),
            disabled: boolean(keys, "Disabled")?,
        })
    }
}

fn wrong<T>(key: &str, wanted: &str) -> Result<T, String> {
    Err(format!("its {key} must be {wanted}"))
}

fn string(keys: &Dictionary, key: &str) -> Result<Option<String>, String> {
    match keys.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => wrong(key, "a string"),
    }
}

fn boolean(keys: &Dictionary, key: &str) -> Result<bool, String> {
    match keys.get(key) {
        None => Ok(false),
        Some(Value::Boolean(value)) => Ok(*value),
        Some(_) => wrong(key, "true or false"),
    }
}

fn strings(keys: &Dictionary, key: &str) -> Result<Vec<String>, String> {
    let Some(value) = keys.get(key) else { return Ok(Vec::new()) };
    let texts: Option<Vec<String>> =
        value.as_array().and_then(|items| items.iter().map(|item| item.as_string().map(str::to_owned)).collect());
    texts.map_or_else(|| wrong(key, "an array of strings"), Ok)
}

fn environment(keys: &Dictionary) -> Result<BTreeMap<String, String>, String> {
    const KEY: &str = "EnvironmentVariables";
    let Some(value) = keys.get(KEY) else { return Ok(BTreeMap::new()) };
    let entry = |(name, value): (&String, &Value)| Some((name.clone(), value.as_string()?.to_owned()));
    let entries: Option<BTreeMap<String, String>> =
        value.as_dictionary().and_then(|map| map.iter().map(entry).collect());
    entries.map_or_else(|| wrong(KEY, "a dictionary of strings"), Ok)
}

/// Whether it is on, and whether that starts the job when it is loaded. A dictionary is a list of conditions; those on
/// how the job ended imply `RunAtLoad`.
fn keep_alive(keys: &Dictionary) -> Result<(bool, bool), String> {
    match keys.get("KeepAlive") {
        None => Ok((false, false)),
        Some(Value::Boolean(value)) => Ok((*value, *value)),
        Some(Value::Dictionary(conditions)) => {
            let by_its_end = ["SuccessfulExit", "Crashed"].iter().any(|key| conditions.contains_key(key));
            Ok((!conditions.is_empty(), by_its_end))
        }
        Some(_) => wrong("KeepAlive", "true, false or a dictionary"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(keys: &str) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{keys}</dict></plist>\n")
    }

    const GATEWAY: &str = "<key>Label</key><string>ai.openclaw.gateway</string>\
        <key>ProgramArguments</key><array><string>/opt/homebrew/bin/node</string><string>/opt/a &amp; b/index.js</string></array>\
        <key>KeepAlive</key><true/><key>UserName</key><string>claw</string>\
        <key>EnvironmentVariables</key><dict><key>HOME</key><string>/Volumes/claw</string></dict>\
        <key>StandardOutPath</key><string>/tmp/out.log</string><key>ThrottleInterval</key><integer>1</integer>";

    #[test]
    fn a_property_list_is_read_in_both_formats() {
        let text = xml(GATEWAY);
        let read = Definition::parse(text.as_bytes()).unwrap();
        assert_eq!(read.label, "ai.openclaw.gateway");
        assert_eq!(read.program.as_deref(), Some("/opt/homebrew/bin/node"));
        assert_eq!(read.arguments, ["/opt/homebrew/bin/node", "/opt/a & b/index.js"]);
        assert!(read.keep_alive && read.respawns && read.starts_when_loaded && !read.disabled);
        assert_eq!((read.environment["HOME"].as_str(), read.user.as_deref()), ("/Volumes/claw", Some("claw")));
        let mut binary = Vec::new();
        Value::from_reader(std::io::Cursor::new(text)).unwrap().to_writer_binary(&mut binary).unwrap();
        assert!(binary.starts_with(b"bplist00"));
        assert_eq!(Definition::parse(&binary).unwrap(), read);
    }

    #[test]
    fn when_a_job_is_started() {
        let started = |keys: &str| {
            let keys = format!("<key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>{keys}");
            let read = Definition::parse(xml(&keys).as_bytes()).unwrap();
            (read.keep_alive, read.starts_when_loaded)
        };
        assert_eq!(started(""), (false, false));
        assert_eq!(started("<key>RunAtLoad</key><true/>"), (false, true));
        assert_eq!(started("<key>KeepAlive</key><false/>"), (false, false));
        let kept =
            |condition: &str| started(&format!("<key>KeepAlive</key><dict><key>{condition}</key><false/></dict>"));
        assert_eq!((kept("SuccessfulExit"), kept("NetworkState")), ((true, true), (true, false)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            (String::new(), "neither XML nor"),
            ("label: a".to_owned(), "neither XML nor"),
            ("<plist><dict><key>Label</key>".to_owned(), ""),
            ("<plist><array/></plist>".to_owned(), "not a dictionary"),
            (xml("<key>Label</key><string>a</string>"), "nothing to run"),
            (xml("<key>Program</key><string>/bin/a</string>"), "no Label"),
            (xml("<key>Label</key><string>a</string><key>ProgramArguments</key><array/>"), "nothing to run"),
            (xml(&GATEWAY.replace("<true/>", "<string>yes</string>")), "KeepAlive must be true, false or a dictionary"),
            (xml(&GATEWAY.replace("<integer>1</integer>", "<integer>1")), ""),
            (
                xml(&GATEWAY
                    .replace("<key>UserName</key><string>claw</string>", "<key>UserName</key><integer>5</integer>")),
                "UserName must be a string",
            ),
        ] {
            let why = Definition::parse(text.as_bytes()).unwrap_err();
            assert!(why.to_lowercase().contains(&said.to_lowercase()), "{text}: {why}");
        }
    }
}
