//! The secrets of plans on this host: variables, files and commands.

use crate::session::Session;
use runbook_host::{Command, Host, Reader, io_failure, read_once};
use runbook_model::{Failure, Plan, SecretFrom, SecretSide, SecretSource};
use runbook_step::{Early, Lack, SecretProvider, SecretValue, lack};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// How long it may take to hand a secret over; a person may have to unlock it.
const PATIENCE: Duration = Duration::from_secs(120);
/// A secret may be this large.
const LARGEST: u64 = 1 << 20;

/// What this process, its user and its programs can read. The host is the controller too, so both sides are here.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostSecrets;

impl SecretProvider for HostSecrets {
    fn before_the_run(&self, plan: &Plan, name: &str) -> Result<Early, Failure> {
        match &source(plan, name)?.from {
            SecretFrom::Env(variable) => of_environment(name, variable).map(Early::Known),
            SecretFrom::File(path) => of_file(name, Path::new(path)).map(Early::Known),
            SecretFrom::Command(_) => Ok(Early::InTheRun),
        }
    }

    fn fetch(&self, plan: &Plan, name: &str, host: &Host) -> Result<SecretValue, Failure> {
        match &source(plan, name)?.from {
            SecretFrom::Env(variable) => of_environment(name, variable),
            SecretFrom::File(path) => of_file(name, Path::new(path)),
            SecretFrom::Command(argv) => of_command(plan, name, argv, host),
        }
    }

    fn lacks(&self, plan: &Plan, name: &str, host: &Reader) -> Vec<Lack> {
        match source(plan, name).map(|source| &source.from) {
            Ok(SecretFrom::Command(argv)) => {
                lack::of_command(host, &Command::new(argv.iter().cloned())).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn withheld(&self, plan: &Plan) -> Vec<String> {
        variables(plan).map(str::to_owned).collect()
    }
}

/// The same where the controller is elsewhere: what is looked for there is handed in from there.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecretsFromAfar;

impl SecretProvider for SecretsFromAfar {
    fn before_the_run(&self, plan: &Plan, name: &str) -> Result<Early, Failure> {
        match source(plan, name)?.on {
            SecretSide::Controller => Ok(Early::HandedIn),
            SecretSide::Host => HostSecrets.before_the_run(plan, name),
        }
    }

    fn fetch(&self, plan: &Plan, name: &str, host: &Host) -> Result<SecretValue, Failure> {
        HostSecrets.fetch(plan, name, host)
    }

    fn lacks(&self, plan: &Plan, name: &str, host: &Reader) -> Vec<Lack> {
        match source(plan, name).map(|source| source.on) {
            Ok(SecretSide::Host) => HostSecrets.lacks(plan, name, host),
            _ => Vec::new(),
        }
    }

    fn withheld(&self, plan: &Plan) -> Vec<String> {
        HostSecrets.withheld(plan)
    }
}

impl Session {
    /// Takes the value of a secret of `plan` here, for a run elsewhere.
    ///
    /// # Errors
    /// What is in the way; the message names the secret.
    pub fn take_secret(&self, plan: &Plan, name: &str) -> Result<SecretValue, Failure> {
        if source(plan, name)?.on != SecretSide::Controller {
            let what = format!("the secret `{name}` is not one that is looked for on this side");
            return Err(Failure::refused(what));
        }
        if let Early::Known(value) = HostSecrets.before_the_run(plan, name)? {
            return Ok(value);
        }
        let no_program = |error: std::io::Error| Failure::failed(format!("the secret `{name}`: {error}"));
        let own_program = (self.host.own_program)().map_err(no_program)?;
        Host::by_hand(self.reader_by_hand(), own_program, |host| HostSecrets.fetch(plan, name, host))
    }
}

fn source<'a>(plan: &'a Plan, name: &str) -> Result<&'a SecretSource, Failure> {
    plan.secret(name).ok_or_else(|| Failure::missing(format!("the secret `{name}` has no source")))
}

fn variables(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.secrets().filter_map(|(_, source)| match &source.from {
        SecretFrom::Env(variable) => Some(variable.as_str()),
        _ => None,
    })
}

fn of_environment(name: &str, variable: &str) -> Result<SecretValue, Failure> {
    std::env::var(variable).map(SecretValue::from).map_err(|_| {
        let what = format!("the secret `{name}` is to come from the environment variable {variable}, which is not set");
        Failure::missing(what).hint("make it available to this command")
    })
}

fn of_file(name: &str, path: &Path) -> Result<SecretValue, Failure> {
    let named = |failure: Failure| Failure { message: format!("the secret `{name}`: {}", failure.message), ..failure };
    let bytes = read_once(path, LARGEST, PATIENCE).map_err(named)?;
    let bytes = bytes.ok_or_else(|| io_failure("read the secret", path, &ErrorKind::NotFound.into()))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::failed(format!("the secret `{name}`: {} is not UTF-8 text", path.display())))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned().into())
}

/// What one secret unlocks may be another one, so the command has the variables that no other program inherits.
fn of_command(plan: &Plan, name: &str, argv: &[String], host: &Host) -> Result<SecretValue, Failure> {
    let env: BTreeMap<String, String> =
        variables(plan).filter_map(|variable| Some((variable.to_owned(), std::env::var(variable).ok()?))).collect();
    let command = Command::new(argv.iter().cloned());
    let line = command.line();
    let output = host.run(&Command { env, limit: Some(PATIENCE), ..command })?;
    if !output.status.success() {
        let ending = output.ending();
        return Err(Failure::missing(format!(
            "the secret `{name}` is to come from `{line}`, which ended with {ending}"
        )));
    }
    Ok(output.text().into())
}
