//! Attempts past the retention of their plans, and artifacts that no attempt knows any more, go after an attempt that ended well.

use super::kept::Attempted;
use runbook_journal::{Attempt, Error, Holder, StateDir};
use runbook_model::Retention;
use runbook_rollout::RolloutEvent;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// So long nobody has used an artifact that goes.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes them, and gives how many attempts went. What is not over or owed stays, and so does an attempt that cannot be read.
///
/// # Errors
/// A controller holds the rollout of one of them, or one cannot be removed.
pub fn prune(dir: &StateDir, holder: &Holder, now_ms: i64) -> Result<usize, Error> {
    let (mut rows, mut gone) = (Vec::new(), 0);
    let mut all_known = true;
    for attempt in dir.attempts()? {
        match Attempted::read(dir, &attempt) {
            Ok(attempted) => rows.push((attempt, attempted)),
            Err(_) => all_known = false,
        }
    }
    let mut known = BTreeSet::new();
    let all: Vec<Attempt> = rows.iter().map(|(attempt, _)| attempt.clone()).collect();
    for (attempt, attempted) in rows {
        let newer =
            all.iter().filter(|other| other.rollout == attempt.rollout && other.number > attempt.number).count();
        let last = attempted.records.last().map_or(0, |record| record.at);
        let owes = attempted.state.targets.values().any(|target| target.status.is_owed());
        if attempted.state.finished
            && !owes
            && is_past(attempted.kept.made.retention, newer, now_ms.saturating_sub(last))
        {
            dir.forget_attempt(&attempt, holder)?;
            gone += 1;
            continue;
        }
        known.extend(attempted.records.into_iter().filter_map(|record| match record.event {
            RolloutEvent::Fetched { digest, .. } | RolloutEvent::Given { digest, .. } => Some(digest),
            _ => None,
        }));
    }
    if all_known {
        forget_artifacts(dir, &known)?;
    }
    Ok(gone)
}

/// Both limits have to allow it.
fn is_past(retention: Retention, newer: usize, age_ms: i64) -> bool {
    let old = u128::try_from(age_ms).is_ok_and(|age| age > retention.keep_for.as_millis());
    old && newer >= retention.keep_last.max(1) as usize
}

fn forget_artifacts(dir: &StateDir, known: &BTreeSet<String>) -> Result<(), Error> {
    let path = dir.artifacts();
    let failed = |source| Error::StateDir { path: path.clone(), source };
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Another controller may have fetched it just now, and not put that on record yet.
        let touched = entry.metadata().and_then(|found| found.modified()).map_err(failed)?;
        if !known.contains(&name) && touched.elapsed().is_ok_and(|since| since > UNUSED) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_past;
    use runbook_model::Retention;
    use std::time::Duration;

    #[test]
    fn an_attempt_goes_when_it_is_old_and_enough_came_after_it() {
        let retention = Retention { keep_for: Duration::from_secs(10), keep_last: 2 };
        for (newer, age_ms, past) in [(2, 10_001, true), (1, 10_001, false), (2, 10_000, false), (9, -1, false)] {
            assert_eq!(is_past(retention, newer, age_ms), past, "{newer} {age_ms}");
        }
        let none = Retention { keep_for: Duration::ZERO, keep_last: 0 };
        assert!(!is_past(none, 0, 1), "the last one stays");
    }
}
