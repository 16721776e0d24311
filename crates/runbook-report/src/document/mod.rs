//! One run as data: each section that somebody reads of it, gathered once. How it looks is up to the renderings, which
//! gather nothing by themselves.

mod answer;
mod checklist;
mod events;
mod facts;
mod step;
mod summary;
mod verification;

pub(crate) use answer::Sign;
pub(crate) use checklist::{CANARY, Checklist, PROMOTED};
pub(crate) use events::{Moment, Trouble};
pub(crate) use step::{StepNow, StepRow, Waits, steps_now};
pub use summary::RunSummary;
pub(crate) use verification::Verification;

use crate::account::{sentence, service_clauses};
use crate::text;
use facts::{Facts, review_text, versions};
use runbook_model::{Allow, AtWork, Closing, Excerpt, Plan, Record, Roles, RunHeader, RunState, StepId};

/// What is kept of a run: all that its document is made from.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The resolved plan.
    pub plan: &'a Plan,
    /// The parts that its steps play; `None` where an older `runbook` did not keep them.
    pub roles: Option<&'a Roles>,
    /// The records of the journal.
    pub records: &'a [Record],
    /// The state after all of them.
    pub state: &'a RunState,
    /// Who is at work on this host.
    pub holder: Option<&'a AtWork>,
}

/// One run, told in sections. [`show`](crate::show()), [`show_json`](crate::show_json) and [`markdown`](crate::markdown())
/// are renderings of it.
#[derive(Debug)]
pub struct RunDocument<'a> {
    pub(crate) header: &'a RunHeader,
    pub(crate) summary: RunSummary,
    pub(crate) state: &'a RunState,
    pub(crate) records: &'a [Record],
    /// Who is at work on the run; `None` if it is over.
    pub(crate) holder: Option<&'a str>,
    /// Verdict and claim in words.
    pub(crate) result: (String, String),
    /// What is left, what is not as it was, and what to do next.
    pub(crate) closing: Closing,
    /// How long each service was down, a clause each.
    pub(crate) downtime: Vec<String>,
    /// The variables of type `version`, with their values.
    pub(crate) versions: Vec<String>,
    /// What was read before the run, and by whom.
    pub(crate) reviews: Vec<String>,
    pub(crate) steps: Vec<StepRow<'a>>,
    pub(crate) verifications: Vec<Verification<'a>>,
    /// What people decided and approved.
    pub(crate) decisions: Vec<Moment<'a>>,
    pub(crate) failures: Vec<Trouble<'a>>,
    /// Refusals that the plan sets aside, each with the step that does.
    pub(crate) exceptions: Vec<(&'a StepId, &'a Allow)>,
    /// The checklists of the two field reports.
    pub(crate) checklists: [Checklist; 2],
    /// What steps read for people.
    pub(crate) excerpts: Vec<(&'a StepId, Excerpt)>,
}

impl<'a> RunDocument<'a> {
    /// The document of a run; `None` if it has no first record. Pure.
    pub fn of(kept: &Kept<'a>) -> Option<Self> {
        let Kept { plan, state, records, .. } = *kept;
        let header = state.header.as_ref()?;
        let holder = kept.holder.filter(|holder| holder.attends(state));
        let steps = step::rows(kept);
        let excerpts: Vec<_> =
            state.steps().filter_map(|(id, step)| Some((id, Excerpt::of(&step.usable_results().outputs)?))).collect();
        let facts = Facts { kept, steps: &steps, excerpts: &excerpts };
        let closing = Closing::at_work(state, holder);
        let holder = holder.map(|holder| holder.who.as_str());
        Some(Self {
            header,
            summary: RunSummary::of(state)?,
            state,
            records,
            holder,
            result: sentence(state, holder),
            downtime: service_clauses(&closing.services),
            closing,
            versions: versions(plan),
            reviews: plan.review.iter().map(review_text).collect(),
            verifications: steps.iter().filter_map(Verification::of).collect(),
            decisions: events::decisions(records),
            failures: events::failures(records),
            exceptions: plan.steps.iter().flat_map(|step| step.allow.iter().map(|allow| (&step.id, allow))).collect(),
            checklists: checklist::checklists(&facts),
            steps,
            excerpts,
        })
    }

    /// The digest as it is printed.
    pub(crate) fn digest(&self) -> &'a str {
        text::short(&self.header.digest)
    }
}
