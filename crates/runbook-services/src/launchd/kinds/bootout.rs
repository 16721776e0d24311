//! `launchd.bootout`: a job that launchd has forgotten, with every process that it started. Undo loads it again.

use super::params::{self, OUTPUTS};
use crate::launchd::{Job, Manner};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, Role, ServiceSeen, UndoPhase};
use runbook_step::{Args, Done, Kind, KindDoc, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The kind.
pub struct Bootout;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("launchd.bootout"),
    summary: Cow::Borrowed("Ends a job of launchd and makes launchd forget it"),
    text: Cow::Borrowed(
        "This is how a job with `KeepAlive` is brought down: one that is only killed is started again by launchd, with \
         whatever program is on the disk at that moment. `launchctl bootout` may come back while the job still ends; \
         it is done when launchd does not know the job any more and every process that it had is gone. What stays behind \
         is named by number and command, and the step fails; `leave_processes` is for jobs that mean it so. A job that is \
         not loaded is down. One that could not be loaded again, since its property list is gone, is refused. Whether it \
         is loaded at the next login or boot is another matter: that is `launchd.disable`. Undo loads it again from the \
         property list that it was loaded from, and starts it if it ran.",
    ),
    params: Cow::Borrowed(&[params::LABEL, params::DOMAIN, params::LEAVE_PROCESSES]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: stop\n  uses: launchd.bootout\n  with: { label: com.example.gateway, domain: gui/501 }\n",
    ),
};

impl Kind for Bootout {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        params::attendant(args).role(Role::Stop(params::resource(args)))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Down { job: params::job(args)?, manner: params::manner(args)? }))
    }
}

struct Down {
    job: Job,
    manner: Manner,
}

impl Step for Down {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let job = &self.job;
        let prediction = match job.state(host)? {
            None => Prediction::no_change(format!("{job} is not loaded")),
            Some(state) => Prediction::change(format!("{job} is {}; it is ended", state.words())),
        };
        Ok(Probe::of(prediction).with(params::outputs(job, host, None)))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.job.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.job.bootout(work.host, self.manner)?;
        let done = Done::saying(format!("{} is not loaded", self.job));
        Ok(done.with(params::outputs(&self.job, work.host, None)))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.job.take_back(phase, work, undo, self.manner, false)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.job.seen(work.host).map(Some)
    }
}
