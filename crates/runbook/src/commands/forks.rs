//! Many hosts asked at the same time, and what they say told in their order.

use runbook_session::CommandError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Asks all of `hosts`, `forks` at a time. What each says is shown as soon as it and all before it have spoken. Nobody more is asked once
/// nothing can be shown.
pub(super) fn ask_each<H: Sync, T: Send>(
    hosts: &[H],
    forks: u16,
    ask: impl Fn(&H) -> T + Sync,
    mut show: impl FnMut(&H, T) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let (next, (told, telling)) = (AtomicUsize::new(0), channel());
    thread::scope(|scope| {
        for _ in 0..usize::from(forks).min(hosts.len()) {
            let (told, next, ask) = (told.clone(), &next, &ask);
            scope.spawn(move || {
                while let Some((nth, host)) = take(next, hosts) {
                    // Whoever listened is gone only when nothing can be shown any more.
                    let _ = told.send((nth, ask(host)));
                }
            });
        }
        drop(told);
        let mut waiting: Vec<Option<T>> = hosts.iter().map(|_| None).collect();
        let mut shown = 0;
        for (nth, said) in telling {
            if let Some(place) = waiting.get_mut(nth) {
                *place = Some(said);
            }
            while let (Some(host), Some(said)) = (hosts.get(shown), waiting.get_mut(shown).and_then(Option::take)) {
                if let Err(error) = show(host, said) {
                    next.store(hosts.len(), Ordering::Relaxed);
                    return Err(error);
                }
                shown += 1;
            }
        }
        Ok(())
    })
}

fn take<'h, H>(next: &AtomicUsize, hosts: &'h [H]) -> Option<(usize, &'h H)> {
    let nth = next.fetch_add(1, Ordering::Relaxed);
    hosts.get(nth).map(|host| (nth, host))
}

#[cfg(test)]
mod tests {
    use super::ask_each;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn so_many_are_asked_at_once_and_told_in_order() {
        let hosts: Vec<usize> = (0..12).collect();
        // Nobody of three answers before the others are asked.
        let three = Barrier::new(3);
        let (at_once, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ask = |host: &usize| {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            three.wait();
            at_once.fetch_sub(1, Ordering::SeqCst);
            host * 10
        };
        let mut told = Vec::new();
        let show = |host: &usize, said| {
            told.push((*host, said));
            Ok(())
        };
        ask_each(&hosts, 3, ask, show).unwrap();
        assert_eq!(told, hosts.iter().map(|host| (*host, host * 10)).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 3);
    }
}
