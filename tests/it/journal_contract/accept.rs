//! Accepting: each event once, whoever hands it in and how often.

use crate::support::store::{START, again, altered, subjects};
use bytes::Bytes;
use ringback::callback::{HELD_NO_URL, State};
use ringback::journal::{Appended, NewCallback};

#[tokio::test]
async fn what_was_accepted_is_read_back_whole() {
    for it in subjects().await {
        let new = it.callback("e1");
        let id = it.accept(new.clone()).await;
        let detail = it.journal.detail(id).await.unwrap().unwrap();
        assert_eq!(detail.callback, *new.callback, "on {}", it.name);
        assert_eq!(
            (detail.state, detail.due),
            (State::Pending, id.accepted_ms())
        );
        assert_eq!((detail.reason, detail.ended_ms), (None, None));
        let open = it.journal.load_open(&[id, it.id_at(START)]).await.unwrap();
        assert_eq!(open, [(*new.callback).clone()]);
        assert!(it.journal.detail(it.id_at(START)).await.unwrap().is_none());
        assert_eq!(it.journal.last_id().await.unwrap(), Some(id));
        it.journal.ping().await.unwrap();
    }
}

#[tokio::test]
async fn without_a_url_it_is_held_with_its_reason() {
    for it in subjects().await {
        let held = NewCallback {
            held: Some(HELD_NO_URL),
            ..it.with("e1", |callback| {
                callback.url = None;
                callback.project = None;
            })
        };
        let id = it.accept(held.clone()).await;
        let detail = it.journal.detail(id).await.unwrap().unwrap();
        assert_eq!(detail.callback, *held.callback, "on {}", it.name);
        assert_eq!(detail.state, State::Held);
        assert_eq!(detail.reason.as_deref(), Some(HELD_NO_URL));
    }
}

#[tokio::test]
async fn repeats_and_conflicts_are_told_in_one_batch_and_over_batches() {
    for it in subjects().await {
        let (first, second) = (it.callback("e1"), it.callback("e2"));
        let id = first.callback.id;
        let batch = [
            first.clone(),
            again(&first, &it),
            altered(&first, &it),
            second,
        ];
        let expected = [
            Appended::New,
            Appended::Duplicate(id),
            Appended::Conflict(id),
            Appended::New,
        ];
        assert_eq!(it.append(&batch).await, expected, "on {}", it.name);
        let later = [altered(&first, &it), it.callback("e3"), again(&first, &it)];
        let expected = [
            Appended::Conflict(id),
            Appended::New,
            Appended::Duplicate(id),
        ];
        assert_eq!(it.append(&later).await, expected, "on {}", it.name);
        // The same event of another team is another event.
        let other = it.with("e1", |callback| callback.team = "other".into());
        it.accept(other).await;
        assert_eq!(it.append(&[]).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_handed_in_by_64_at_once_is_one_callback() {
    for it in subjects().await {
        let first = it.callback("e1");
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..64 {
            // Beside others, in different orders, as batches come.
            let (same, other) = (again(&first, &it), it.callback(&format!("other-{n}")));
            let id = same.callback.id;
            let batch = if n % 2 == 0 {
                vec![same, other]
            } else {
                vec![other, same]
            };
            let journal = it.journal.clone();
            tasks.spawn(async move {
                let answers = journal.append(batch).await.unwrap();
                match answers[n % 2] {
                    Appended::New => id,
                    Appended::Duplicate(first) => first,
                    Appended::Conflict(_) => panic!("the content is the same"),
                }
            });
        }
        let mut ids = tasks.join_all().await;
        ids.dedup();
        assert_eq!(ids.len(), 1, "on {}", it.name);
        let counts = it.journal.counts().await.unwrap();
        assert_eq!(
            (counts.accepted, counts.imbalance()),
            (65, 0),
            "on {}",
            it.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_share_events_agree_on_every_id() {
    for it in subjects().await {
        let Some(other) = it.other_process().await else {
            continue; // one process has it for itself
        };
        let events: Vec<_> = (0..500).map(|n| it.callback(&format!("e{n:03}"))).collect();
        let mut twice: Vec<_> = events.iter().map(|new| again(new, &it)).collect();
        twice.reverse();
        let (first, second) = tokio::join!(
            it.journal.append(events.clone()),
            other.append(twice.clone())
        );
        let ids = |new: &[NewCallback], answers: Vec<Appended>| -> Vec<_> {
            new.iter()
                .zip(answers)
                .map(|(new, answer)| match answer {
                    Appended::New => new.callback.id,
                    Appended::Duplicate(id) => id,
                    Appended::Conflict(_) => panic!("the content is the same"),
                })
                .collect()
        };
        let mut second = ids(&twice, second.unwrap());
        second.reverse();
        assert_eq!(ids(&events, first.unwrap()), second);
        assert_eq!(it.journal.counts().await.unwrap().accepted, 500);
    }
}

#[tokio::test]
async fn large_bodies_and_arbitrary_bytes_are_kept_as_they_came() {
    for it in subjects().await {
        let bodies = [0, 1, 1 << 20, 5 << 20, 9 << 20]
            .map(|bytes: usize| (0..=250_u8).cycle().take(bytes).collect::<Bytes>());
        let new: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| it.with(&format!("e{n}"), |callback| callback.body = body.clone()))
            .collect();
        assert_eq!(it.append(&new).await, [Appended::New; 5], "on {}", it.name);
        for new in new {
            let detail = it.journal.detail(new.callback.id).await.unwrap().unwrap();
            assert!(detail.callback.body == new.callback.body, "on {}", it.name);
        }
    }
}
