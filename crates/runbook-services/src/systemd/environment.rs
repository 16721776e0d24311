//! The environment that systemd gives the processes of a unit: systemd.exec(5), "Environment".
//!
//! What `ExecStart=` or a wrapper script sets itself is not known here.

use super::words::environment_file;
use super::{Definition, Unit};
use runbook_host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::Path;

impl Unit {
    /// The variables that its processes are started with, but for those that systemd sets for each life anew: `own`, then the
    /// manager's and `Environment=`, then the files of `EnvironmentFile=` as they are now, without `UnsetEnvironment=`.
    pub fn process_environment(
        &self,
        host: &Reader,
        definition: &Definition,
        own: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut environment = own;
        let pairs = definition.environment.iter().filter_map(|pair| pair.split_once('='));
        environment.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (path, optional) in &definition.environment_files {
            environment.extend(self.assignments(host, path, *optional)?);
        }
        environment.retain(|name, value| {
            let taken_out = |entry: &String| match entry.split_once('=') {
                Some((unset, text)) => unset == name && value == text,
                None => entry == name,
            };
            !definition.unset.iter().any(taken_out)
        });
        Ok(environment)
    }

    fn assignments(&self, host: &Reader, path: &Path, optional: bool) -> Result<Vec<(String, String)>, Failure> {
        let place = path.display();
        if place.to_string().contains(['*', '?', '[']) {
            let message = format!("{self} reads its environment from the pattern {place}");
            return Err(Failure::refused(message).hint("which files that means is not guessed: name each of them"));
        }
        match host.read_text(path)? {
            Some(text) => Ok(environment_file(&text)),
            None if optional => Ok(Vec::new()),
            None => Err(Failure::missing(format!("{place}, which {self} reads its environment from, is not there"))
                .hint(format!("{self} does not start without it: put it back first"))),
        }
    }
}
