//! The installation behind a service, and whether a change is about that one: the rule `exact-target` while a plan runs.

use crate::{Declaration, Effect, Resource, Role};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What one inspection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The package's name, if it has one.
    pub package: Option<String>,
    /// The directory that the service runs.
    pub root: PathBuf,
    /// Directories of the same package that it does not run.
    pub unused: Vec<PathBuf>,
}

/// Why a step that replaces a program is not about what the services run: it installs the package that they run into
/// another directory, or it changes an installation that none of them runs. `real` follows links.
pub fn misses_its_target(
    found: &[Installation],
    declaration: &Declaration,
    real: &dyn Fn(&Path) -> PathBuf,
) -> Option<String> {
    if !declaration.roles.contains(&Role::Replace) {
        return None;
    }
    let paths = declaration.effects.iter().filter_map(Effect::written_path);
    let paths: Vec<PathBuf> = paths.map(|path| real(path)).collect();
    let installs = |package: &str| {
        let is_it = |one: &_| matches!(one, Resource::Package(name) if name.strip_prefix("npm:") == Some(package));
        declaration.written().any(is_it)
    };
    let runs = |path: &PathBuf| found.iter().any(|one| real(&one.root) == *path);
    for one in found {
        if let Some(package) = one.package.as_deref().filter(|package| installs(package))
            && let Some(path) = paths.iter().find(|path| !runs(path))
        {
            return Some(format!(
                "it installs {package} at {}, and the service executes {}",
                path.display(),
                one.root.display()
            ));
        }
        let hit =
            |path: &&PathBuf| one.unused.iter().any(|unused| path.starts_with(unused) || unused.starts_with(path));
        if let Some(path) = paths.iter().find(hit).filter(|path| !runs(path)) {
            return Some(format!(
                "it changes {}, which the service does not execute: that is {}",
                path.display(),
                one.root.display()
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UndoSource;

    fn found() -> Installation {
        Installation {
            package: Some("openclaw".to_owned()),
            root: "/nvm/openclaw".into(),
            unused: vec!["/usr/openclaw".into()],
        }
    }

    #[test]
    fn only_what_the_service_runs_is_the_target() {
        let replace = |path: &str| {
            Declaration::principal(UndoSource::Backup).role(Role::Replace).writes(Resource::Path(path.into()))
        };
        let install = |path: &str, package: &str| replace(path).writes(Resource::Package(format!("npm:{package}")));
        for (declaration, misses) in [
            (install("/nvm/openclaw", "openclaw"), false),
            (install("/link/openclaw", "openclaw"), false),
            (install("/usr/openclaw", "openclaw"), true),
            (install("/elsewhere/openclaw", "openclaw"), true),
            (install("/elsewhere/plugin", "plugin"), false),
            (replace("/nvm/openclaw"), false),
            (replace("/home/op/plugin"), false),
            (replace("/usr/openclaw"), true),
            (replace("/usr/openclaw/dist"), true),
            (replace("/usr"), true),
            (Declaration { roles: Vec::new(), ..replace("/usr/openclaw") }, false),
        ] {
            let real = |path: &Path| match path.strip_prefix("/link") {
                Ok(rest) => Path::new("/nvm").join(rest),
                Err(_) => path.to_owned(),
            };
            let message = misses_its_target(&[found()], &declaration, &real);
            assert_eq!(message.is_some(), misses, "{declaration:?} {message:?}");
        }
    }
}
