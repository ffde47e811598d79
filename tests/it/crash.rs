//! kill -9 at any moment: nothing accepted is lost, repeats are at most what was in flight.

use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
use ringback::delivery::settle::{BATCH_MAX, WAITING_MAX};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const KILLS: usize = 15;
const SLOTS: usize = 32;
const BATCH: usize = 20;
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

/// Hands in batches until the gateway is gone; what got a 202 goes to `accepted`.
async fn flood(
    gateway: &crate::support::process::Gateway,
    round: usize,
    accepted: &mut HashSet<String>,
) {
    for batch in 0..2000 {
        let events: Vec<_> = (0..BATCH)
            .map(|n| format!("r{round}-b{batch}-{n}"))
            .collect();
        let Some(ids) = gateway.hand_in(&events).await else {
            return;
        };
        accepted.extend(ids);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed_nothing_accepted_is_lost() {
    let home = Home::make(&format!(
        "queue.slots = {SLOTS}\nretry.first_delay_ms = 1000\n"
    ));
    let endpoint = Endpoint::answering([200]).await;
    let mut accepted = HashSet::new();
    for round in 0..KILLS {
        let gateway = home.serve();
        if round == 0 {
            gateway
                .put_team(json!({"default_callback_url": endpoint.url()}))
                .await;
        }
        // The moment is a count of arrivals, random and as likely early as late.
        let moment = endpoint.got_count() + rand::random_range(0..400);
        tokio::select! {
            () = flood(&gateway, round, &mut accepted) => {}
            () = endpoint.got_at_least(moment) => {}
        }
        gateway.kill();
    }
    let gateway = home.serve();
    let everything = endpoint.got_ids(&accepted);
    tokio::time::timeout(PATIENCE, everything)
        .await
        .expect("every accepted callback arrives");
    let (status, text) = gateway.operator("/readyz").await;
    assert_eq!((status, text.as_str()), (200, "ready\n"));
    gateway.kill();

    let mut arrivals = HashMap::new();
    for got in endpoint.got() {
        let id = got.headers["webhook-id"].to_str().unwrap().to_owned();
        *arrivals.entry(id).or_insert(0_usize) += 1;
    }
    let repeats: usize = arrivals.values().map(|count| count - 1).sum();
    let in_flight_max = SLOTS + WAITING_MAX + 2 * BATCH_MAX;
    eprintln!(
        "{} accepted, {KILLS} kills, {repeats} repeats",
        accepted.len()
    );
    assert!(!accepted.is_empty());
    assert!(repeats <= KILLS * in_flight_max, "{repeats} repeats");
    for (id, count) in arrivals {
        assert!(count <= KILLS + 1, "{id} came {count} times");
    }
}
