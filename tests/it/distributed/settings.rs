//! What is changed through one process is seen by all: a team's settings within 5 s, a
//! removed producer within 1 s. How old a kept value may get is tested on a paused clock
//! in `src/app/fresh.rs`; here, that processes keep it in no other way.

use crate::support::endpoint::Endpoint;
use crate::support::fleet::Fleet;
use crate::support::redis::Redis;
use std::time::{Duration, Instant};

/// A value that is kept by mistake is kept for as long as it is used; a busy machine is
/// late by less.
const SLACK: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_is_changed_through_one_process_is_changed_for_all() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let new = Endpoint::answering([200]).await;
    // Every process has the settings in use, before and after.
    let mut load = fleet.load();
    load.accepts(200).await;
    for team in Fleet::teams() {
        fleet.put_team(&team, &new).await;
    }
    let changed = Instant::now();
    let seen_by_all = async {
        let (mut last_old, mut in_a_row) = (Duration::ZERO, 0);
        while in_a_row < 200 {
            let (old_count, new_count) = (fleet.receiver.got_count(), new.got_count());
            new.got_at_least(new_count + 5).await;
            in_a_row += 5;
            if fleet.receiver.got_count() > old_count {
                (last_old, in_a_row) = (changed.elapsed(), 0);
            }
        }
        last_old
    };
    let limit = Duration::from_secs(5) + SLACK;
    let last_old = tokio::time::timeout(limit, seen_by_all).await;
    let last_old = last_old.expect("no worker goes to the old endpoint any more");
    eprintln!("a changed team: the last request to its old endpoint {last_old:?} later");
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_producer_is_refused_by_all() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let made = fleet.home.run(&["producers", "add", "leaver"]);
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let client = reqwest::Client::new();
    let status = async |api: &str| {
        let url = format!("{api}/internal/v1/teams/team_0");
        let answer = client.get(url).bearer_auth(&key).send().await;
        answer.unwrap().status().as_u16()
    };
    let apis = fleet.api_urls();
    for api in &apis {
        assert_eq!(status(api).await, 200, "the key is known and kept");
    }
    let removed = fleet.home.run(&["producers", "remove", "leaver"]);
    assert!(removed.status.success(), "{removed:?}");
    let gone = Instant::now();
    for api in &apis {
        let refused = async {
            while status(api).await != 401 {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(1) + SLACK;
        let refused = tokio::time::timeout(limit, refused).await;
        refused.expect("a removed key is refused, however often it is used");
        eprintln!("a removed producer: refused {:?} later", gone.elapsed());
    }
    for api in &apis {
        assert_eq!(status(api).await, 401);
    }
}
