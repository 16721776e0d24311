//! The rule `exact-target` on a host that was read: a step that replaces a program has to be about the installation that
//! the inspected services of the plan execute.

use crate::Program;
use crate::predict::Forecast;
use crate::secrets::Secrets;
use runbook_model::{Failure, Installation, Outputs, Refusal, Role, StepDef, StepId, misses_its_target};
use runbook_steps::host::Reader;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How many links that lead nowhere are followed one after the other.
const LINKS: u8 = 16;

impl Program {
    /// Why steps that this run needs are not about what its services execute, as far as it is known before the first
    /// change.
    pub fn missed_targets(&self, forecast: &Forecast, host: &Reader) -> Vec<Failure> {
        let needed = forecast.steps.iter().filter(|step| step.needed).filter_map(|step| self.step(&step.step));
        needed.filter_map(|def| self.missed_target(def, &forecast.outputs, &forecast.secrets, host)).collect()
    }

    /// Why the step is not about what the inspected services execute; `None` also where that is not known.
    pub(crate) fn missed_target(
        &self,
        def: &StepDef,
        outputs: &HashMap<StepId, Outputs>,
        secrets: &Secrets,
        host: &Reader,
    ) -> Option<Failure> {
        if def.allow.iter().any(|allow| allow.rule == Refusal::ExactTarget) {
            return None;
        }
        let inspects =
            |step: &StepId| self.course.schedule.declaration(step).is_some_and(|it| it.roles.contains(&Role::Inspect));
        let found: Vec<Installation> = outputs
            .iter()
            .filter(|(step, _)| inspects(step))
            .filter_map(|(_, outputs)| Installation::of(outputs))
            .collect();
        if found.is_empty() {
            return None;
        }
        let declaration = self.declared(def, outputs, secrets)?;
        let why = misses_its_target(&found, &declaration, &|path| real(host, path, LINKS))?;
        let failure = Failure::refused(format!("step `{}` is not about what the service runs: {why}", def.id));
        Some(failure.hint(
            "take its path from the inspection; if this is meant, except the step from `exact-target` with a reason",
        ))
    }
}

/// `path` with every link followed. Of what an earlier step of the run has removed, that is still known for the directories
/// above it: where it would be again.
fn real(host: &Reader, path: &Path, links: u8) -> PathBuf {
    match host.canonical(path) {
        Ok(Some(real)) => return real,
        Ok(None) => {}
        Err(_) => return path.to_owned(),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    match (host.read_link(path), links.checked_sub(1)) {
        (Ok(Some(target)), Some(left)) => real(host, &parent.join(target), left),
        _ => real(host, parent, links).join(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_a_step_has_removed_is_where_its_directory_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let host = Reader::new(&root, &root);
        fs::create_dir_all(root.join("disk/lib/demo")).unwrap();
        symlink("disk", root.join("prefix")).unwrap();
        symlink("disk/lib/demo", root.join("current")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let demo = root.join("disk/lib/demo");
        let real = |name: &str| real(&host, &root.join(name), LINKS);
        let check = || {
            assert_eq!(real("prefix/lib/demo"), demo);
            assert_eq!(real("current"), demo);
        };
        check();
        fs::remove_dir(&demo).unwrap();
        check();
        fs::remove_dir(root.join("disk/lib")).unwrap();
        check();
        fs::remove_dir(root.join("disk")).unwrap();
        check();
        assert_eq!(real("loop"), root.join("loop"));
        assert_eq!(super::real(&host, Path::new("/"), LINKS), Path::new("/"));
    }
}
