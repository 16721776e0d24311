//! What the next start of a job executes: the command as its property list has it, what launchd has loaded, and its processes.

use super::{Definition, Job};
use crate::facts::{Launch, ServiceFacts, Value};
use crate::observed::Inspected;
use runbook_host::{Account, Reader};
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where launchd looks for programs unless the property list says otherwise.
const SEARCH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

impl Inspected for Job {
    /// What launchd goes by. A job that is neither loaded nor has a property list in its usual place is a failure.
    fn facts(&self, host: &Reader) -> Result<ServiceFacts, Failure> {
        let job = self;
        let state = job.state(host)?;
        let loaded_from = state.as_ref().and_then(|state| state.plist.clone());
        let plist = loaded_from.map_or_else(|| job.plist(host, None), Ok)?;
        let definition = Definition::of(host, &plist, &job.label)?;
        let account = account(host, job, &definition)?;
        let stale = state.as_ref().and_then(|state| state.differs(&definition));
        let stale = stale.map(|what| {
        format!("it is loaded with another {what} than its property list says by now: launchd reads that when it loads the job")
    });
        let log = definition.stdout.as_ref().or(definition.stderr.as_ref());
        Ok(ServiceFacts {
            title: format!("job {job}"),
            launch: launch(job, &definition, &account),
            declared: definition.program.iter().chain(definition.arguments.iter().skip(1)).cloned().collect(),
            processes: state.as_ref().map(|state| job.members(host, state)).transpose()?.unwrap_or_default(),
            files: vec![plist],
            deciding: Vec::new(),
            stale,
            log: log.map_or_else(|| "/dev/null".to_owned(), |log| log.to_string_lossy().into_owned()),
            restart: if definition.keep_alive { "KeepAlive" } else { "no" }.to_owned(),
            restarts: state.as_ref().map_or(0, |state| u32::try_from(state.runs.saturating_sub(1)).unwrap_or(u32::MAX)),
            state: state.as_ref().map_or_else(|| "not loaded".to_owned(), |state| state.words()),
            account,
        })
    }
}

/// The user of `UserName`, else that of the domain. macOS has neither `getent` nor its users in `/etc/passwd`: of the user that runs
/// `runbook` the home is known all the same.
fn account(host: &Reader, job: &Job, definition: &Definition) -> Result<Account, Failure> {
    let uid = job.domain(host).uid().to_string();
    let account = Account::named(host, definition.user.as_deref().unwrap_or(&uid))?;
    let is_own = account.uid == host.own_uid();
    let home = account.home.clone().or_else(|| is_own.then(|| host.home().to_owned()));
    Ok(Account { home, ..account })
}

fn launch(job: &Job, definition: &Definition, account: &Account) -> Result<Launch, String> {
    let Some(program) = definition.program.clone() else {
        return Err(format!("the property list of {job} names its program relative to a bundle"));
    };
    let mut env: BTreeMap<String, Value> = BTreeMap::from([("PATH".to_owned(), Some(SEARCH.to_owned()))]);
    env.insert("HOME".to_owned(), account.home.as_ref().map(|home| home.to_string_lossy().into_owned()));
    env.extend(definition.environment.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
    Ok(Launch {
        program,
        args: definition.arguments.iter().skip(1).cloned().map(Some).collect(),
        cwd: definition.working_directory.clone().unwrap_or_else(|| PathBuf::from("/")),
        env,
        account: account.clone(),
    })
}
