//! Values of variables: whether one fits its declared type, and what it becomes.

use crate::inventory::VAULT;
use runbook_model::{Code, Node, Resolved, SecretFrom, SecretSource, Value, VarType, Version, parse_duration};
use std::cell::Cell;
use std::path::{Component, Path, PathBuf};

/// Where paths start from.
pub(crate) struct Places<'a> {
    pub(crate) base: &'a Path,
    pub(crate) home: &'a str,
    /// Set once a path started from `base`.
    pub(crate) relative: &'a Cell<bool>,
}

/// Why a value does not fit.
pub(crate) struct Misfit {
    pub(crate) code: Code,
    /// Continues the sentence "`x` …".
    pub(crate) reason: String,
    pub(crate) help: Option<String>,
}

impl Misfit {
    fn new(code: Code, reason: impl Into<String>, help: Option<&str>) -> Self {
        Self { code, reason: reason.into(), help: help.map(str::to_owned) }
    }
}

/// The value at `node` as one of type `ty`. Nothing is converted silently: a number is not text, text is not a number.
pub(crate) fn fit(ty: VarType, node: &Node, places: &Places<'_>) -> Result<Value, Misfit> {
    match (ty, &node.value) {
        (_, Value::String(text)) if text.starts_with(VAULT) => Err(Misfit::new(
            Code::VAULT_VALUE,
            "is encrypted by Ansible's vault",
            Some("declare it as a secret: `from: { command: [ansible-vault, view, …] }`"),
        )),
        (VarType::String, Value::String(_)) | (VarType::Int, Value::Int(_)) | (VarType::Bool, Value::Bool(_)) => {
            Ok(node.value.clone())
        }
        (VarType::Path, Value::String(text)) => path(text, places).map(Value::String),
        (VarType::Duration, Value::String(text)) => match parse_duration(text) {
            Some(_) => Ok(node.value.clone()),
            None => Err(Misfit::new(
                Code::BAD_DURATION,
                format!("is `{text}`, which is not a duration"),
                Some("write numbers with units, largest first: `90s`, `1m30s`, `12h`, `7d`"),
            )),
        },
        (VarType::Version, Value::String(text)) => match Version::parse(text) {
            Ok(_) => Ok(node.value.clone()),
            Err(error) => Err(Misfit::new(Code::BAD_VERSION, format!("is `{text}`: {error}"), None)),
        },
        (VarType::List, Value::List(items)) => list(items, node),
        (ty, _) => Err(Misfit::new(
            Code::WRONG_VARIABLE_TYPE,
            format!("is of type {}, and this is {}", ty.name(), node.type_name()),
            wrong_type_help(ty, &node.value),
        )),
    }
}

fn wrong_type_help(ty: VarType, value: &Value) -> Option<&'static str> {
    match (ty, value) {
        (VarType::Bool, Value::String(text))
            if ["yes", "no", "on", "off", "1", "0"].iter().any(|word| text.eq_ignore_ascii_case(word)) =>
        {
            Some("only `true` and `false` are booleans")
        }
        (VarType::Int, Value::String(text)) if text.trim().parse::<i64>().is_ok() => Some("write it without quotes"),
        (VarType::List, Value::String(_)) => Some("write a list: `[a, b]`"),
        (VarType::Duration, Value::Int(_)) => Some("a duration has a unit: `90s`, `5m`"),
        (VarType::String | VarType::Version | VarType::Path, Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
            Some("quote it")
        }
        _ => None,
    }
}

fn list(items: &[Node], node: &Node) -> Result<Value, Misfit> {
    match items.iter().find(|item| matches!(item.value, Value::List(_) | Value::Map(_) | Value::Null)) {
        None => Ok(node.value.clone()),
        Some(item) => Err(Misfit::new(
            Code::WRONG_VARIABLE_TYPE,
            format!("is a list of plain values, and one of them is {}", item.type_name()),
            None,
        )),
    }
}

/// `text` as an absolute path without `.`, `..` and double slashes. Links are not followed: nothing is read here.
pub(crate) fn path(text: &str, places: &Places<'_>) -> Result<String, Misfit> {
    let refused = |reason: &str, help: Option<&str>| Err(Misfit::new(Code::WRONG_VARIABLE_TYPE, reason, help));
    if text.is_empty() {
        return refused("is an empty path", None);
    }
    if text.contains('\0') {
        return refused("is a path with a zero byte in it", None);
    }
    let joined: PathBuf = match text.strip_prefix('~') {
        Some("") => PathBuf::from(places.home),
        Some(rest) => match rest.strip_prefix('/') {
            Some(below) => Path::new(places.home).join(below.trim_start_matches('/')),
            None => {
                return refused(
                    "names another user's home directory",
                    Some("only `~` and `~/…` are expanded; write the whole path, or `./~name` for a file of that name"),
                );
            }
        },
        None => {
            if !text.starts_with('/') {
                places.relative.set(true);
            }
            places.base.join(text)
        }
    };
    Ok(normalised(&joined))
}

fn normalised(path: &Path) -> String {
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean.to_string_lossy().into_owned()
}

/// The value of a variable for people: its text, or where a secret comes from.
pub fn shown(variable: &Resolved) -> String {
    match (&variable.secret, &variable.value) {
        (Some(SecretSource { from, on }), _) => {
            let from = match from {
                SecretFrom::Env(name) => format!("env {name}"),
                SecretFrom::File(path) => format!("file {path}"),
                SecretFrom::Command(argv) => format!("command {}", argv.join(" ")),
            };
            format!("secret from {from}{}", if on.is_host() { "" } else { " of the controller" })
        }
        (None, Some(Node { value: Value::String(text), .. })) => text.clone(),
        (None, Some(node)) => node.to_json().to_string(),
        (None, None) => "no value".to_owned(),
    }
}
