//! Beside a live gateway: copied ahead under load, finished after its stop; nothing is lost
//! and nothing comes twice.

use crate::support::comparison::assert_same;
use crate::support::endpoint::Endpoint;
use crate::support::moving::{Moving, stop, until};
use crate::support::process::Gateway;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BATCH: usize = 20;
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

/// Hands in batch after batch until told to stop; what got a 202.
async fn load(gateway: &Gateway, name: usize, stop: &AtomicBool) -> HashSet<String> {
    let mut accepted = HashSet::new();
    for batch in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let events: Vec<_> = (0..BATCH).map(|n| format!("{name}-{batch}-{n}")).collect();
        accepted.extend(
            gateway
                .hand_in(&events)
                .await
                .expect("a live gateway accepts"),
        );
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_ahead_under_load_it_is_finished_after_the_stop() {
    let moving = Moving::make("").await;
    let (good, slow) = (Endpoint::answering([200]).await, Endpoint::hanging().await);
    let gateway = moving.old.serve();
    let team = |endpoint: &Endpoint| json!({"default_callback_url": endpoint.url()});
    gateway.put_team(team(&good)).await;
    let told = moving.refused(&[]).await;
    assert!(
        told.contains("a gateway runs on") && told.contains("--ahead"),
        "{told}"
    );

    let over = AtomicBool::new(false);
    let copying = async {
        good.got_at_least(200).await;
        moving.migrated(&["--ahead"]).await;
        let ahead = moving.copied().await;
        // From now on nothing is answered: there is something pending at the end.
        gateway.put_team(team(&slow)).await;
        slow.got_at_least(1).await;
        moving.migrated(&["--ahead"]).await;
        over.store(true, Ordering::SeqCst);
        ahead
    };
    let (ahead, one, two) =
        tokio::join!(copying, load(&gateway, 1, &over), load(&gateway, 2, &over));
    let accepted: HashSet<_> = one.into_iter().chain(two).collect();
    assert!(ahead > 0);
    gateway.signal("TERM");
    slow.let_go();
    assert!(gateway.ended().await.success());

    let told = moving.migrated(&[]).await;
    assert_same(&moving.old.data(), &moving.database).await;
    let told_row = format!("{:<18}{:>12}", "results", accepted.len());
    assert!(told.contains(&told_row), "{told}");
    let before = arrivals(&[&good, &slow]);
    assert!(
        before.len() < accepted.len(),
        "something is left for the new gateway"
    );

    let gateway = moving.new.serve();
    let everything = until("everything has arrived", async || {
        let now = arrivals(&[&good, &slow]);
        accepted.iter().all(|id| now.contains_key(id))
    });
    tokio::time::timeout(PATIENCE, everything).await.unwrap();
    stop(gateway).await;
    for (id, times) in arrivals(&[&good, &slow]) {
        assert_eq!(
            times,
            1,
            "{id}, {:?} times before the move",
            before.get(&id)
        );
    }
}

/// How often each callback came.
fn arrivals(endpoints: &[&Endpoint]) -> HashMap<String, usize> {
    let mut arrivals = HashMap::new();
    for got in endpoints.iter().flat_map(|endpoint| endpoint.got()) {
        let id = got.headers["webhook-id"].to_str().unwrap().to_owned();
        *arrivals.entry(id).or_default() += 1;
    }
    arrivals
}
