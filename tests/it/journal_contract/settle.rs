//! Settling: states change only while open, attempts are written once.

use crate::support::store::{START, TEAM, attempted, change, subjects};
use ringback::callback::{CallbackId, State};
use ringback::journal::{Change, Engine, NewCallback, Selection};

fn of_team(team: &str) -> Selection {
    Selection {
        team: Some(team.to_owned()),
        limit: 100,
        ..Selection::default()
    }
}

fn of_ids(ids: &[CallbackId]) -> Selection {
    Selection {
        ids: ids.to_vec(),
        limit: 100,
        ..Selection::default()
    }
}

#[tokio::test]
async fn an_attempt_and_its_state_are_written_once_however_often_they_come() {
    for it in subjects().await {
        let id = it.accept_event("e1").await;
        let retry = attempted(id, State::Pending, 1);
        it.change(std::slice::from_ref(&retry)).await;
        it.change(&[retry.clone(), attempted(id, State::Delivered, 2)])
            .await;
        assert_eq!(it.state(id).await, (State::Delivered, 2), "on {}", it.name);
        it.change(&[retry]).await;
        assert_eq!(
            it.state(id).await,
            (State::Delivered, 2),
            "an end is an end"
        );
        let attempts = it.journal.attempts(id).await.unwrap();
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, [1, 2], "on {}", it.name);
        let first = &attempts[0];
        assert_eq!((first.started_ms, first.duration_ms), (START + 1, 5));
        assert_eq!((first.status, first.location.as_deref()), (Some(500), None));
        assert_eq!(first.answer, b"\0\xff\xfe not text");
        assert_eq!(first.url, "https://acme.test/hook");
        assert_eq!(
            (&*first.provenance, &*first.diagnosis),
            ("task", "server_error")
        );
        let detail = it.journal.detail(id).await.unwrap().unwrap();
        assert_eq!((detail.ended_ms, detail.reason), (Some(START + 1000), None));
        assert!(it.journal.load_open(&[id]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_second_record_of_one_attempt_does_not_replace_the_first() {
    for it in subjects().await {
        let id = it.accept_event("e1").await;
        let first = attempted(id, State::Pending, 1);
        let mut second = first.clone();
        let record = second.attempt.as_mut().unwrap();
        record.started_ms += 10 * 86_400_000;
        record.status = Some(200);
        it.change(&[first]).await;
        it.change(&[second]).await;
        let attempts = it.journal.attempts(id).await.unwrap();
        assert_eq!(attempts.len(), 1, "on {}", it.name);
        assert_eq!(attempts[0].status, Some(500));
    }
}

#[tokio::test]
async fn statuses_and_times_of_any_size_are_kept() {
    for it in subjects().await {
        let id = it.accept_event("e1").await;
        let mut odd = attempted(id, State::Pending, 1);
        let record = odd.attempt.as_mut().unwrap();
        (record.status, record.location) = (None, Some("é".repeat(200)));
        record.duration_ms = u64::from(u32::MAX) * 10;
        it.change(&[odd]).await;
        let attempt = it.journal.attempts(id).await.unwrap().remove(0);
        assert_eq!(attempt.status, None, "on {}", it.name);
        assert_eq!(attempt.location, Some("é".repeat(200)));
        assert_eq!(attempt.duration_ms, u64::from(u32::MAX) * 10);
    }
}

#[tokio::test]
async fn a_held_one_goes_on_when_its_team_is_released() {
    for it in subjects().await {
        let held = |event| NewCallback {
            held: Some("no callback URL"),
            ..it.callback(event)
        };
        let (id, pending) = (it.accept(held("e1")).await, it.accept_event("e2").await);
        let other = NewCallback {
            held: Some("no callback URL"),
            ..it.with("e3", |callback| callback.team = "other".into())
        };
        let other = it.accept(other).await;
        assert_eq!(it.journal.release(TEAM, START + 7).await.unwrap(), 1);
        assert_eq!(it.journal.release(TEAM, START + 8).await.unwrap(), 0);
        let detail = it.journal.detail(id).await.unwrap().unwrap();
        assert_eq!((detail.state, detail.due), (State::Pending, START + 7));
        assert_eq!(detail.reason, None, "on {}", it.name);
        assert_eq!(it.state(pending).await.0, State::Pending);
        assert_eq!(it.state(other).await.0, State::Held);
    }
}

#[tokio::test]
async fn thousands_of_held_ones_are_released_together() {
    for it in subjects().await {
        let new: Vec<_> = (0..12_345)
            .map(|n| NewCallback {
                held: Some("no callback URL"),
                ..it.callback(&format!("e{n}"))
            })
            .collect();
        it.append(&new).await;
        assert_eq!(it.journal.release(TEAM, START).await.unwrap(), 12_345);
        let counts = it.journal.counts().await.unwrap();
        assert_eq!(counts.by_state[&State::Pending], 12_345, "on {}", it.name);
    }
}

#[tokio::test]
async fn superseding_ends_only_what_is_open() {
    for it in subjects().await {
        let (open, ended) = (it.accept_event("e1").await, it.accept_event("e2").await);
        it.change(&[change(ended, State::Delivered, 1)]).await;
        let cancelled = it
            .journal
            .cancel(&[open, ended], "superseded", START + 9)
            .await
            .unwrap();
        assert_eq!(cancelled, 1);
        let detail = it.journal.detail(open).await.unwrap().unwrap();
        assert_eq!(
            (detail.state, detail.ended_ms),
            (State::Cancelled, Some(START + 9))
        );
        assert_eq!(
            detail.reason.as_deref(),
            Some("superseded"),
            "on {}",
            it.name
        );
        assert_eq!(it.state(ended).await.0, State::Delivered);
    }
}

#[tokio::test]
async fn dead_letters_are_replayed_and_dropped_as_selected() {
    for it in subjects().await {
        let mut dead = Vec::new();
        for n in 0..5 {
            let id = it.accept_event(&format!("e{n}")).await;
            it.change(&[attempted(id, State::Dead, 3)]).await;
            dead.push(id);
        }
        let alive = it.accept_event("alive").await;
        let j = &it.journal;
        assert_eq!(
            j.count_dead(&of_team(TEAM)).await.unwrap(),
            5,
            "on {}",
            it.name
        );
        assert_eq!(j.count_dead(&of_team("other")).await.unwrap(), 0);
        assert_eq!(j.count_dead(&of_ids(&[dead[0], alive])).await.unwrap(), 1);
        let oldest_two = Selection {
            limit: 2,
            ..of_team(TEAM)
        };
        assert_eq!(j.replay(&oldest_two, START + 5).await.unwrap(), 2);
        let replayed = j.detail(dead[1]).await.unwrap().unwrap();
        assert_eq!((replayed.state, replayed.due), (State::Pending, START + 5));
        assert_eq!(
            (replayed.callback.attempts, replayed.callback.forgiven),
            (3, 3)
        );
        assert_eq!((replayed.reason, replayed.ended_ms), (None, None));
        assert_eq!(it.state(dead[2]).await.0, State::Dead);
        assert_eq!(
            j.drop_dead(&of_ids(&dead)).await.unwrap(),
            3,
            "on {}",
            it.name
        );
        assert_eq!(it.state(dead[4]).await.0, State::Cancelled);
        assert_eq!(it.state(dead[0]).await.0, State::Pending);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_settle_the_same_callbacks_do_not_block_each_other() {
    for it in subjects().await {
        let Some(other) = it.other_process().await else {
            continue; // one process has it for itself
        };
        let mut ids = Vec::new();
        for n in 0..300 {
            ids.push(it.accept_event(&format!("e{n}")).await);
        }
        let rounds = |journal: std::sync::Arc<dyn Fn(u32) -> Vec<Change> + Send + Sync>,
                      engine: ringback::journal::Journal| async move {
            for round in 1..20 {
                engine.change(journal(round)).await.unwrap();
            }
        };
        let forwards = ids.clone();
        let backwards: Vec<_> = ids.iter().rev().copied().collect();
        let changes = |ids: Vec<CallbackId>| {
            std::sync::Arc::new(move |round| -> Vec<Change> {
                let retry = |id: &CallbackId| attempted(*id, State::Pending, round);
                ids.iter().map(retry).collect()
            })
        };
        tokio::join!(
            rounds(changes(forwards), it.journal.clone()),
            rounds(changes(backwards), other)
        );
        assert_eq!(it.state(ids[7]).await, (State::Pending, 19));
        let engine: &dyn Engine = &*it.journal;
        assert_eq!(engine.attempts(ids[7]).await.unwrap().len(), 19);
    }
}
