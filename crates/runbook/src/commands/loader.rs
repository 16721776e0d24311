//! From the files of a plan to a program for a host: this one, or another.

use crate::cli::PlanSource;
use runbook_session::{CommandError, Elsewhere, Judged, PlanText, Session, Source};
use std::io;
use std::path::Path;

/// Reads plans here, for the host that they are to be applied to.
pub(crate) struct Loader<'s> {
    session: &'s Session,
    elsewhere: Option<(String, Elsewhere)>,
}

impl<'s> Loader<'s> {
    /// For this host.
    pub(crate) fn here(session: &'s Session) -> Self {
        Self { session, elsewhere: None }
    }

    /// For another host.
    pub(crate) fn elsewhere(session: &'s Session, name: &str, elsewhere: Elsewhere) -> Self {
        Self { session, elsewhere: Some((name.to_owned(), elsewhere)) }
    }

    /// What people call the host.
    pub(crate) fn host(&self) -> &str {
        self.elsewhere.as_ref().map_or("this host", |(name, _)| name)
    }

    /// Where this host keeps its files; `None` for another one.
    pub(crate) fn state_dir(&self) -> Option<&Path> {
        self.elsewhere.is_none().then(|| self.session.state_dir().path())
    }

    /// Reads the files of a plan and judges it.
    pub(crate) fn judge(&self, source: &PlanSource, parallel: usize) -> Result<Judged, CommandError> {
        let plan = if is_stdin(&source.plan) {
            PlanText::from_reader(&title(&source.plan), io::stdin().lock())?
        } else {
            PlanText::at(&source.plan)?
        };
        let elsewhere = self.elsewhere.as_ref().map(|(_, elsewhere)| elsewhere.clone());
        Ok(self.session.load(&Source { plan, env: source.env.as_deref(), vars: &source.vars, parallel, elsewhere })?)
    }
}

fn is_stdin(plan: &Path) -> bool {
    plan.as_os_str() == "-"
}

/// What messages call the plan.
pub(crate) fn title(plan: &Path) -> String {
    if is_stdin(plan) { "<stdin>".to_owned() } else { plan.to_string_lossy().into_owned() }
}
