//! The lines of the two field reports' checklists, in our words, each with how a run answers it. The names in an answer
//! are those of the plan.

use super::answer::{Answer, Sign};
use super::facts::{Facts, versions};
use crate::text;
use runbook_model::{Excerpt, Next, Reading, Role, SignalKind, SignalSource, StepStatus, format_duration};

/// A list, answered.
#[derive(Debug)]
pub(crate) struct Checklist {
    pub(crate) title: &'static str,
    /// What has to be there, and whether it is.
    pub(crate) lines: Vec<(&'static str, Answer)>,
}

type Line = (&'static str, fn(&Facts<'_, '_>) -> Answer);

pub(super) fn checklists(facts: &Facts<'_, '_>) -> [Checklist; 2] {
    let lists = [("Checklist for one host", ONE_HOST), ("Checklist for an estate", ESTATE)];
    lists.map(|(title, lines)| Checklist {
        title,
        lines: lines.iter().map(|(says, answer)| (*says, answer(facts))).collect(),
    })
}

/// The first report: one host, updated in a maintenance window.
const ONE_HOST: &[Line] = &[
    ("What was installed before is known", inventory),
    ("The way back is defined", way_back),
    ("Configuration and state were backed up first", backup),
    ("Somebody read the changelog", |facts| {
        facts.beside(facts.reviewed(&["changelog", "release"], "the changelog"), what_was_read)
    }),
    ("Somebody read the recent issues", |facts| facts.reviewed(&["issue"], "the issues")),
    ("Somebody looked for breaking changes", |facts| {
        let reviewed = facts.reviewed(&["breaking"], "breaking changes");
        facts.beside(reviewed, |it| marked_as(it, |mark| mark == "breaking"))
    }),
    ("Somebody read the pull requests behind it, where there are any", pull_requests),
    ("A maintenance window is set", window),
    ("The update was installed", installed),
    ("Health was checked", |facts| signals_of(facts, SignalKind::Health)),
    ("The restart was confirmed", restarted),
    ("The logs since the restart were read", |facts| facts.signals_from(SignalSource::Log)),
    ("Each real flow was tried", |facts| signals_of(facts, SignalKind::Functional)),
    ("Known errors were looked for and are absent or named", |facts| signals_of(facts, SignalKind::Negative)),
    ("What was seen was compared with the known issues", compared),
    ("It was decided to go on, to repair or to go back", |facts| facts.decision()),
    ("The result is written down", written_down),
];

/// Lines that only a rollout can answer.
pub(crate) const CANARY: &str = "A canary was chosen";
pub(crate) const PROMOTED: &str = "The validated result was promoted to other hosts";

/// The second report: an estate, one host at a time.
const ESTATE: &[Line] = &[
    ("The target version is exact, and its release notes were read", target),
    ("What is installed, and what the service runs, was read first", inventory),
    ("State, program and service files were backed up", backup),
    (CANARY, |_| one_host_only("the order of hosts is the rollout's")),
    ("The program was upgraded", installed),
    ("What the program loads beside itself was upgraded or replaced", dependencies),
    ("Caches of compiled program text were cleared", cache),
    ("The service was restarted", restarted),
    ("Logs were read before the version was believed", |facts| facts.signals_from(SignalSource::Log)),
    ("The service itself, its answers and its log were each read", three_sources),
    (PROMOTED, |_| one_host_only("promotion is the rollout's")),
    ("Archives for the way back are kept for a business cycle", retention),
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

fn one_host_only(why: &str) -> Answer {
    Answer::not_applicable(format!("this run is one host; {why}"))
}

fn inventory(facts: &Facts<'_, '_>) -> Answer {
    facts.done_by(|role| *role == Role::Inventory, Answer::missing("no step of the plan reads what is installed"))
}

fn backs_up(role: &Role) -> bool {
    matches!(role, Role::Backup(_))
}

fn backup(facts: &Facts<'_, '_>) -> Answer {
    facts.done_by(backs_up, Answer::missing("the plan has no backup"))
}

/// Undo data was durable before each change; counted from the intents.
fn way_back(facts: &Facts<'_, '_>) -> Answer {
    let evidence = match facts.steps.iter().filter(|row| row.state.undo.is_some()).count() {
        0 => return Answer::not_applicable("nothing was changed"),
        1 => "undo data of 1 step was durable before it acted".to_owned(),
        many => format!("undo data of {many} steps was durable before they acted"),
    };
    let run = facts.kept.state.header.as_ref().map(|header| header.run.clone());
    Answer { command: Some(Next::Rollback(run)), ..Answer::checked(evidence) }
}

fn pull_requests(facts: &Facts<'_, '_>) -> Answer {
    match facts.reviewed(&["pr", "prs", "pull"], "pull requests") {
        answer if answer.sign == Sign::Missing => Answer::not_applicable("the plan names none"),
        answer => answer,
    }
}

fn window(facts: &Facts<'_, '_>) -> Answer {
    let Some(window) = &facts.kept.plan.window else { return Answer::missing("the plan has no `window`") };
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let days = if window.days.is_empty() { "every day".to_owned() } else { window.days.join(", ") };
    Answer::checked(format!("{days} {} to {}, {}", time(window.from), time(window.to), window.zone))
}

fn installed(facts: &Facts<'_, '_>) -> Answer {
    facts.done_by(|role| *role == Role::Install, Answer::not_applicable("the plan installs no program"))
}

fn restarted(facts: &Facts<'_, '_>) -> Answer {
    let mut steps = facts.playing(|role| matches!(role, Role::Start(_) | Role::Restart(_)));
    steps.retain(|row| !row.plays(|role| *role == Role::Reload));
    facts.done(&steps, Answer::not_applicable("the plan restarts no service"))
}

fn is_dependencies(role: &Role) -> bool {
    *role == Role::Dependencies
}

fn dependencies(facts: &Facts<'_, '_>) -> Answer {
    let none = Answer::not_applicable("no step of the plan installs what a program loads");
    facts.done_by(is_dependencies, none)
}

fn cache(facts: &Facts<'_, '_>) -> Answer {
    let none = match facts.playing(is_dependencies).is_empty() {
        true => Answer::not_applicable("nothing that a program loads was changed in place"),
        false => Answer::missing("what a program loads was changed, and no step clears a cache"),
    };
    facts.done_by(|role| *role == Role::ClearCache, none)
}

fn signals_of(facts: &Facts<'_, '_>, kind: SignalKind) -> Answer {
    facts.signals(|_, reading: &Reading| reading.kind == kind)
}

/// A failure that nobody compared with known issues is the next thing to do.
fn compared(facts: &Facts<'_, '_>) -> Answer {
    let reviewed = facts.reviewed(&["upstream", "issue"], "known issues");
    let reviewed = facts.beside(reviewed, |it| marked_as(it, |mark| mark != "breaking"));
    match (reviewed.sign, facts.failed()) {
        (Sign::Checked, Some((id, why))) => Answer::missing(format!(
            "read before the change: {}; not yet compared with the failure of `{id}`: {why}",
            reviewed.evidence
        )),
        (_, Some((id, why))) => Answer::missing(format!("compare the failure of `{id}`: {why}")),
        (_, None) => reviewed,
    }
}

fn written_down(facts: &Facts<'_, '_>) -> Answer {
    let state = facts.kept.state;
    match state.verdict() {
        Some(_) => Answer::checked(format!("this report, from {} records of the journal", state.seq)),
        None => Answer::missing("the run is not over"),
    }
}

fn target(facts: &Facts<'_, '_>) -> Answer {
    let versions = versions(facts.kept.plan).join(", ");
    let review = facts.reviewed(&["changelog", "release"], "the release notes");
    match (versions.is_empty(), review.sign) {
        (false, sign) => Answer::new(sign, format!("{versions}; {}", review.evidence)),
        (true, Sign::Checked) => {
            Answer::missing(format!("{}; the plan has no variable of type `version`", review.evidence))
        }
        (true, _) => review,
    }
}

fn three_sources(facts: &Facts<'_, '_>) -> Answer {
    let sources = [
        ("the service itself", SignalSource::Service),
        ("its answers", SignalSource::Answer),
        ("its log", SignalSource::Log),
    ];
    let answers = sources.map(|(name, source)| (name, facts.signals_from(source)));
    let told = |sign| {
        let of_sign = answers.iter().filter(move |(_, answer)| answer.sign == sign);
        of_sign.map(|(name, answer)| format!("{name}: {}", answer.evidence)).collect::<Vec<_>>().join("; ")
    };
    let absent: Vec<&str> =
        answers.iter().filter(|(_, answer)| answer.sign == Sign::Missing).map(|(name, _)| *name).collect();
    match told(Sign::Red) {
        red if !red.is_empty() => Answer::new(Sign::Red, red),
        _ if absent.is_empty() => Answer::checked(told(Sign::Checked)),
        _ => facts.known(Answer::missing(format!("not read: {}", absent.join(", ")))),
    }
}

fn retention(facts: &Facts<'_, '_>) -> Answer {
    let is_taken = |status| matches!(status, StepStatus::Changed | StepStatus::Unchanged | StepStatus::Undone);
    let keep = facts.kept.plan.retention;
    match facts.playing(backs_up).iter().any(|row| is_taken(row.state.status)) {
        true => {
            Answer::checked(format!("at least {}, and the last {}", format_duration(keep.keep_for), keep.keep_last))
        }
        false => facts.known(Answer::missing("no backup was taken")),
    }
}
