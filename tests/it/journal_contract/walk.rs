//! Walking what is open, and what the queue does not know.

use crate::support::store::{START, TEAM, change, ids, subjects};
use ringback::callback::{CallbackId, State};
use ringback::journal::{Duty, NewCallback, Selection};
use std::collections::HashSet;

#[tokio::test]
async fn pages_of_open_ones_come_in_order_without_gap_or_overlap() {
    for it in subjects().await {
        let mut open = Vec::new();
        for n in 0..10 {
            let new = NewCallback {
                held: (n % 3 == 0).then_some("no callback URL"),
                ..it.callback(&format!("e{n}"))
            };
            open.push(it.accept(new).await);
        }
        for (index, state) in [
            (2, State::Delivered),
            (5, State::Dead),
            (9, State::Cancelled),
        ] {
            it.change(&[change(open[index], state, 1)]).await;
        }
        let expected: Vec<_> = [0, 1, 3, 4, 6, 7, 8].map(|n| open[n]).into();
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = it.journal.open_after(after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            assert!(page.len() <= 3);
            walked.extend(page);
        }
        assert_eq!(ids(&walked), expected, "on {}", it.name);
        let held: Vec<_> = walked.iter().map(|row| row.held).collect();
        assert_eq!(held, [true, false, true, false, true, false, false]);
        assert_eq!((&*walked[0].team, &*walked[0].task_id), (TEAM, "task-e0"));
        assert_eq!(walked[0].due, open[0].accepted_ms());
        assert_eq!(walked[0].project.as_deref(), Some("kites"));
        assert_eq!(walked[0].url.as_deref(), Some("https://acme.test/hook"));
    }
}

#[tokio::test]
async fn what_the_queue_does_not_know_is_given_out_once() {
    for it in subjects().await {
        let mut all = Vec::new();
        for n in 0..6 {
            all.push(it.accept_event(&format!("e{n}")).await);
        }
        let j = &it.journal;
        assert!(j.take_unqueued(10).await.unwrap().is_empty());
        j.mark_unqueued(&all[..4]).await.unwrap();
        it.change(&[change(all[0], State::Delivered, 1)]).await;
        it.change(&[change(all[5], State::Dead, 1)]).await;
        let dead = Selection {
            ids: vec![all[5]],
            limit: 1,
            ..Selection::default()
        };
        j.replay(&dead, START).await.unwrap();
        let first = ids(&j.take_unqueued(2).await.unwrap());
        assert_eq!(first, all[1..3], "on {}", it.name);
        let rest = ids(&j.take_unqueued(10).await.unwrap());
        assert_eq!(rest, [all[3], all[5]], "replayed ones too, on {}", it.name);
        assert!(j.take_unqueued(10).await.unwrap().is_empty());
        j.mark_unqueued(&all[1..2]).await.unwrap();
        assert_eq!(ids(&j.take_unqueued(10).await.unwrap()), all[1..2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_take_at_the_same_time_share_without_overlap() {
    for it in subjects().await {
        let new: Vec<_> = (0..2000).map(|n| it.callback(&format!("e{n}"))).collect();
        it.append(&new).await;
        let all: Vec<CallbackId> = new.iter().map(|new| new.callback.id).collect();
        it.journal.mark_unqueued(&all).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let other = it.other_process().await;
            let journal = other.unwrap_or_else(|| it.journal.clone());
            tasks.spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let rows = journal.take_unqueued(100).await.unwrap();
                    if rows.is_empty() {
                        return taken;
                    }
                    taken.extend(ids(&rows));
                }
            });
        }
        let taken = tasks.join_all().await.concat();
        let distinct: HashSet<_> = taken.iter().copied().collect();
        assert_eq!(taken.len(), distinct.len(), "none twice, on {}", it.name);
        // Rows locked by one are skipped by the others, who may end early; it gets them.
        assert_eq!(distinct.len(), 2000, "on {}", it.name);
    }
}

#[tokio::test]
async fn a_duty_is_one_process_s_until_that_ends() {
    for it in subjects().await {
        assert!(
            it.journal.lead(Duty::Audit).await.unwrap(),
            "on {}",
            it.name
        );
        assert!(it.journal.lead(Duty::Audit).await.unwrap(), "and stays so");
        let Some(other) = it.other_process().await else {
            continue; // one process has it for itself
        };
        assert!(!other.lead(Duty::Audit).await.unwrap());
        assert!(other.lead(Duty::Housekeeping).await.unwrap());
        assert!(!it.journal.lead(Duty::Housekeeping).await.unwrap());
        it.journal.close().await;
        // The server notices a moment after the connection is closed.
        while !other.lead(Duty::Audit).await.unwrap() {}
        assert!(other.lead(Duty::Housekeeping).await.unwrap());
    }
}
