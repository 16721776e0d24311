//! `rollout`: attempts that are on record here. Each is read from its own journal, and told to whoever leads it.

use super::apply::{common, files_of};
use super::leading::{GivenBefore, Leading, conclude, holder, worst};
use super::report::report;
use crate::cli::{AttemptArgs, Format, RolloutCommand};
use crate::commands::reaching::{Reaching, typed};
use crate::screen::Screen;
use runbook_fleet::rollout::{Attempted, Controller, tell};
use runbook_journal::{Attempt, Error};
use runbook_model::Next;
use runbook_rollout::{Approve, RolloutEvent, RolloutState, Told};
use runbook_session::{CommandError, Exit, Session};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(in crate::commands) fn rollout(
    screen: &Screen,
    session: &Session,
    state_dir: Option<&Path>,
    command: &RolloutCommand,
) -> Result<Exit, CommandError> {
    let by = session.facts().user;
    match command {
        RolloutCommand::List => list(screen, session),
        RolloutCommand::Show(args) => {
            let (_, Attempted { kept, records, state }) = chosen(session, args)?;
            if screen.format == Format::Ndjson {
                records.iter().try_for_each(|record| screen.json(&json!(record)))?;
            }
            conclude(screen, &kept.waves, &state, &records)?;
            Ok(if state.finished { worst(&kept.waves, &state) } else { Exit::Held })
        }
        RolloutCommand::Report { attempt, agent } => {
            let (attempt, attempted) = chosen(session, attempt)?;
            let reaching = Reaching::new(session, agent.as_deref(), typed(state_dir))?;
            report(screen, session, &reaching, &attempt, &attempted)
        }
        RolloutCommand::Resume { attempt, agent, yes } => {
            let (attempt, attempted) = chosen(session, attempt)?;
            screen.consent(&format!("Go on with {attempt}?"), *yes)?;
            resume(screen, session, Reaching::new(session, agent.as_deref(), typed(state_dir))?, &attempt, &attempted)
        }
        RolloutCommand::Cancel { attempt, drain: true } => {
            told(screen, session, attempt, |_, _| Ok(Told::Drain { by }))
        }
        RolloutCommand::Cancel { attempt, drain: false } => {
            told(screen, session, attempt, |_, _| Ok(Told::Cancel { by }))
        }
        RolloutCommand::Rollback { attempt, yes } => {
            screen.consent("Take back all that this attempt changed?", *yes)?;
            told(screen, session, attempt, |_, _| Ok(Told::RollBack { by }))
        }
        RolloutCommand::Approve { attempt } => told(screen, session, attempt, |attempted, screen| {
            conclude(screen, &attempted.kept.waves, &attempted.state, &attempted.records)?;
            let (wave, evidence) = asked(&attempted.state)
                .ok_or_else(|| CommandError::new(Exit::Held, "no wave waits for an approval now"))?;
            let rollout = attempted.kept.waves.digest.clone();
            Ok(Told::Approve(Approve { rollout, wave, evidence, by }))
        }),
    }
}

/// The wave that waits for a person, and what that person is to look at.
fn asked(state: &RolloutState) -> Option<(usize, String)> {
    let waits = state.waves.iter().filter(|(_, wave)| wave.approved.is_none() && wave.opened_ms.is_none());
    waits.filter_map(|(at, wave)| Some((*at, wave.asked.as_ref()?.0.clone()))).next()
}

fn journal(error: Error) -> CommandError {
    CommandError::refused(error.to_string())
}

/// The attempt that is meant: the last one of that name, or the last one that began at all. No other one is read.
fn chosen(session: &Session, args: &AttemptArgs) -> Result<(Attempt, Attempted), CommandError> {
    let dir = session.state_dir();
    let named = |attempt: &Attempt| {
        args.rollout.as_ref().is_none_or(|name| *name == attempt.rollout)
            && args.attempt.is_none_or(|number| number == attempt.number)
    };
    let all = dir.attempts().map_err(journal)?.into_iter().filter(named);
    // They come by name and number, so the last of each name stays.
    let last: BTreeMap<String, Attempt> = all.map(|attempt| (attempt.rollout.clone(), attempt)).collect();
    let read = |attempt: Attempt| Attempted::read(dir, &attempt).map(|attempted| (attempt, attempted));
    let found = last.into_values().map(read).collect::<Result<Vec<_>, _>>().map_err(journal)?;
    let began = |(_, attempted): &(Attempt, Attempted)| attempted.records.first().map_or(0, |record| record.at);
    found.into_iter().max_by_key(began).ok_or_else(|| {
        CommandError::refused("there is no such attempt at a rollout here").hint(Next::Rollouts.to_string())
    })
}

fn list(screen: &Screen, session: &Session) -> Result<Exit, CommandError> {
    let dir = session.state_dir();
    let mut rows: Vec<Value> = Vec::new();
    for attempt in dir.attempts().map_err(journal)? {
        let Attempted { kept, state, records } = Attempted::read(dir, &attempt).map_err(journal)?;
        let stands = match (state.finished, state.stopped.is_some()) {
            (false, _) => "not over",
            (true, true) => "stopped",
            (true, false) => "done",
        };
        let hosts = kept.waves.hosts().len();
        let began = records.first().map(|record| record.at);
        let row = json!({ "rollout": attempt.rollout, "attempt": attempt.number, "stands": stands, "hosts": hosts, "began": began });
        match screen.format {
            Format::Text => screen.text(&format!(
                "{}, attempt {}  {}  {stands}\n",
                attempt.rollout,
                attempt.number,
                super::counted(hosts, "host")
            ))?,
            Format::Ndjson => screen.json(&row)?,
            Format::Json => rows.push(row),
        }
    }
    if screen.format == Format::Json {
        screen.json(&rows.into())?;
    }
    Ok(Exit::Done)
}

/// Tells whoever leads the attempt, or whoever goes on with it.
fn told(
    screen: &Screen,
    session: &Session,
    args: &AttemptArgs,
    what: impl FnOnce(&Attempted, &Screen) -> Result<Told, CommandError>,
) -> Result<Exit, CommandError> {
    let (attempt, attempted) = chosen(session, args)?;
    let told = what(&attempted, screen)?;
    tell(session.state_dir(), &attempt, &told).map_err(journal)?;
    let resume = Next::ResumeRollout(attempt.rollout.clone());
    screen.conclude(&format!(
        "{attempt} was told; whoever leads it hears it; where nobody does, `{resume}` goes on with it"
    ))?;
    Ok(Exit::Done)
}

fn resume(
    screen: &Screen,
    session: &Session,
    reaching: Reaching,
    attempt: &Attempt,
    attempted: &Attempted,
) -> Result<Exit, CommandError> {
    let (made, files) = (&attempted.kept.made, files_of(session, attempt, &attempted.kept)?);
    let judged = files.judge(session, |_| Some(session.facts()), (made.env.as_deref(), &made.vars))?;
    if judged.digest(&files) != attempted.kept.waves.digest {
        let what = format!("the files that {attempt} was made from are judged otherwise than when it began");
        return Err(CommandError::refused(what).hint("go on with the runbook that began it, or cancel the attempt"));
    }
    let mut given = GivenBefore::new();
    for record in &attempted.records {
        if let RolloutEvent::Given { target, artifact, digest } = &record.event {
            let of = given.entry(target.host.clone()).or_default();
            of.insert(artifact.clone(), digest.clone());
        }
    }
    let number = Arc::new(OnceLock::new());
    let _ = number.set(attempt.number);
    let common = Arc::new(common(session, files, (made.env.as_deref(), &made.vars)));
    let leading = Leading { screen, session, reaching, common, number, given };
    let holder = holder(session, format!("rollout {}", attempt.rollout));
    leading.lead(|setup| Controller::resume(session.state_dir(), attempt, &holder, setup))
}
