//! The lines of the two field reports' checklists, in our words, each with how a run answers it.

use super::facts::{
    Answer, BACKUP, CACHE, CHANNEL_SOURCES, Facts, INSPECT, INSTALL, LOG_SOURCES, PLUGINS, RESTART, SERVICE_SOURCES,
};
use crate::text;
use runbook_model::{Excerpt, Next, SignalKind, StepStatus, format_duration};

/// One line of a checklist.
pub(super) struct Line {
    /// What has to be there.
    pub(super) says: &'static str,
    /// Whether it is, and the evidence.
    pub(super) answer: fn(&Facts<'_>) -> Answer,
}

/// The first report: one host, updated in a maintenance window.
pub(super) const ONE_HOST: &[Line] = &[
    Line { says: "What was installed before is known", answer: inventory },
    Line { says: "The way back is defined", answer: way_back },
    Line { says: "Configuration and state were backed up first", answer: backup },
    Line {
        says: "Somebody read the changelog",
        answer: |facts| facts.beside(facts.reviewed(&["changelog", "release"], "the changelog"), what_was_read),
    },
    Line { says: "Somebody read the recent issues", answer: |facts| facts.reviewed(&["issue"], "the issues") },
    Line {
        says: "Somebody looked for breaking changes",
        answer: |facts| {
            facts.beside(facts.reviewed(&["breaking"], "breaking changes"), |it| {
                marked_as(it, |mark| mark == "breaking")
            })
        },
    },
    Line { says: "Somebody read the pull requests behind it, where there are any", answer: pull_requests },
    Line { says: "A maintenance window is set", answer: window },
    Line { says: "The update was installed", answer: installed },
    Line { says: "Health was checked", answer: |facts| facts.signals_of(SignalKind::Health) },
    Line { says: "The restart was confirmed", answer: restarted },
    Line { says: "The logs since the restart were read", answer: |facts| facts.signals_from(LOG_SOURCES) },
    Line { says: "Each real flow was tried", answer: |facts| facts.signals_of(SignalKind::Functional) },
    Line {
        says: "Known errors were looked for and are absent or named",
        answer: |facts| facts.signals_of(SignalKind::Negative),
    },
    Line { says: "What was seen was compared with the known issues", answer: compared },
    Line { says: "It was decided to go on, to repair or to go back", answer: |facts| facts.decision() },
    Line { says: "The result is written down", answer: written_down },
];

/// The second report: an estate, one host at a time.
pub(super) const ESTATE: &[Line] = &[
    Line { says: "The target version is exact, and its release notes were read", answer: target },
    Line { says: "Versions, plugins and the service's entry point were read first", answer: inventory },
    Line { says: "State, program, unit files and channel status were backed up", answer: backup },
    Line { says: "A canary was chosen", answer: |_| one_host_only("the order of hosts is the rollout's") },
    Line { says: "The program was upgraded", answer: installed },
    Line { says: "External plugins were upgraded or replaced", answer: plugins },
    Line { says: "Caches of compiled plugins were cleared", answer: cache },
    Line { says: "The service was restarted", answer: restarted },
    Line { says: "Logs were read before the version was believed", answer: |facts| facts.signals_from(LOG_SOURCES) },
    Line { says: "Service, channels and connections were each validated", answer: three_sources },
    Line {
        says: "The validated result was promoted to other hosts",
        answer: |_| one_host_only("promotion is the rollout's"),
    },
    Line { says: "Archives for the way back are kept for a business cycle", answer: retention },
];

/// `changelog of demo from 1.0.0 to 1.1.0, 41 lines, 2 marked`
fn what_was_read(excerpt: &Excerpt) -> Option<String> {
    Some(format!("{}, {} lines, {} marked", text::clean(&excerpt.title), excerpt.lines.len(), excerpt.marked()))
}

/// `2 lines with #70462, slack`
fn marked_as(excerpt: &Excerpt, wanted: fn(&str) -> bool) -> Option<String> {
    let lines = excerpt.lines.iter().filter(|line| line.marks.iter().any(|mark| wanted(mark)));
    let mut marks: Vec<&str> = lines.clone().flat_map(|line| &line.marks).map(String::as_str).collect();
    marks.retain(|mark| wanted(mark));
    marks.sort_unstable();
    marks.dedup();
    let lines = lines.count();
    let noun = if lines == 1 { "line" } else { "lines" };
    (lines > 0).then(|| format!("{lines} {noun} with {}", text::clean(&marks.join(", "))))
}

fn missing(text: &str) -> Answer {
    Answer::Missing(text.to_owned())
}

fn one_host_only(why: &str) -> Answer {
    Answer::NotApplicable(format!("this run is one host; {why}"))
}

fn inventory(facts: &Facts<'_>) -> Answer {
    facts.done(INSPECT, missing("no step of the plan reads what is installed"))
}

fn backup(facts: &Facts<'_>) -> Answer {
    facts.done(BACKUP, missing("the plan has no backup"))
}

/// Undo data was durable before each change; counted from the intents.
fn way_back(facts: &Facts<'_>) -> Answer {
    let rollback = facts.caller.command(&Next::Rollback(facts.run()));
    match facts.state.steps().filter(|(_, step)| step.undo.is_some()).count() {
        0 => Answer::NotApplicable("nothing was changed".to_owned()),
        1 => Answer::Checked(format!("`{rollback}`; undo data of 1 step was durable before it acted")),
        many => Answer::Checked(format!("`{rollback}`; undo data of {many} steps was durable before they acted")),
    }
}

fn pull_requests(facts: &Facts<'_>) -> Answer {
    match facts.reviewed(&["pr", "prs", "pull"], "pull requests") {
        Answer::Missing(_) => Answer::NotApplicable("the plan names none".to_owned()),
        answer => answer,
    }
}

fn window(facts: &Facts<'_>) -> Answer {
    let Some(window) = &facts.plan.window else { return missing("the plan has no `window`") };
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let days = if window.days.is_empty() { "every day".to_owned() } else { window.days.join(", ") };
    Answer::Checked(format!("{days} {} to {}, {}", time(window.from), time(window.to), window.zone))
}

fn installed(facts: &Facts<'_>) -> Answer {
    facts.done(INSTALL, Answer::NotApplicable("the plan installs no program".to_owned()))
}

fn restarted(facts: &Facts<'_>) -> Answer {
    facts.done(RESTART, Answer::NotApplicable("the plan restarts no service".to_owned()))
}

fn plugins(facts: &Facts<'_>) -> Answer {
    facts.done(PLUGINS, Answer::NotApplicable("the plan changes no plugin".to_owned()))
}

fn cache(facts: &Facts<'_>) -> Answer {
    match facts.done(CACHE, Answer::NotApplicable("no plugin was changed in place".to_owned())) {
        Answer::NotApplicable(_) if !facts.steps(PLUGINS).is_empty() => {
            missing("plugins were changed, and no step clears a cache")
        }
        answer => answer,
    }
}

/// A failure that nobody compared with known issues is the next thing to do.
fn compared(facts: &Facts<'_>) -> Answer {
    let reviewed = facts.reviewed(&["upstream", "issue"], "known issues");
    let reviewed = facts.beside(reviewed, |it| marked_as(it, |mark| mark != "breaking"));
    let failed = facts.state.steps().find_map(|(id, step)| Some((id, super::facts::failed_forward(step)?)));
    match (reviewed, failed) {
        (Answer::Checked(review), Some((id, why))) => Answer::Missing(format!(
            "read before the change: {review}; not yet compared with the failure of `{id}`: {why}"
        )),
        (Answer::Missing(_), Some((id, why))) => Answer::Missing(format!("compare the failure of `{id}`: {why}")),
        (answer, None) => answer,
        (answer @ (Answer::NotApplicable(_) | Answer::Red(_)), _) => answer,
    }
}

fn written_down(facts: &Facts<'_>) -> Answer {
    match facts.state.verdict() {
        Some(_) => Answer::Checked(format!("this report, from {} records of the journal", facts.state.seq)),
        None => missing("the run is not over"),
    }
}

fn target(facts: &Facts<'_>) -> Answer {
    let versions = facts.versions();
    match facts.reviewed(&["changelog", "release"], "the release notes") {
        Answer::Checked(review) if !versions.is_empty() => {
            Answer::Checked(format!("{}; {review}", versions.join(", ")))
        }
        Answer::Checked(review) => Answer::Missing(format!("{review}; the plan has no variable of type `version`")),
        Answer::Missing(why) if !versions.is_empty() => Answer::Missing(format!("{}; {why}", versions.join(", "))),
        other => other,
    }
}

fn three_sources(facts: &Facts<'_>) -> Answer {
    let sources =
        [("service", SERVICE_SOURCES), ("channels", CHANNEL_SOURCES), ("connections in the log", LOG_SOURCES)];
    let (mut seen, mut absent, mut red) = (Vec::new(), Vec::new(), Vec::new());
    for (name, sources) in sources {
        match facts.signals_from(sources) {
            Answer::Checked(evidence) => seen.push(format!("{name}: {evidence}")),
            Answer::Red(evidence) => red.push(format!("{name}: {evidence}")),
            Answer::Missing(_) | Answer::NotApplicable(_) => absent.push(name),
        }
    }
    match (red.as_slice(), absent.as_slice()) {
        ([], []) => Answer::Checked(seen.join("; ")),
        ([], absent) => Answer::Missing(format!("not read: {}", absent.join(", "))),
        (red, _) => Answer::Red(red.join("; ")),
    }
}

fn retention(facts: &Facts<'_>) -> Answer {
    let taken = facts
        .steps(BACKUP)
        .iter()
        .any(|(_, step)| matches!(step.status, StepStatus::Changed | StepStatus::Unchanged | StepStatus::Undone));
    let keep = facts.plan.retention;
    match taken {
        true => {
            Answer::Checked(format!("at least {}, and the last {}", format_duration(keep.keep_for), keep.keep_last))
        }
        false => missing("no backup was taken"),
    }
}
