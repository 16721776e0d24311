//! The environment that systemd gives the processes of a unit: systemd.exec(5), "Environment".
//!
//! What `ExecStart=` or a wrapper script sets itself is not known here.

use super::{Unit, UnitState};
use crate::host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::Path;

impl Unit {
    /// The variables that its processes are started with, but for those that systemd sets for each life anew: the
    /// manager's own, then `Environment=`, then the files of `EnvironmentFile=` as they are now, without
    /// `UnsetEnvironment=`.
    pub(crate) fn process_environment(
        &self,
        host: &Reader,
        state: &UnitState,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let manager = host.run_reading(self, &["show-environment"], &[])?;
        environment.extend(manager.lines().filter_map(assignment));
        environment.extend(words(state.get("Environment")).iter().filter_map(|word| assignment(word)));
        // One line a file, so it is not among the properties, of which each has one line.
        let files = host.run_reading(self, &["show", "--property=EnvironmentFiles", "--value"], &[&self.name])?;
        for line in files.lines().filter(|line| !line.is_empty()) {
            let (path, optional) = match line.rsplit_once(" (ignore_errors=") {
                Some((path, rest)) => (path, rest.starts_with("yes")),
                None => (line, false),
            };
            environment.extend(self.environment_file(host, path, optional)?);
        }
        for word in words(state.get("UnsetEnvironment")) {
            match word.split_once('=') {
                Some((name, value)) if environment.get(name).is_some_and(|found| found != value) => {}
                Some((name, _)) => drop(environment.remove(name)),
                None => drop(environment.remove(&word)),
            }
        }
        Ok(environment)
    }

    fn environment_file(&self, host: &Reader, path: &str, optional: bool) -> Result<Vec<(String, String)>, Failure> {
        if path.contains(['*', '?', '[']) {
            return Err(Failure::refused(format!("{self} reads its environment from the pattern {path}"))
                .hint("which files that means is not guessed: name the cache with `dir`"));
        }
        match host.read_text(Path::new(path))? {
            Some(text) => Ok(file(&text)),
            None if optional => Ok(Vec::new()),
            None => Err(Failure::missing(format!("{path}, which {self} reads its environment from, is not there"))
                .hint(format!("{self} does not start without it: put it back first"))),
        }
    }
}

impl Reader {
    /// What `systemctl VERB` printed for the manager of `unit`.
    fn run_reading(&self, unit: &Unit, verb: &[&str], names: &[&str]) -> Result<String, Failure> {
        let command = unit.systemctl_for(self, verb, names);
        let output = self.ask(&command)?;
        if output.status.success() {
            return Ok(output.text());
        }
        Err(Failure::failed(format!("`{}` ended with {}", command.line(), output.ending())).detail(output.tail()))
    }
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), unquoted(value)))
}

/// The words of a line in which quotes keep blanks together; the quotes are taken off.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut word, mut quote, mut chars) = (String::new(), None, line.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => found.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

/// A value as `show-environment` and files of variables write it: bare, in quotes, or as `$'…'`.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let value = value.strip_prefix('$').filter(|rest| rest.starts_with('\'')).unwrap_or(value);
    if value.starts_with(['"', '\'']) { words(value).join(" ") } else { value.to_owned() }
}

/// Lines of `NAME=VALUE`; those that begin with `#` or `;` are comments, one that ends with `\` goes on in the next.
fn file(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\\\n", "");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    lines.filter_map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_are_read_as_systemd_writes_them() {
        let line = r#"A=1 "B=two words" C= 'D=it is'"#;
        let read: Vec<_> = words(line).iter().filter_map(|word| assignment(word)).collect();
        assert_eq!(read, pairs(&[("A", "1"), ("B", "two words"), ("C", ""), ("D", "it is")]));
        assert_eq!(assignment("TMPDIR=$'/srv/a b'"), Some(("TMPDIR".to_owned(), "/srv/a b".to_owned())));
        let text = "# no\n; no\nTMPDIR=/srv/tmp \nB=\"x y\"\nC=a\\\nb\nnot a line\n";
        assert_eq!(file(text), pairs(&[("TMPDIR", "/srv/tmp"), ("B", "x y"), ("C", "ab")]));
    }
}
