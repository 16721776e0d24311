//! A plan that was judged on another host, for this one: what came is what its digests say, and this is the host that it is for.

use crate::error::Error;
use crate::session::Session;
use runbook_engine::{Program, Saved, admit};
use runbook_model::{Failure, HostFacts, Severity};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Session {
    /// The program of a plan that came from elsewhere, with the contents of its files by their digests.
    ///
    /// # Errors
    /// The plan was resolved for another host, a file is missing, or this version does not understand the plan.
    pub fn admit(&self, saved: Saved, contents: BTreeMap<String, Arc<[u8]>>) -> Result<Program, Error> {
        if let Some(fact) = differs(&saved.plan.host, &self.host.facts) {
            let what = format!("the plan was resolved for a host whose {fact}, and this host is another one by now");
            return Err(Failure::refused(what)
                .hint("connect anew, so that the plan is resolved for the host as it is")
                .into());
        }
        let missing =
            saved.bundle.iter().flat_map(|bundle| bundle.all()).find(|(_, file)| !contents.contains_key(file.digest()));
        if let Some((name, _)) = missing {
            return Err(Failure::missing(format!("{name}, a file of the plan, did not come")).into());
        }
        let (plan, sources) = (saved.plan.name.clone(), saved.sources.clone());
        let (program, found) = admit(saved, (self.host.catalogue)(), Arc::clone(&self.host.secrets), contents);
        let errors = || found.into_iter().filter(|one| one.severity == Severity::Error).collect();
        program.ok_or_else(|| Error::NotAdmitted { plan, found: Box::new((errors(), sources)) })
    }
}

/// The first fact in which the hosts differ, in words.
fn differs(then: &HostFacts, now: &HostFacts) -> Option<String> {
    let pairs = [
        ("os", &then.os, &now.os),
        ("arch", &then.arch, &now.arch),
        ("libc", &then.libc, &now.libc),
        ("init", &then.init, &now.init),
        ("name", &then.name, &now.name),
        ("user", &then.user, &now.user),
        ("home", &then.home, &now.home),
    ];
    let (fact, then, now) = pairs.into_iter().find(|(_, then, now)| then != now)?;
    Some(format!("{fact} is {then}, not {now}"))
}
