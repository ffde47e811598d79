//! Counting and retention: what was accepted is there, or was pruned, at every moment.

use crate::support::store::{START, Subject, attempted, change, subjects};
use ringback::callback::State;
use ringback::journal::{Appended, Journal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const DAY_MS: u64 = 86_400_000;

#[tokio::test]
async fn an_empty_journal_balances() {
    for it in subjects().await {
        let counts = it.journal.counts().await.unwrap();
        assert_eq!(
            (counts.accepted, counts.pruned, counts.imbalance()),
            (0, 0, 0)
        );
        assert_eq!(it.journal.last_id().await.unwrap(), None, "on {}", it.name);
    }
}

/// Accepts, repeats, settles and prunes until told to stop.
async fn work(it: Arc<Subject>, journal: Journal, name: usize, stop: Arc<AtomicBool>) -> i64 {
    let mut accepted = 0;
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let new: Vec<_> = (0..20)
            .map(|n| it.callback(&format!("{name}-{round}-{}", n % 15)))
            .collect();
        let answers = journal.append(new.clone()).await.unwrap();
        accepted += answers
            .iter()
            .filter(|answer| **answer == Appended::New)
            .count();
        let ends: Vec<_> = new
            .iter()
            .map(|new| attempted(new.callback.id, State::Delivered, 1))
            .collect();
        journal.change(ends).await.unwrap();
        journal.prune(START + DAY_MS, START, 10).await.unwrap();
    }
    i64::try_from(accepted).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_balances_at_every_moment_under_load() {
    for it in subjects().await {
        let it = Arc::new(it);
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        for name in 0..4 {
            let other = it.other_process().await;
            let journal = other.unwrap_or_else(|| it.journal.clone());
            tasks.spawn(work(Arc::clone(&it), journal, name, Arc::clone(&stop)));
        }
        for _ in 0..40 {
            let counts = it.journal.counts().await.unwrap();
            assert_eq!(counts.imbalance(), 0, "{counts:?} on {}", it.name);
            it.journal.tend(START, 0).await.unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        let accepted: i64 = tasks.join_all().await.iter().sum();
        let counts = it.journal.counts().await.unwrap();
        assert_eq!((counts.accepted, counts.imbalance()), (accepted, 0));
        assert!(counts.accepted > 0 && counts.pruned > 0, "on {}", it.name);
    }
}

#[tokio::test]
async fn only_what_is_past_its_retention_is_pruned_in_batches() {
    for it in subjects().await {
        let mut all = Vec::new();
        for n in 0..10_u64 {
            let id = it
                .accept(it.callback_at(&format!("e{n}"), START + n * DAY_MS))
                .await;
            let state = State::ALL[usize::try_from(n % 5).unwrap()];
            if !matches!(state, State::Pending) {
                it.change(&[attempted(id, state, 1)]).await;
            }
            all.push((id, state));
        }
        // Delivered ones of days 0 to 7, dead and cancelled ones of days 0 to 4.
        let before = |day: u64| START + day * DAY_MS;
        assert_eq!(it.journal.prune(before(8), before(5), 2).await.unwrap(), 2);
        assert_eq!(it.journal.prune(before(8), before(5), 2).await.unwrap(), 2);
        assert_eq!(it.journal.prune(before(8), before(5), 2).await.unwrap(), 0);
        for (n, (id, _)) in all.iter().enumerate() {
            let gone = [2, 3, 4, 7].contains(&n);
            let detail = it.journal.detail(*id).await.unwrap();
            assert_eq!(detail.is_none(), gone, "{n} on {}", it.name);
        }
        let counts = it.journal.counts().await.unwrap();
        assert_eq!(
            (counts.accepted, counts.pruned, counts.imbalance()),
            (10, 4, 0)
        );
        // An event that is pruned may come again.
        it.accept_event("e2").await;
    }
}

#[tokio::test]
async fn attempts_of_any_day_find_room_and_old_days_are_dropped() {
    for it in subjects().await {
        let id = it.accept_event("e1").await;
        let at = |number: u32, day: u64| {
            let mut change = attempted(id, State::Pending, number);
            change.attempt.as_mut().unwrap().started_ms = START + day * DAY_MS;
            change
        };
        // As after a jump of the clock, then as housekeeping sees the days pass.
        it.change(&[at(1, 0), at(2, 1), at(3, 40), at(4, 400)])
            .await;
        it.journal.tend(START + 40 * DAY_MS, START).await.unwrap();
        assert_eq!(
            it.journal.attempts(id).await.unwrap().len(),
            4,
            "on {}",
            it.name
        );
        it.journal
            .tend(START + 40 * DAY_MS, START + 30 * DAY_MS)
            .await
            .unwrap();
        let numbers = |rows: Vec<ringback::journal::AttemptRow>| -> Vec<u32> {
            rows.iter().map(|row| row.number).collect()
        };
        let left = numbers(it.journal.attempts(id).await.unwrap());
        if it.config.store.postgres_url().is_some() {
            assert_eq!(left, [3, 4]);
        } else {
            assert_eq!(left, [1, 2, 3, 4], "they go with their callback");
        }
        // A day that was dropped is made again, by this process and by another.
        it.change(&[at(5, 0)]).await;
        if let Some(other) = it.other_process().await {
            other.change(vec![at(6, 1)]).await.unwrap();
            it.journal
                .tend(START + 40 * DAY_MS, START + 30 * DAY_MS)
                .await
                .unwrap();
            other.change(vec![at(7, 1)]).await.unwrap();
            let left = numbers(it.journal.attempts(id).await.unwrap());
            assert_eq!(left, [3, 4, 7]);
        }
        it.change(&[change(id, State::Delivered, 7)]).await;
        assert_eq!(it.state(id).await, (State::Delivered, 7));
    }
}
