//! What earlier steps of a forecast would change: whatever was read there now will not be there then.

use runbook_model::{Effect, Resource, StepId};
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

/// The resources that steps so far would, or may, write, each with the last such step.
#[derive(Debug, Default)]
pub(crate) struct ForeseenChanges {
    paths: BTreeMap<PathBuf, StepId>,
    others: HashMap<Resource, StepId>,
    any_path: Option<StepId>,
    everything: Option<StepId>,
    last: Option<StepId>,
}

impl ForeseenChanges {
    /// `step` would write what is written in `effects`.
    pub(crate) fn add(&mut self, step: &StepId, effects: &[Effect]) {
        for written in effects.iter().filter_map(Effect::written) {
            self.last = Some(step.clone());
            match written {
                Resource::Everything => self.everything = Some(step.clone()),
                Resource::Path(path) if is_plain(path) => {
                    self.paths.insert(path.clone(), step.clone());
                }
                Resource::Path(_) | Resource::UnknownPath => self.any_path = Some(step.clone()),
                other => {
                    self.others.insert(other.clone(), step.clone());
                }
            }
        }
    }

    /// The step that would write one of `resources`, or something above or below it, by name.
    pub(crate) fn writes(&self, resources: &[Resource]) -> Option<&StepId> {
        let named = |resource: &Resource| match resource {
            Resource::Path(path) if is_plain(path) => self.reaches_path(path),
            Resource::Path(_) | Resource::UnknownPath | Resource::Everything => self.reaches(resource),
            other => self.others.get(other),
        };
        resources.iter().find_map(named)
    }

    /// The step that would write at a place that is not known, or everywhere.
    pub(crate) fn writes_anywhere(&self) -> Option<&StepId> {
        self.everything.as_ref().or(self.any_path.as_ref())
    }

    /// The step that would install a package.
    pub(crate) fn installs(&self) -> Option<&StepId> {
        self.others.iter().find(|(resource, _)| matches!(resource, Resource::Package(_))).map(|(_, step)| step)
    }

    /// The step that would change something of what `effects` read or write.
    pub(crate) fn disturbs(&self, effects: &[Effect]) -> Option<&StepId> {
        effects.iter().find_map(|effect| self.reaches(&effect.resource))
    }

    /// The step that would change, as a whole, something that `effects` read or write: not only what lies below it.
    pub(crate) fn replaces(&self, effects: &[Effect]) -> Option<&StepId> {
        effects.iter().find_map(|effect| match &effect.resource {
            Resource::Path(path) if is_plain(path) => {
                let above = path.ancestors().find_map(|above| self.paths.get(above));
                above.or(self.any_path.as_ref()).or(self.everything.as_ref())
            }
            other => self.reaches(other),
        })
    }

    fn reaches(&self, resource: &Resource) -> Option<&StepId> {
        let named = match resource {
            Resource::Everything => self.last.as_ref(),
            Resource::Path(path) if is_plain(path) => self.reaches_path(path).or(self.any_path.as_ref()),
            Resource::Path(_) | Resource::UnknownPath => self.paths.values().next_back().or(self.any_path.as_ref()),
            other => self.others.get(other),
        };
        named.or(self.everything.as_ref())
    }

    /// Paths are sorted by their parts, so what lies below `path` follows it.
    fn reaches_path(&self, path: &Path) -> Option<&StepId> {
        let above = path.ancestors().find_map(|above| self.paths.get(above));
        let below = || self.paths.range(path.to_path_buf()..).next().filter(|(found, _)| found.starts_with(path));
        above.or_else(|| below().map(|(_, step)| step))
    }
}

/// Whether the path says where it is. A relative path and one with `..` (a link may stand before it) do not.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Resource {
        Resource::Path(text.into())
    }

    #[test]
    fn a_change_reaches_what_is_above_and_below_it_and_nothing_beside_it() {
        let (dir, port) = (StepId::new("dir").unwrap(), StepId::new("port").unwrap());
        let mut foreseen = ForeseenChanges::default();
        foreseen.add(&dir, &[Effect::write(path("/srv/app")), Effect::read(path("/etc"))]);
        foreseen.add(&port, &[Effect::write(Resource::Port(80))]);
        let reached = |resource: Resource| foreseen.disturbs(&[Effect::read(resource)]).map(StepId::as_str);
        assert_eq!(reached(path("/srv/app")), Some("dir"));
        assert_eq!(reached(path("/srv/app/a")), Some("dir"));
        assert_eq!(reached(path("/srv")), Some("dir"));
        assert_eq!(reached(path("/")), Some("dir"));
        assert_eq!(reached(path("/srv/app2")), None);
        assert_eq!(reached(path("/srv/ap")), None);
        assert_eq!(reached(path("/etc")), None);
        assert_eq!(reached(path("/x/../srv/app")), Some("dir"));
        assert_eq!(reached(Resource::UnknownPath), Some("dir"));
        assert_eq!(reached(Resource::Port(80)), Some("port"));
        assert_eq!(reached(Resource::Port(81)), None);
        assert_eq!(reached(Resource::Everything), Some("port"));
        let replaced = |resource: Resource| foreseen.replaces(&[Effect::read(resource)]).map(StepId::as_str);
        assert_eq!(replaced(path("/srv/app/a")), Some("dir"));
        assert_eq!(replaced(path("/srv/app")), Some("dir"));
        assert_eq!(replaced(path("/srv")), None);
    }

    #[test]
    fn what_may_change_everything_reaches_everything() {
        let step = StepId::new("command").unwrap();
        let mut foreseen = ForeseenChanges::default();
        foreseen.add(&step, &[Effect::write(Resource::Everything)]);
        for resource in [path("/a"), Resource::Port(1), Resource::UnknownPath, Resource::Unit("a".to_owned())] {
            assert_eq!(foreseen.disturbs(&[Effect::write(resource)]), Some(&step));
        }
        assert_eq!(foreseen.disturbs(&[]), None);
    }
}
