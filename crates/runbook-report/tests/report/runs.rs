//! What runs look like: live, plain, in full and as a report. The snapshots are the specification.

use crate::life::{self, Life};
use proptest::prelude::*;
use runbook_model::{
    AtWork, Caller, Deadline, Decided, Decision, Event, Failure, FailureKind, Outcome, Reading, Results, RollbackCause,
    RunState, ServiceSeen, ServiceState, SignalVerdict, Standing, UndoPhase, UndoRecord, Verdict,
};
use runbook_report::{
    Look, Ndjson, Plain, Reporter, RunSummary, Style, Terminal, history, history_json, history_ndjson, json_text,
    status, status_json,
};

fn lives() -> Vec<(&'static str, Life)> {
    vec![
        ("succeeded", life::succeeded()),
        ("rolled_back", life::rolled_back()),
        ("stuck", life::stuck()),
        ("cancelled", life::cancelled()),
        ("refused", life::refused()),
        ("retried", life::retried()),
        ("passed_over", life::passed_over()),
        ("stopped", life::stopped()),
        ("resumed", life::resumed()),
    ]
}

fn plain(life: &Life, style: Style) -> String {
    let mut out = Vec::new();
    let mut reporter = Plain::new(&mut out, Caller::default(), style);
    for record in &life.records {
        reporter.record(record).unwrap();
    }
    reporter.finish().unwrap();
    String::from_utf8(out).unwrap()
}

/// What `status` prints on a host with this one run.
fn standing(state: &RunState, holder: Option<&str>, now_ms: i64, style: &Style) -> String {
    let holder = holder.map(life::at_work);
    let (standing, runs) = (Standing::of([state], &[], holder.as_ref()), [state.clone()]);
    status(
        &Look { standing: &standing, runs: &runs, holder: holder.as_ref(), now_ms, caller: &Caller::default() },
        style,
    )
}

fn standing_json(state: &RunState, holder: Option<&str>) -> serde_json::Value {
    let holder = holder.map(life::at_work);
    let (standing, runs) = (Standing::of([state], &[], holder.as_ref()), [state.clone()]);
    status_json(&Look {
        standing: &standing,
        runs: &runs,
        holder: holder.as_ref(),
        now_ms: 0,
        caller: &Caller::default(),
    })
}

#[test]
fn every_life_as_lines() {
    for (name, life) in lives() {
        insta::assert_snapshot!(format!("plain_{name}"), plain(&life, Style::plain(90)));
    }
}

#[test]
fn narrow_wide_and_ascii() {
    let life = life::rolled_back();
    insta::assert_snapshot!("narrow", plain(&life, Style::plain(60)));
    insta::assert_snapshot!("wide", plain(&life, Style::plain(120)));
    let ascii = plain(&life, Style { color: false, unicode: false, width: 80 });
    assert!(ascii.is_ascii());
    insta::assert_snapshot!("ascii", ascii);
}

#[test]
fn every_life_in_full_and_as_a_report() {
    for (name, life) in lives() {
        insta::assert_snapshot!(format!("show_{name}"), life.shown(None, &Caller::default(), &Style::plain(100)));
        insta::assert_snapshot!(format!("report_{name}"), life.report(None, &Caller::default()));
    }
}

#[test]
fn one_run_as_json() {
    let value = life::rolled_back().json();
    insta::assert_snapshot!(json_text(&value, &Caller::default()));
}

#[test]
fn no_line_is_wider_than_the_window() {
    for (name, life) in lives() {
        for width in [60, 80, 100, 120, 200] {
            let full = life.shown(None, &Caller::default(), &Style::plain(width));
            for line in full.lines().chain(plain(&life, Style::plain(width)).lines()) {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn nothing_that_a_host_said_reaches_the_terminal_raw() {
    for (name, life) in lives() {
        for text in [
            plain(&life, Style::plain(80)),
            life.shown(None, &Caller::default(), &Style::plain(80)),
            life.report(None, &Caller::default()),
            json_text(&life.json(), &Caller::default()),
        ] {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}: {text:?}");
        }
    }
}

#[test]
fn colours_frame_words_and_never_change_them() {
    for (name, life) in lives() {
        let coloured = plain(&life, Style { color: true, unicode: true, width: 90 });
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        bare.push_str(rest);
        let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(&bare), trimmed(&plain(&life, Style::plain(90))), "{name}");
    }
}

#[test]
fn ndjson_is_the_journal_and_the_closing_statement() {
    let life = life::rolled_back();
    let mut out = Vec::new();
    let mut reporter = Ndjson::new(&mut out, Caller::default());
    for record in &life.records {
        reporter.record(record).unwrap();
    }
    reporter.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}'));
    let back: Vec<runbook_model::Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(back, life.records);
    let closing: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(closing["closing"], serde_json::to_value(runbook_model::Closing::of(&life.state())).unwrap());
}

#[test]
fn a_terminal_keeps_what_ended_and_erases_what_runs() {
    let life = life::rolled_back();
    let mut out = Vec::new();
    let mut reporter = Terminal::new(&mut out, Caller::default(), Style::plain(90));
    for record in &life.records {
        reporter.tick(record.at).unwrap();
        reporter.record(record).unwrap();
        reporter.progress(&life::id("verify"), "waiting for chat\u{1b}[2J").unwrap();
        reporter.tick(record.at + 3200).unwrap();
    }
    reporter.finish().unwrap();
    let screen = shown(&String::from_utf8(out).unwrap());
    assert_eq!(screen, plain(&life, Style::plain(90)));
}

/// What remains on a terminal that knows line feed, carriage return and erase to the end of the line.
fn shown(bytes: &str) -> String {
    let mut lines = vec![String::new()];
    let mut rest = bytes;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\r\u{1b}[K") {
            lines.last_mut().unwrap().clear();
            rest = after;
            continue;
        }
        assert!(!c.is_control() || c == '\n', "{rest:?}");
        match c {
            '\n' => lines.push(String::new()),
            c => lines.last_mut().unwrap().push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    lines.join("\n")
}

#[test]
fn the_line_of_what_runs() {
    let life = Life::begin().started("install", 1).intended("install");
    let last = life.records.last().unwrap().at;
    let mut out = Vec::new();
    let mut reporter = Terminal::new(&mut out, Caller::default(), Style::plain(50));
    life.records.iter().for_each(|record| reporter.record(record).unwrap());
    reporter.tick(last + 12_340).unwrap();
    reporter
        .progress(&life::id("install"), "reify:openclaw: timing reifyNode:node_modules/openclaw Completed")
        .unwrap();
    reporter.tick(last + 72_340).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.split("\r\u{1b}[K").collect();
    assert!(lines[0].ends_with("  ⠸ install 12s"), "{:?}", lines[0]);
    assert_eq!(lines[1], "  ⠸ install 1m12s: reify:openclaw: timing reify…");
}

#[test]
fn silence_is_broken_every_thirty_seconds() {
    let life = Life::begin().started("install", 1).intended("install");
    let last = life.records.last().unwrap().at;
    let mut out = Vec::new();
    let mut reporter = Plain::new(&mut out, Caller::default(), Style::plain(80));
    life.records.iter().for_each(|record| reporter.record(record).unwrap());
    for second in 0..=65 {
        reporter.tick(last + second * 1000).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("still")).collect();
    assert_eq!(lines, ["  still running: install, 30s", "  still running: install, 1m00s"]);
}

#[test]
fn what_could_not_be_read_before_a_change_is_not_called_red() {
    let mut readings = life::before();
    readings[0].verdict = SignalVerdict::Unread;
    readings[1].verdict = SignalVerdict::Red;
    let life = Life::begin()
        .baseline(readings.clone())
        .started("install", 1)
        .intended("install")
        .rolls_back(RollbackCause::Requested)
        .verified(5, readings, &[]);
    let text = plain(&life, Style::plain(120));
    let said = "2 of 2 as they were before the change; 1 was red before it; 1 could not be read before it";
    assert!(text.contains(said), "{text}");
}

#[test]
fn what_an_interrupt_means_stands_for_its_record() {
    let mut out = Vec::new();
    let mut reporter = Plain::new(&mut out, Caller::default(), Style::plain(100));
    for record in &life::cancelled().records {
        if record.event == Event::DrainRequested {
            reporter.interrupted("what that means now").unwrap();
        }
        reporter.record(record).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("what that means now") && !text.contains("Nothing more starts"), "{text}");
    assert!(text.contains("Cancelling what runs."), "the next record was not announced: {text}");
}

#[test]
fn a_run_that_was_left_open_says_how_to_go_on() {
    let life = Life::begin().started("install", 1).intended("install");
    insta::assert_snapshot!("plain_open", plain(&life, Style::plain(90)));
}

#[test]
fn the_downtime_is_the_time_between_intent_and_confirmation() {
    let down = |life: &Life| life.state().services["demo"].down_until(i64::MAX);
    assert_eq!(down(&life::succeeded()), 310);
    // The restart, then from its halt over the way back of `install` to its undo.
    assert_eq!(down(&life::rolled_back()), 310 + 40 + 20 + 290);
    assert!(life::stuck().state().services["demo"].down_since.is_some());
}

/// What the run did says nothing of what others did since.
#[test]
fn what_is_said_of_a_service_at_the_end_was_read() {
    let read = |life: Life, up, words: &str| {
        let seen = ServiceSeen { up, words: words.to_owned(), start: Some("systemctl start demo".to_owned()) };
        life.add(Event::ServiceRead { step: life::id("restart"), service: "demo".to_owned(), seen })
    };
    let ends = |life: Life, verdict| {
        let life = life.add(Event::RunFinished { verdict, note: String::new() });
        plain(&life, Style::plain(500)).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let up = || Life::begin().changes("restart", 10, "up");
    let text = ends(read(up(), Some(true), "active"), Verdict::Succeeded);
    assert!(!text.contains("at the end"), "what follows is not said: {text}");
    let text = ends(read(up(), Some(false), "failed"), Verdict::Succeeded);
    assert!(text.contains("the service was down for less than 0.1 s; at the end demo was failed."), "{text}");
    let text = ends(read(up(), None, "not read: no bus"), Verdict::Succeeded);
    assert!(text.contains("at the end demo was not read: no bus"), "{text}");
    let left = || Life::begin().started("restart", 1).intended("restart");
    let text = ends(left(), Verdict::Stopped);
    assert!(
        text.contains("has not brought the service up again since") && text.contains("nobody has read how demo is"),
        "{text}"
    );
    let text = ends(read(left(), Some(true), "active"), Verdict::Stopped);
    assert!(text.contains("at the end demo was active"), "{text}");

    let back = || up().rolls_back(RollbackCause::Requested).undoes("restart", UndoPhase::Undo, 10, "", None);
    let text = ends(read(back(), Some(false), "inactive"), Verdict::RolledBack);
    let lost = "lost: demo, it was up before the run, and is inactive: `systemctl start demo` brings it up";
    assert!(text.contains(lost) && text.contains("but for what is named below"), "{text}");
    let text = ends(read(back(), Some(true), "active"), Verdict::RolledBack);
    assert!(!text.contains("at the end") && !text.contains("lost: demo"), "{text}");
    // A secret may be struck out of the name in the record.
    let seen = ServiceSeen { up: Some(true), words: "active".to_owned(), start: None };
    let struck = Event::ServiceRead { step: life::id("restart"), service: "(secret one)".to_owned(), seen };
    assert!(up().add(struck).state().services["demo"].seen.is_some());
    // What was read before it was moved again is no reading of the end.
    let state = read(up(), Some(true), "active").rolls_back(RollbackCause::Requested).state();
    assert_eq!(state.services["demo"].seen, None);
}

#[test]
fn a_run_took_as_long_as_somebody_was_at_work_on_it() {
    let once = life::succeeded().state();
    assert_eq!(once.worked_ms, once.last_at - once.began_at);
    let later = life::taken_back_later().state();
    assert_eq!(later.worked_ms, once.worked_ms + 40 + 20 + 290 + 400);
    let run = RunSummary::of(&later).unwrap();
    assert_eq!(history_json(std::slice::from_ref(&run))["runs"][0]["duration_ms"], later.worked_ms);
    let life = life::taken_back_later();
    for text in [
        history(&[run], &Style::plain(100)),
        life.shown(None, &Caller::default(), &Style::plain(100)),
        life.report(None, &Caller::default()),
    ] {
        assert!(text.contains("2.65s") && !text.contains("24h"), "{text}");
    }
}

#[test]
fn a_signal_that_is_red_fulfils_no_line_of_a_checklist() {
    let report = |life: Life| life.report(None, &Caller::default());
    let (good, bad) = (report(life::succeeded()), report(life::rolled_back()));
    for line in ["Each real flow was tried", "Known errors were looked for and are absent or named"] {
        assert!(good.contains(&format!("| checked | {line} |")), "{good}");
        assert!(bad.contains(&format!("| **red** | {line} |")), "{bad}");
    }
    assert!(bad.contains("| checked | Health was checked |"), "{bad}");
}

#[test]
fn the_file_of_a_place_is_named_in_full_once() {
    let life = life::rolled_back();
    for text in [life.shown(None, &Caller::default(), &Style::plain(100)), life.report(None, &Caller::default())] {
        assert_eq!(text.matches("/srv/demo/run/demo.log").count(), 1, "{text}");
        assert!(text.contains("demo.log:41"), "{text}");
    }
}

#[test]
fn a_damaged_journal_is_an_error() {
    let mut records = life::rolled_back().records;
    records.remove(4);
    records.truncate(8);
    let mut twice = records.clone();
    twice.extend(records.iter().skip(4).cloned());
    assert!(RunState::replay(&twice).is_err());
    let mut reporter = Plain::new(Vec::new(), Caller::default(), Style::plain(80));
    assert!(twice.iter().any(|record| reporter.record(record).is_err()));
}

#[test]
fn a_reporter_passes_a_broken_pipe_on() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let life = life::succeeded();
    let mut reporter = Plain::new(Closed, Caller::default(), Style::plain(80));
    let error = reporter.record(&life.records[0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn lists_of_runs() {
    let states: Vec<RunState> = lives().iter().map(|(_, life)| life.state()).collect();
    let mut runs: Vec<RunSummary> = states.iter().filter_map(RunSummary::of).collect();
    runs.push(RunSummary::of(&Life::begin().state()).unwrap());
    insta::assert_snapshot!("history", history(&runs, &Style::plain(100)));
    for width in [20, 40, 50, 60, 80, 120, 10_000] {
        let text = history(&runs, &Style::plain(width));
        let stamp = whole_dates(&text);
        assert_eq!(stamp, runs.len(), "a date on one line for each run at {width} columns:\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= width.clamp(40, 120)), "{width}:\n{text}");
        if [40, 60].contains(&width) {
            insta::assert_snapshot!(format!("history-{width}"), text);
        }
    }
    assert_eq!(history_ndjson(&runs).lines().count(), runs.len());
    assert_eq!(history_json(&runs)["runs"][1]["verdict"], "rolled-back");
    assert_eq!(history(&[], &Style::plain(80)), "No runs on this host yet.\n");
}

#[test]
fn what_the_host_is_doing() {
    let style = Style::plain(90);
    let open = Life::begin().reads("inventory", 20, "1.0.0").started("install", 1).intended("install").state();
    let now = open.last_at + 42_000;
    insta::assert_snapshot!("status_running", standing(&open, Some("pid 4100, ops on pts/3"), now, &style));
    insta::assert_snapshot!("status_crashed", standing(&open, None, now, &style));
    insta::assert_snapshot!("status_over", standing(&life::stuck().state(), None, now, &style));
    let value = standing_json(&open, Some("pid 4100"));
    assert_eq!((&value["open"], &value["steps"][2]["status"]), (&true.into(), &"intended".into()));
    let nothing =
        Look { standing: &Standing::default(), runs: &[], holder: None, now_ms: now, caller: &Caller::default() };
    assert_eq!(status(&nothing, &style), "No runs on this host yet.\n");
}

#[test]
fn a_gate_that_waits_is_seen_by_whoever_looks() {
    let style = Style::plain(90);
    let life = Life::begin().reads("inventory", 20, "1.0.0").started("install", 1).wait(10).asks("install");
    insta::assert_snapshot!("plain_waiting", plain(&life, style).split("\nNot over.").next().unwrap());
    let holder = Some("apply quickstart (pid 4100, user ops)");
    let now = life.state().last_at + 2_900;
    insta::assert_snapshot!("status_waiting", standing(&life.state(), holder, now, &style));
    let full = life.shown(holder, &Caller::default(), &style);
    insta::assert_snapshot!("show_waiting", full);
    let report = life.report(holder, &Caller::default());
    assert!(report.contains("**Running.** At work on it: apply quickstart"), "{report}");
    let asked = &standing_json(&life.state(), holder)["steps"][2]["waits_for"];
    assert_eq!(asked["answer"], "runbook approve 7k2m install");
    // The process that waited is dead: there is nobody to answer.
    let crashed = life.shown(None, &Caller::default(), &style);
    assert!(crashed.contains("Next: runbook resume 7k2m"), "{crashed}");
    let resumed = life.add(Event::RunResumed { version: "0.1.0".to_owned() });
    assert!(standing_json(&resumed.state(), holder)["steps"][2]["waits_for"].is_null());
}

/// A run whose verification could not read one of its signals, and asks.
fn unproven() -> (Life, Failure, Vec<Reading>) {
    let mut readings = life::before();
    let mut unread = readings[2].clone();
    (unread.signal, unread.verdict) = ("mail".to_owned(), SignalVerdict::Unread);
    readings.push(unread);
    let failure = Failure::new(FailureKind::Inconclusive, "1 of 4 blocking signals cannot be read: `mail`");
    let (step, within_ms) = (life::id("verify"), 900_000);
    let asked = Event::DecisionAsked { step, failure: failure.clone(), readings: readings.clone(), within_ms };
    (Life::upgraded().started("verify", 1).wait(10).add(asked), failure, readings)
}

/// The same, answered.
fn decided(decision: Decision) -> Life {
    let (life, failure, readings) = unproven();
    let decided = Decided { decision, by: "ops".to_owned(), because: String::new() };
    life.add(Event::DecisionMade { step: life::id("verify"), decided }).fails("verify", failure, readings)
}

/// A `resume` that asks at its terminal holds the lock, and hears no commit.
#[test]
fn a_commit_is_named_only_where_somebody_hears_it() {
    let until = Deadline { until: 1_773_540_000_000, ..Deadline::default() };
    let life = Life::upgraded().add(Event::RunHeld { deadline: until });
    let state = life.state();
    let hears = AtWork { who: "apply quickstart".to_owned(), run: Some(runbook_model::RunId::new("7k2m").unwrap()) };
    let asks = AtWork { who: "resume 7k2m".to_owned(), run: None };
    let style = Style::plain(90);
    let told = |holder: &AtWork| {
        let (standing, runs) = (Standing::of([&state], &[], Some(holder)), [state.clone()]);
        let look =
            Look { standing: &standing, runs: &runs, holder: Some(holder), now_ms: 0, caller: &Caller::default() };
        (status(&look, &style), status_json(&look))
    };
    let (text, json) = told(&hears);
    assert!(text.contains("At work:") && text.contains("Next: runbook commit 7k2m"), "{text}");
    assert_eq!(json["blocked"]["next"][0], "runbook commit 7k2m");
    assert_eq!(json["closing"]["next"][0], "runbook commit 7k2m");
    let (text, json) = told(&asks);
    assert!(text.contains("nobody goes on with it yet"), "{text}");
    assert!(!text.contains("runbook commit"), "{text}");
    assert!(!json.to_string().contains("runbook commit"), "{json}");
}

#[test]
fn a_control_that_makes_no_sense_is_seen() {
    let because = "it is committed\u{1b}[2J, and comes to its end".to_owned();
    let life = Life::begin().add(Event::ControlRefused { control: "drain".to_owned(), step: None, because });
    let told = plain(&life, Style::plain(90));
    assert!(told.contains("The control `drain` is refused: it is committed, and comes to its end."), "{told}");
}

#[test]
fn a_question_at_a_terminal_is_seen_by_whoever_looks_from_another() {
    let (life, failure, _) = unproven();
    let holder = Some("apply quickstart (pid 4100, user ops)");
    let text = standing(&life.state(), holder, life.state().last_at + 2_900, &Style::plain(200));
    let asks = format!("`verify` asks at its terminal: rollback, again or keep? {}.", failure.message);
    assert!(text.contains(&asks) && text.contains("verify   waiting for an answer"), "{text}");
    assert!(life.shown(holder, &Caller::default(), &Style::plain(200)).contains(&asks));
    let value = &standing_json(&life.state(), holder)["steps"][4]["waits_for"];
    assert_eq!(value["message"], failure.message.as_str());
    assert_eq!(value["answer"], "rollback, again or keep, at the terminal of the run");
    let answered = decided(Decision::Keep).state();
    assert!(standing_json(&answered, holder)["steps"][4]["waits_for"].is_null());
}

#[test]
fn kept_is_what_somebody_kept_and_nothing_that_was_closed_by_hand() {
    let (kept, back) = (decided(Decision::Keep), || decided(Decision::RollBack));
    let cause = RollbackCause::StepFailed { step: life::id("verify") };
    let later = decided(Decision::Keep).over(Verdict::Accepted, "").rolls_back(RollbackCause::Requested);
    for (life, is_kept) in [(kept, true), (back(), false), (back().rolls_back(cause), false), (later, false)] {
        let life = life.over(Verdict::Accepted, "as it should be");
        let text = plain(&life, Style::plain(200));
        let report = life.report(None, &Caller::default());
        // A kept run that was taken back later has both ends in its account.
        let (_, end) = text.rsplit_once("\n\n").unwrap();
        assert_eq!(end.contains("Kept, without proof."), is_kept, "{text}");
        assert_eq!(end.contains("Closed by hand."), !is_kept, "{text}");
        assert_eq!(report.contains("kept, without proof"), is_kept, "{report}");
        assert_eq!(report.contains("closed by hand"), !is_kept, "{report}");
    }
}

#[test]
fn a_blocking_signal_that_is_unread_fulfils_no_line_of_a_checklist() {
    let life = decided(Decision::Keep).over(Verdict::Accepted, "");
    let report = life.report(None, &Caller::default());
    let line = report.lines().find(|line| line.contains("| Each real flow was tried |")).unwrap();
    assert!(line.starts_with("| missing |") || line.starts_with("| **missing** |"), "{line}");
    assert!(report.contains("| checked | Health was checked |"), "{report}");
}

#[test]
fn the_command_that_answers_is_never_cut() {
    let life = Life::begin().started("install", 1).asks("install");
    let mut out = Vec::new();
    let mut reporter = Terminal::new(&mut out, Caller::default(), Style::plain(40));
    for record in &life.records {
        reporter.record(record).unwrap();
        reporter.tick(record.at + 100).unwrap();
    }
    let screen = shown(&String::from_utf8(out).unwrap());
    assert!(screen.contains("install     waits for: runbook approve 7k2m install\n"), "{screen}");
}

#[test]
fn the_documented_fields_are_those_that_are_written() {
    let docs = include_str!("../../../../docs/output.md");
    let mut names = std::collections::BTreeSet::new();
    for (_, life) in lives() {
        let shown = life.json();
        let status = standing_json(&life.state(), None);
        let run = history_json(&[RunSummary::of(&life.state()).unwrap()]);
        for value in [&shown, &shown["run"], &shown["steps"][0], &status, &run["runs"][0]] {
            names.extend(value.as_object().unwrap().keys().cloned());
        }
        for record in &life.records {
            names.insert(record.event.name().to_owned());
            names.extend(serde_json::to_value(record).unwrap().as_object().unwrap().keys().cloned());
        }
    }
    let missing: Vec<&String> = names.iter().filter(|name| !docs.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/output.md does not name {missing:?}");
}

/// Any event about any step, with any text in it; most of them cannot follow one another.
fn any_event() -> impl Strategy<Value = Event> {
    let step = prop::sample::select(vec!["inventory", "install", "restart", "verify"]).prop_map(life::id);
    let phase = prop::sample::select(vec![UndoPhase::Halt, UndoPhase::Undo, UndoPhase::Insurance]);
    (step, phase, any::<String>(), any::<u8>(), any::<bool>()).prop_map(|(step, phase, text, which, bad)| {
        let failure = Failure::failed(text.clone()).detail(text.clone()).hint(text.clone());
        let readings = vec![life::reading("chat", &text, &text, SignalVerdict::Red, Some(&text))];
        let service = Some(ServiceState::new(&text, !bad));
        match which % 12 {
            0 | 1 => Event::StepStarted { step, attempt: 1 },
            2 | 3 => Event::StepIntended { step, undo: UndoRecord { service, ..UndoRecord::default() } },
            4 => Event::StepRetrying { step, failure, pause_ms: 0 },
            5 => Event::UndoStarted { step, phase },
            6 => Event::UndoFinished { step, phase, summary: text, failure: bad.then_some(failure) },
            7 => Event::RollbackVerified {
                step,
                readings,
                lost: if bad { vec![text] } else { vec![] },
                unread: vec![],
                failure: None,
            },
            8 => Event::BaselineTaken { step, readings, marks: serde_json::Value::Null, failure: None },
            9 if bad => Event::RunFinished { verdict: Verdict::Stuck, note: text },
            9 => Event::RollbackStarted { cause: RollbackCause::Requested },
            10 => {
                Event::StepFinished { step, outcome: Outcome::Failed(failure), results: Default::default(), readings }
            }
            _ => {
                let outcome = if bad { Outcome::Changed { summary: text } } else { Outcome::Skipped { because: text } };
                let results = Results { service, ..Results::default() };
                Event::StepFinished { step, outcome, results, readings: vec![] }
            }
        }
    })
}

proptest! {
    #![proptest_config(test_rules::cases(256))]

    #[test]
    fn no_life_and_no_text_breaks_the_account(
        events in prop::collection::vec((any_event(), any::<u16>()), 0..60),
        width in 0usize..160,
        unicode in any::<bool>(),
    ) {
        let life = events.into_iter().fold(Life::begin(), |life, (event, pause)| life.wait(pause.into()).add_if_legal(event));
        let style = Style { color: false, unicode, width };
        let full = life.shown(None, &Caller::default(), &style);
        prop_assert!(unicode || full.is_ascii());
        for text in [full, plain(&life, style), life.report(None, &Caller::default())] {
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}

/// How many lines hold a whole date with its time and zone.
fn whole_dates(text: &str) -> usize {
    let is_whole = |line: &&str| {
        let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        words.windows(3).any(|three| three[0].matches('-').count() == 2 && three[1].contains(':') && three[2] == "UTC")
    };
    text.lines().filter(is_whole).count()
}
