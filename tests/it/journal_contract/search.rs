//! Searching: every filter, every cursor, newest first.

use crate::support::store::{START, Subject, TEAM, again, attempted, change, subjects};
use ringback::callback::{CallbackId, Mode, State};
use ringback::journal::{NewCallback, Search};

/// Two teams, three tasks, all states, one callback a second. Oldest first.
async fn fill(it: &Subject) -> Vec<(CallbackId, &'static str, String, State)> {
    let mut all = Vec::new();
    for n in 0..30_u64 {
        let (team, task) = (
            [TEAM, "other"][usize::from(n % 4 == 0)],
            format!("t{}", n % 3),
        );
        let state = State::ALL[usize::try_from(n % 5).unwrap()];
        let mut new = it.callback_at(&format!("e{n}"), START + n * 1000);
        let mut callback = (*new.callback).clone();
        callback.team = team.into();
        callback.task_id.clone_from(&task);
        callback.mode = mode(n);
        new = NewCallback {
            callback: callback.into(),
            ..new
        };
        let id = it.accept(new).await;
        if let Some(status) = status(n) {
            let mut change = attempted(id, state, 1);
            let answered = Some(status).filter(|status| *status != 0);
            change.attempt.as_mut().unwrap().status = answered;
            it.change(&[change]).await;
        } else if state != State::Pending {
            it.change(&[change(id, state, 1)]).await;
        }
        all.push((id, team, task, state));
    }
    all
}

fn mode(n: u64) -> Mode {
    [Mode::Live, Mode::Test][usize::from(n.is_multiple_of(7))]
}

/// What the last attempt was answered, if there was one; 0 for no answer.
fn status(n: u64) -> Option<u16> {
    [None, Some(200), Some(503), Some(0)][usize::try_from(n * 5 % 4).unwrap()]
}

#[tokio::test]
async fn mode_and_last_answer_find_exactly_what_matches_and_are_counted() {
    for it in subjects().await {
        let all = fill(&it).await;
        let modes = [None, Some(Mode::Live), Some(Mode::Test)];
        let statuses = [None, Some(200), Some(503), Some(0), Some(404)];
        let states = [None].into_iter().chain(State::ALL.map(Some));
        for state in states {
            for (team, task) in [
                (None, None),
                (Some(TEAM), None),
                (Some("other"), None),
                (Some(TEAM), Some("t1")),
            ] {
                for wanted in modes {
                    for answered in statuses {
                        let search = Search {
                            team: team.map(str::to_owned),
                            task: task.map(str::to_owned),
                            state,
                            mode: wanted,
                            status: answered,
                            from_ms: Some(START + 2000),
                            ..Search::default()
                        };
                        let matches = |(n, row): &(u64, &(CallbackId, &str, String, State))| {
                            *n >= 2
                                && team.is_none_or(|team| row.1 == team)
                                && task.is_none_or(|task| row.2 == task)
                                && state.is_none_or(|state| row.3 == state)
                                && wanted.is_none_or(|wanted| mode(*n) == wanted)
                                && answered.is_none_or(|answered| status(*n) == Some(answered))
                        };
                        let expected: Vec<_> = (0..).zip(&all).filter(matches).collect();
                        let expected: Vec<_> =
                            expected.iter().rev().map(|(_, row)| row.0).collect();
                        let found = it.found(search.clone()).await.unwrap();
                        assert_eq!(found, expected, "{search:?} on {}", it.name);
                        if let Some(team) = team {
                            let count = |most| it.journal.count(team, &search, most);
                            let n = expected.len() as u64;
                            assert_eq!(count(100).await.unwrap(), n, "{search:?} on {}", it.name);
                            assert_eq!(count(2).await.unwrap(), n.min(2));
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn every_combination_of_filters_finds_exactly_what_matches() {
    for it in subjects().await {
        let all = fill(&it).await;
        let teams = [None, Some(TEAM), Some("other"), Some("nobody")];
        let tasks = [None, Some("t1"), Some("t9")];
        let states = [None].into_iter().chain(State::ALL.map(Some));
        let ranges = [
            (None, None),
            (Some(5), None),
            (None, Some(20)),
            (Some(5), Some(20)),
        ];
        for state in states {
            for team in teams {
                for task in tasks {
                    for (from, until) in ranges {
                        let time = |second: u64| START + second * 1000;
                        let search = Search {
                            team: team.map(str::to_owned),
                            task: task.map(str::to_owned),
                            state,
                            from_ms: from.map(time),
                            until_ms: until.map(time),
                            ..Search::default()
                        };
                        let matches = |row: &&(CallbackId, &str, String, State)| {
                            let accepted = row.0.accepted_ms();
                            team.is_none_or(|team| row.1 == team)
                                && task.is_none_or(|task| row.2 == task)
                                && state.is_none_or(|state| row.3 == state)
                                && from.is_none_or(|from| accepted >= time(from))
                                && until.is_none_or(|until| accepted < time(until))
                        };
                        let expected = all.iter().rev().filter(matches).map(|row| row.0);
                        let found = it.found(search.clone()).await.unwrap();
                        let expected: Vec<_> = expected.collect();
                        assert_eq!(found, expected, "{search:?} on {}", it.name);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap_under_every_filter() {
    for it in subjects().await {
        let all = fill(&it).await;
        for (team, state) in [
            (None, None),
            (Some(TEAM), None),
            (None, Some(State::Held)),
            (Some(TEAM), Some(State::Dead)),
        ] {
            let search = Search {
                team: team.map(str::to_owned),
                state,
                ..Search::default()
            };
            let whole = it.found(search.clone()).await.unwrap();
            let (mut joined, mut before) = (Vec::new(), None);
            loop {
                let page = Search {
                    before,
                    limit: 4,
                    ..search.clone()
                };
                let page = it.found(page).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Some(*last);
                joined.extend(page);
            }
            assert_eq!(joined, whole, "{search:?} on {}", it.name);
        }
        assert_eq!(all.len(), 30);
    }
}

#[tokio::test]
async fn what_is_found_is_told_without_its_body() {
    for it in subjects().await {
        let new = it.callback("e1");
        let id = it.accept(new.clone()).await;
        it.append(&[again(&new, &it)]).await;
        it.change(&[change(id, State::Dead, 4)]).await;
        let search = Search {
            limit: 10,
            ..Search::default()
        };
        let found = it.journal.search(&search).await.unwrap();
        assert_eq!(found.len(), 1, "on {}", it.name);
        let detail = &found[0];
        assert!(detail.callback.body.is_empty());
        assert_eq!(
            (&*detail.callback.event_id, detail.callback.attempts),
            ("e1", 4)
        );
        assert_eq!(detail.reason.as_deref(), Some("a reason"));
        assert_eq!(detail.ended_ms, Some(START + 1000));
    }
}
