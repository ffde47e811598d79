//! Replays: counted, at their pace, paused, cancelled, carried on by whoever comes next, and
//! nothing twice.

use crate::support::store::{START, Subject, TEAM, attempted, subjects};
use ringback::callback::{CallbackId, State, TimestampMs};
use ringback::journal::{Journal, NewReplay, Replay, ReplayState, Search, Step};
use ringback::metrics::Metrics;

/// Everything below died at [`START`] + 1000.
const NOW: TimestampMs = START + 2000;

/// Dead letters of the team, oldest first: every second one was answered 503, the others 404.
async fn dead(it: &Subject, n: u64) -> Vec<CallbackId> {
    let mut ids = Vec::new();
    for n in 0..n {
        let id = it.accept_event(&format!("e{n}")).await;
        let mut change = attempted(id, State::Dead, 1);
        change.attempt.as_mut().unwrap().status = Some([503, 404][usize::from(n % 2 == 1)]);
        it.change(&[change]).await;
        ids.push(id);
    }
    ids
}

async fn started(it: &Subject, search: Search, per_second: u32) -> Replay {
    let new = NewReplay {
        id: it.id_at(NOW),
        team: TEAM.to_owned(),
        search,
        per_second,
        started_by: "ana@acme.test".to_owned(),
        now: NOW,
    };
    it.journal.start_replay(&new).await.unwrap()
}

async fn told(journal: &Journal, id: CallbackId) -> (ReplayState, u64) {
    let replay = journal.find_replay(id).await.unwrap().expect("started");
    (replay.state, replay.replayed)
}

async fn states(it: &Subject, ids: &[CallbackId]) -> Vec<State> {
    let mut states = Vec::new();
    for id in ids {
        states.push(it.state(*id).await.0);
    }
    states
}

#[tokio::test]
async fn it_goes_oldest_first_at_its_pace_and_only_what_matches() {
    for it in subjects().await {
        let ids = dead(&it, 14).await;
        let search = Search {
            status: Some(503),
            ..Search::default()
        };
        let replay = started(&it, search, 3).await;
        assert_eq!((replay.found, replay.replayed), (7, 0), "on {}", it.name);
        let step = |at| it.journal.step_replay(replay.id, NOW + at);
        assert_eq!(step(0).await.unwrap(), Step::Replayed(3), "on {}", it.name);
        assert_eq!(step(0).await.unwrap(), Step::Paced);
        assert_eq!(step(300).await.unwrap(), Step::Paced);
        assert_eq!(step(1000).await.unwrap(), Step::Replayed(3));
        assert_eq!(step(2000).await.unwrap(), Step::Replayed(1));
        assert_eq!(
            told(&it.journal, replay.id).await,
            (ReplayState::Running, 7)
        );
        assert_eq!(step(3000).await.unwrap(), Step::Over);
        assert_eq!(told(&it.journal, replay.id).await, (ReplayState::Done, 7));
        let expected: Vec<_> = (0..14)
            .map(|n| [State::Pending, State::Dead][n % 2])
            .collect();
        assert_eq!(states(&it, &ids).await, expected, "on {}", it.name);
        let pushed = it.journal.take_unqueued(100).await.unwrap();
        assert_eq!(pushed.len(), 7, "the queue learns of them");
        let listed = it.journal.replays(TEAM, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].search.status, Some(503));
        assert_eq!(listed[0].ended_ms, Some(NOW + 3000));
        assert!(it.journal.replays("other", 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_paused_one_waits_and_an_ended_one_stays_ended() {
    for it in subjects().await {
        let ids = dead(&it, 6).await;
        let replay = started(&it, Search::default(), 2).await;
        let step = |at| it.journal.step_replay(replay.id, NOW + at);
        let set = |state| it.journal.set_replay(replay.id, state, NOW + 500);
        assert_eq!(step(0).await.unwrap(), Step::Replayed(2));
        assert!(set(ReplayState::Paused).await.unwrap());
        assert!(it.journal.running_replays().await.unwrap().is_empty());
        assert_eq!(step(60_000).await.unwrap(), Step::Over, "on {}", it.name);
        assert!(set(ReplayState::Running).await.unwrap());
        assert_eq!(it.journal.running_replays().await.unwrap().len(), 1);
        // Two seconds' worth at most, however long it stood.
        assert_eq!(step(60_000).await.unwrap(), Step::Replayed(4));
        assert!(set(ReplayState::Cancelled).await.unwrap());
        assert!(!set(ReplayState::Running).await.unwrap());
        assert_eq!(step(90_000).await.unwrap(), Step::Over);
        assert_eq!(
            told(&it.journal, replay.id).await,
            (ReplayState::Cancelled, 6)
        );
        assert_eq!(states(&it, &ids).await, [State::Pending; 6]);
    }
}

#[tokio::test]
async fn what_dies_again_or_later_is_not_sent_again_by_it() {
    for it in subjects().await {
        let ids = dead(&it, 4).await;
        let replay = started(&it, Search::default(), 2).await;
        it.journal.step_replay(replay.id, NOW).await.unwrap();
        // The first one dies again, and one that was pending at the start dies, too.
        let mut again = attempted(ids[0], State::Dead, 2);
        again.at = NOW + 10;
        let late = it.accept_event("late").await;
        let mut dies = attempted(late, State::Dead, 1);
        dies.at = NOW + 10;
        it.change(&[again, dies]).await;
        for at in [1000, 2000, 3000] {
            it.journal.step_replay(replay.id, NOW + at).await.unwrap();
        }
        assert_eq!(told(&it.journal, replay.id).await, (ReplayState::Done, 4));
        assert_eq!(it.state(ids[0]).await.0, State::Dead, "on {}", it.name);
        assert_eq!(it.state(late).await.0, State::Dead);
    }
}

#[tokio::test]
async fn whoever_opens_the_journal_next_goes_on_where_it_was() {
    for it in subjects().await {
        dead(&it, 5).await;
        let replay = started(&it, Search::default(), 3).await;
        it.journal.step_replay(replay.id, NOW).await.unwrap();
        it.journal.close().await;
        let next = Journal::open(&it.config, Metrics::new()).await.unwrap();
        let running = next.running_replays().await.unwrap();
        assert_eq!(running.len(), 1, "on {}", it.name);
        for at in [1000, 2000] {
            next.step_replay(running[0].id, NOW + at).await.unwrap();
        }
        assert_eq!(told(&next, replay.id).await, (ReplayState::Done, 5));
        next.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_step_at_once_share_the_pace_and_send_nothing_twice() {
    for it in subjects().await {
        let ids = dead(&it, 60).await;
        let replay = started(&it, Search::default(), 10).await;
        let other = it.other_process().await;
        let mut sent = 0;
        for second in 0..8 {
            let at = NOW + second * 1000;
            let journals = [&it.journal, other.as_ref().unwrap_or(&it.journal)];
            let steps = (0..8).map(|n| journals[n % 2].step_replay(replay.id, at));
            let mut now = 0;
            for step in futures_util::future::join_all(steps).await {
                if let Step::Replayed(n) = step.unwrap() {
                    now += n;
                }
            }
            assert!(now <= 10, "{now} in one second on {}", it.name);
            sent += now;
        }
        assert_eq!(sent, 60, "on {}", it.name);
        assert_eq!(told(&it.journal, replay.id).await, (ReplayState::Done, 60));
        assert_eq!(states(&it, &ids).await, [State::Pending; 60]);
        for row in it.journal.take_unqueued(100).await.unwrap() {
            let detail = it.journal.detail(row.id).await.unwrap().unwrap();
            assert_eq!(detail.callback.forgiven, 1);
        }
    }
}
