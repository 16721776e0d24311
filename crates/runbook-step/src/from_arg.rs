//! The types that a parameter can have, each read from the tree of the plan.

use crate::PlanFiles;
use runbook_model::{Node, Resource, Span, Value, Version, Window, parse_duration};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What the types of parameters need to know of their surroundings.
#[derive(Clone, Debug)]
pub struct ArgContext {
    /// Relative paths start here; absolute.
    pub base: PathBuf,
    /// What `~` means; absolute.
    pub home: PathBuf,
    /// Where a command runs that has no `cwd`: `base`, or an empty directory where that is gone.
    pub cwd: PathBuf,
    /// The services that the plan brings up, for kinds that speak of "the service".
    pub services: Vec<Resource>,
    /// The plan's own maintenance window, if it has one.
    pub window: Option<Window>,
    /// The files that the plan brings. `None` as long as nobody has read them, and in runs of a `runbook` that kept none: then they
    /// are read where they lie.
    pub files: Option<Arc<PlanFiles>>,
}

impl ArgContext {
    /// A plan in the directory `base` of a user with this home, without services, window and files.
    pub fn new(base: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        let base = base.into();
        Self { cwd: base.clone(), base, home: home.into(), services: Vec::new(), window: None, files: None }
    }
}

/// Why a node is not a value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It waits for another step or a secret.
    Later,
    /// It is something else; the span is the part that is wrong, the text says what is wanted.
    Wrong(Span, String),
}

/// A type that a parameter can have.
pub trait FromArg: Sized {
    /// The value of `node`.
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake>;
}

/// Permission bits, `0` to `0o7777`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

fn wanted<T>(node: &Node, what: &str) -> Result<T, Mistake> {
    match node.value {
        Value::Later(_) => Err(Mistake::Later),
        _ => Err(Mistake::Wrong(node.span, format!("{what}, not {}", node.type_name()))),
    }
}

impl FromArg for String {
    /// Numbers and booleans are taken as they are written, for `version: 1.0` and `value: true` read naturally.
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::String(text) => Ok(text.clone()),
            Value::Int(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => wanted(node, "text"),
        }
    }
}

impl FromArg for bool {
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::Bool(value) => Ok(*value),
            _ => wanted(node, "`true` or `false`"),
        }
    }
}

impl FromArg for u64 {
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::Int(number) => {
                u64::try_from(*number).map_err(|_| Mistake::Wrong(node.span, "a whole number from 0".to_owned()))
            }
            _ => wanted(node, "a whole number from 0"),
        }
    }
}

impl FromArg for u16 {
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        let number = match &node.value {
            Value::String(text) => text.parse().ok(),
            _ => u64::from_arg(node, context)
                .map_err(|mistake| match mistake {
                    Mistake::Later => Mistake::Later,
                    Mistake::Wrong(span, _) => Mistake::Wrong(span, "a port from 1 to 65535".to_owned()),
                })
                .map(Some)?,
        };
        match number.and_then(|number| Self::try_from(number).ok()) {
            Some(port) if port > 0 => Ok(port),
            _ => Err(Mistake::Wrong(node.span, "a port from 1 to 65535".to_owned())),
        }
    }
}

impl FromArg for Duration {
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        let what = "a duration with its unit, such as 90s or 1m30s";
        match &node.value {
            Value::String(text) => parse_duration(text).ok_or_else(|| Mistake::Wrong(node.span, what.to_owned())),
            _ => wanted(node, what),
        }
    }
}

impl FromArg for Mode {
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        let what = "permission bits as a quoted octal number, such as \"0644\"";
        match &node.value {
            Value::String(text) => match u32::from_str_radix(text, 8) {
                Ok(mode) if mode <= 0o7777 && text.len() >= 3 => Ok(Self(mode)),
                _ => Err(Mistake::Wrong(node.span, what.to_owned())),
            },
            _ => wanted(node, what),
        }
    }
}

impl FromArg for Version {
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        let text = String::from_arg(node, context)?;
        Self::parse(&text).map_err(|error| Mistake::Wrong(node.span, format!("exactly one version: {error}")))
    }
}

impl FromArg for PathBuf {
    /// Absolute and lexically normalised; symlinks are not followed.
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::String(text) if text.is_empty() => Err(Mistake::Wrong(node.span, "a path, not nothing".to_owned())),
            Value::String(text) if text.contains('\0') => {
                Err(Mistake::Wrong(node.span, "a path without a NUL character".to_owned()))
            }
            Value::String(text) if text.starts_with('~') && !text.starts_with("~/") && text != "~" => {
                let what = "a whole path; only `~` and `~/…` are expanded, and `./~name` is a file of that name";
                Err(Mistake::Wrong(node.span, what.to_owned()))
            }
            Value::String(text) => Ok(absolute(text, context)),
            _ => wanted(node, "a path"),
        }
    }
}

fn absolute(text: &str, context: &ArgContext) -> PathBuf {
    let path = match text.strip_prefix('~') {
        Some("") => context.home.clone(),
        Some(rest) if rest.starts_with('/') => context.home.join(rest.trim_start_matches('/')),
        _ => context.base.join(text),
    };
    normalise(&path)
}

/// `path` without `.`, `..` and doubled separators, by its text alone.
pub fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

impl FromArg for Vec<String> {
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::List(items) => items.iter().map(|item| String::from_arg(item, context)).collect(),
            Value::String(_) => Err(Mistake::Wrong(node.span, "a list, not one text".to_owned())),
            _ => wanted(node, "a list of text"),
        }
    }
}

impl FromArg for Vec<PathBuf> {
    /// One path, a list of paths, or a list in which an element is itself a list, as an output may be.
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::List(items) => {
                let lists: Result<Vec<Self>, Mistake> =
                    items.iter().map(|item| Self::from_arg(item, context)).collect();
                Ok(lists?.into_iter().flatten().collect())
            }
            _ => PathBuf::from_arg(node, context).map(|path| vec![path]),
        }
    }
}

impl FromArg for BTreeMap<String, String> {
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        match &node.value {
            Value::Map(entries) => {
                entries.iter().map(|entry| Ok((entry.key.clone(), String::from_arg(&entry.value, context)?))).collect()
            }
            _ => wanted(node, "a map of names and text"),
        }
    }
}

impl FromArg for Node {
    /// The tree itself, if nothing in it waits.
    fn from_arg(node: &Node, _: &ArgContext) -> Result<Self, Mistake> {
        if node.waits_for().is_empty() { Ok(node.clone()) } else { Err(Mistake::Later) }
    }
}
