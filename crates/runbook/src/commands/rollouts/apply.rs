//! `apply` of a rollout: it is judged, shown, and led from here to its end.

use super::leading::{Common, Leading, holder};
use super::plan::{Asking, plan};
use crate::cli::ApplyArgs;
use crate::commands::reaching::Reaching;
use crate::screen::Screen;
use runbook_fleet::rollout::{Attempted, Controller, Kept, Made};
use runbook_fleet::{JudgedRollout, RolloutFiles};
use runbook_journal::{Attempt, StateDir};
use runbook_model::HostName;
use runbook_plan::Selector;
use runbook_rollout::{Given, RolloutState, Waves};
use runbook_session::{CommandError, Exit, PlanText, Session};
use runbook_wire::Contents;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// How many hosts are asked at the same time for a dry run.
const FORKS: u16 = 8;

pub(in crate::commands) fn apply(
    screen: &Screen,
    session: &Session,
    text: &PlanText,
    args: &ApplyArgs,
    reaching: Reaching,
) -> Result<Exit, CommandError> {
    if args.dry_run {
        let (flags, detailed) = (args.source.flags(), args.detailed_exitcode);
        let asking = Asking { flags, forks: FORKS, explain: false, detailed };
        return plan(screen, session, text, &asking, &reaching);
    }
    if args.commit_within.is_some() {
        return Err(CommandError::refused("a rollout says itself how long its runs hold")
            .hint("write `confirm: { within: … }` into the rollout"));
    }
    let Some(files) = super::sound(screen, text)? else { return Ok(Exit::Refused) };
    let (env, vars) = args.source.flags();
    // What no host can be told apart from this one by is told before any is reached.
    let judged = files.judge(session, |_| Some(session.facts()), (env, vars))?;
    if !judged.is_sound() {
        screen.diagnostics(&judged.diagnostics, &files.sources)?;
        for stage in &judged.stages {
            screen.diagnostics(&stage.diagnostics, &stage.sources)?;
        }
        return Ok(Exit::Refused);
    }
    let waves = waves(session.state_dir(), &files, &judged, args)?;
    let hosts = waves.hosts().len();
    if !args.yes && screen.interactive() {
        screen.text(&super::graph::in_words(&files.rollout, &files.sources))?;
    }
    screen.consent(&format!("Apply {} to {}?", waves.rollout, super::counted(hosts, "host")), args.yes)?;
    let made = made(&files, &judged, text, (env, vars))?;
    let number = Arc::new(OnceLock::new());
    let name = files.rollout.name.clone();
    let leading = Leading {
        screen,
        session,
        reaching,
        common: Arc::new(common(session, files, (env, vars))),
        number: Arc::clone(&number),
        given: BTreeMap::new(),
    };
    let dir = session.state_dir();
    let holder = holder(session, format!("rollout {name}"));
    leading.lead(|setup| {
        let kept = |attempt| {
            // It is the first to know.
            let _ = number.set(attempt);
            Kept { waves: Waves { attempt, ..waves }, made }
        };
        Controller::begin(dir, &name, &holder, kept, setup)
    })
}

/// What is kept with an attempt: its files as they are now, and what was given beside them.
fn made(
    files: &RolloutFiles,
    judged: &JudgedRollout,
    text: &PlanText,
    (env, vars): (Option<&str>, &[String]),
) -> Result<Made, CommandError> {
    let title = Path::new(text.title());
    let rollout = text.base().join(title.file_name().map_or(title, Path::new));
    let mut made = Made::read(rollout, text.text(), &judged.paths(files))?;
    (made.env, made.vars, made.retention) = (env.map(str::to_owned), vars.to_vec(), judged.retention());
    Ok(made)
}

/// The files that an attempt was made from, which are kept with it: no checkout is needed.
pub(super) fn files_of(session: &Session, attempt: &Attempt, kept: &Kept) -> Result<RolloutFiles, CommandError> {
    let at = kept.made.lay_out(&session.state_dir().files_of_attempt(attempt))?;
    let files = RolloutFiles::read(&PlanText::at(&at)?).files;
    files.ok_or_else(|| CommandError::refused(format!("the files that are kept with {attempt} cannot be read")))
}

pub(super) fn common(session: &Session, files: RolloutFiles, (env, vars): (Option<&str>, &[String])) -> Common {
    Common {
        what: format!("rollout {}", files.rollout.name),
        contents: Contents::at(session.state_dir().artifacts()),
        env: env.map(str::to_owned),
        vars: vars.to_vec(),
        files,
    }
}

/// What is asked of which hosts: all, those of `--limit`, or those that the attempt before did not bring to its end.
fn waves(
    dir: &StateDir,
    files: &RolloutFiles,
    judged: &JudgedRollout,
    args: &ApplyArgs,
) -> Result<Waves, CommandError> {
    let jump = |name: &HostName| {
        let options = &files.inventory.host(name.as_str())?.ssh.options;
        options.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case("ProxyJump")).map(|(_, jump)| jump.clone())
    };
    let names: BTreeSet<&HostName> = files.rollout.stages.iter().flat_map(|stage| &stage.hosts.names).collect();
    let jumps = names.into_iter().filter_map(|name| Some((name.clone(), jump(name)?))).collect();
    let refused = |error: String| CommandError::refused(error);
    let seed = getrandom::u64().map_err(|error| refused(format!("no random numbers: {error}")))?;
    let given = Given { digest: judged.digest(files), attempt: 0, seed, jumps, plans: judged.plans() };
    let waves = Waves::of(&files.rollout, given).map_err(|error| refused(error.to_string()))?;
    let before = before(dir, &files.rollout.name)?;
    let before = before.as_ref().map(|(waves, state)| (waves, state));
    if args.limit.is_none() && !args.retry_failed {
        return Ok(match before {
            Some(before) => waves.after(before),
            None => waves,
        });
    }
    let limit = args.limit.as_deref().map(Selector::parse).transpose().map_err(|error| refused(error.to_string()))?;
    let limit = limit.map(|selector| selector.select(&files.inventory)).transpose();
    let limit = limit.map_err(|error| refused(error.to_string()))?;
    if args.retry_failed && before.is_none() {
        return Err(CommandError::refused("there was no attempt at this rollout yet").hint("leave out --retry-failed"));
    }
    let wanted = |target: &runbook_rollout::Target| {
        let limited = limit.as_ref().is_none_or(|hosts| hosts.iter().any(|host| host.name == target.host));
        let good = before.is_some_and(|(_, state)| state.verdict(target).is_some_and(|verdict| verdict.is_good()));
        limited && !(args.retry_failed && good)
    };
    waves.only(wanted, before).map_err(|error| refused(error.to_string()))
}

fn before(dir: &StateDir, name: &str) -> Result<Option<(Waves, RolloutState)>, CommandError> {
    let refused = |error: runbook_journal::Error| CommandError::refused(error.to_string());
    let last = dir.attempts().map_err(refused)?.into_iter().rfind(|attempt| attempt.rollout == name);
    let Some(last) = last else { return Ok(None) };
    let Attempted { kept, state, .. } = Attempted::read(dir, &last).map_err(refused)?;
    Ok(Some((kept.waves, state)))
}
