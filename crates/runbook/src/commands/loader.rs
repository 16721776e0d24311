//! From the files of a plan to a program for a host: this one, or another.

use crate::cli::PlanSource;
use runbook_plan::is_rollout;
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
        let elsewhere = self.elsewhere.as_ref().map(|(_, elsewhere)| elsewhere.clone());
        let (plan, env) = (source.text()?, source.env.as_deref());
        Ok(self.session.load(&Source { plan, env, vars: &source.vars, parallel, elsewhere })?)
    }

    /// This host, for rollouts: they say themselves which hosts they are about.
    pub(crate) fn for_rollouts(&self) -> Result<&Session, CommandError> {
        match self.elsewhere {
            None => Ok(self.session),
            Some(_) => Err(says_itself()),
        }
    }
}

/// Hosts were named beside a rollout.
pub(super) fn says_itself() -> CommandError {
    CommandError::refused("a rollout says itself which hosts it is about")
        .hint("leave out --host, --hosts and --inventory; `hosts` of a stage selects them")
}

impl PlanSource {
    /// The text of the file, which is read once.
    pub(crate) fn text(&self) -> Result<&PlanText, CommandError> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let read = if is_stdin(&self.plan) {
            PlanText::from_reader(&title(&self.plan), io::stdin().lock())?
        } else {
            PlanText::at(&self.plan)?
        };
        Ok(self.text.get_or_init(|| read))
    }

    /// The text, if it is that of a rollout.
    pub(crate) fn rollout(&self) -> Result<Option<&PlanText>, CommandError> {
        let text = self.text()?;
        Ok(is_rollout(text.text()).then_some(text))
    }

    /// What wins over the rollout itself: an environment, and variables for every plan.
    pub(crate) fn flags(&self) -> (Option<&str>, &[String]) {
        (self.env.as_deref(), &self.vars)
    }
}

fn is_stdin(plan: &Path) -> bool {
    plan.as_os_str() == "-"
}

/// What messages call the plan.
pub(crate) fn title(plan: &Path) -> String {
    if is_stdin(plan) { "<stdin>".to_owned() } else { plan.to_string_lossy().into_owned() }
}
