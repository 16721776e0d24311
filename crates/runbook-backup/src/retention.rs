//! Which backups may go. A pure rule: it reads nothing and deletes nothing.

/// How long backups are kept. A backup goes only when both limits allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Everything younger than this is kept, in milliseconds.
    pub keep_for_ms: i64,
    /// So many of the newest are kept, whatever their age. The newest one is kept also when this is 0.
    pub keep_last: usize,
}

/// The backups that may go, oldest first.
///
/// Each is an id, the time it was made, and whether something still needs it: an open, stopped or stuck run has no
/// other way back. Only complete backups should be passed. One that is needed never goes, nor does the newest.
pub fn prunable<Id: Clone>(backups: &[(Id, i64, bool)], retention: Retention, now_ms: i64) -> Vec<Id> {
    let mut newest_first: Vec<_> = backups.iter().collect();
    // Stable: of two made in the same millisecond, the one listed later counts as newer.
    newest_first.reverse();
    newest_first.sort_by_key(|(_, made_at, _)| std::cmp::Reverse(*made_at));
    let old = newest_first.into_iter().skip(retention.keep_last.max(1));
    let aged = old.filter(|(_, made_at, needed)| !needed && now_ms.saturating_sub(*made_at) >= retention.keep_for_ms);
    let mut prunable: Vec<Id> = aged.map(|(id, _, _)| id.clone()).collect();
    prunable.reverse();
    prunable
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Retention, prunable};

    fn backups() -> impl Strategy<Value = Vec<(usize, i64, bool)>> {
        proptest::collection::vec((0i64..1000, any::<bool>()), 0..20)
            .prop_map(|list| list.into_iter().enumerate().map(|(id, (at, needed))| (id, at, needed)).collect())
    }

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn laws(list in backups(), keep_for_ms in 0i64..1200, keep_last in 0usize..6, now in 0i64..2000) {
            let rule = Retention { keep_for_ms, keep_last };
            let gone = prunable(&list, rule, now);
            let kept: Vec<_> = list.iter().filter(|(id, _, _)| !gone.contains(id)).collect();
            prop_assert!(kept.len() >= list.len().min(keep_last.max(1)), "keeps the last");
            for (id, at, needed) in &list {
                prop_assert!(!(gone.contains(id) && (*needed || now - at < keep_for_ms)), "{} is needed or young", id);
            }
            if let Some(newest) = list.iter().map(|(_, at, _)| at).max() {
                prop_assert!(kept.iter().any(|(_, at, _)| at == newest), "the newest stays");
            }
            for (id, at, needed) in &list {
                let newer = list.iter().filter(|(other, other_at, _)| (other_at, other) > (at, id)).count();
                let may_go = !needed && newer >= keep_last.max(1) && now - at >= keep_for_ms;
                prop_assert_eq!(gone.contains(id), may_go, "goes exactly when both limits allow it");
            }
            let left: Vec<_> = kept.into_iter().copied().collect();
            prop_assert_eq!(prunable(&left, rule, now), Vec::<usize>::new(), "pruning twice is pruning once");
            let later = prunable(&list, rule, now + 500);
            prop_assert!(gone.iter().all(|id| later.contains(id)), "time only adds");
        }
    }

    #[test]
    fn oldest_first_and_the_only_one_stays() {
        let list = [("c", 30, false), ("a", 10, false), ("b", 20, true), ("d", 40, false)];
        assert_eq!(prunable(&list, Retention { keep_for_ms: 0, keep_last: 0 }, 100), ["a", "c"]);
        assert_eq!(prunable(&list[..1], Retention { keep_for_ms: 0, keep_last: 0 }, i64::MAX), Vec::<&str>::new());
    }
}
