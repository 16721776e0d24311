//! An installed release: its version, its plugins, and how a plugin finds the packages that it imports.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the package that plugins import from the host.
pub(crate) const HOST_PACKAGE: &str = "demo-host";

/// A release.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// The directory that it is installed in.
    pub(crate) root: PathBuf,
    /// What `VERSION` says.
    pub(crate) version: String,
    /// The format of the state that it reads and writes.
    pub(crate) state_format: u64,
}

/// A plugin that is loaded.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// What it replies; `{message}` stands for what it was sent.
    pub(crate) reply: String,
}

impl App {
    /// The release installed at `root`.
    pub(crate) fn open(root: &Path) -> Result<Self, String> {
        let version = fs::read_to_string(root.join("VERSION"))
            .map_err(|error| format!("{} is no release: VERSION: {error}", root.display()))?;
        let manifest = read_json(&root.join("package.json"))?;
        Ok(Self {
            root: root.to_owned(),
            version: version.trim().to_owned(),
            state_format: manifest.get("stateFormat").and_then(Value::as_u64).unwrap_or(1),
        })
    }

    /// Loads the plugin called `name`. Every package that it imports must be found from where the plugin lies.
    pub(crate) fn load(&self, name: &str) -> Result<Plugin, String> {
        let dir = self.root.join("plugins").join(name);
        let path = dir.join("plugin.json");
        let manifest = read_json(&path)?;
        for import in manifest.get("imports").and_then(Value::as_array).into_iter().flatten() {
            let import = import.as_str().unwrap_or_default();
            if self.resolve(import, &dir).is_none() {
                return Err(format!("Cannot find package '{import}' imported from {}", path.display()));
            }
        }
        let reply = manifest.get("reply").and_then(Value::as_str).unwrap_or("{message}");
        Ok(Plugin { reply: reply.to_owned() })
    }

    /// The directory of package `name`: `node_modules/<name>` in `from` or in a directory above it, within the release.
    fn resolve(&self, name: &str, from: &Path) -> Option<PathBuf> {
        let within = from.ancestors().take_while(|dir| dir.starts_with(&self.root));
        within.map(|dir| dir.join("node_modules").join(name)).find(|dir| dir.join("package.json").is_file())
    }
}

/// The JSON in a file.
pub(crate) fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}
