//! A full disk: nothing new is accepted, nothing accepted is lost, what is finished is
//! written down with the space kept in reserve.

use crate::support::endpoint::Endpoint;
use crate::support::postgres::Postgres;
use crate::support::process::{Gateway, Home};
use crate::support::redis::Redis;
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_accepted_work_is_finished_and_new_work_refused() {
    let home = Home::make("");
    let gateway = home.serve_on_small_disk(80);
    let endpoint = Endpoint::hanging().await;
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let accepted = fill(&gateway).await;

    endpoint.let_go();
    delivered(&gateway, &endpoint, &accepted).await;
    let (status, _) = gateway.operator("/readyz").await;
    assert_eq!(status, 200);
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_of_postgres_is_full_new_work_is_refused_until_there_is_room() {
    // About 60 MiB are the server's own.
    let server = Postgres::on_small_disk(200, 60).await;
    let redis = Redis::start();
    let home = Home::make(&format!(
        "store.url = \"{}\"\nqueue.url = \"{}\"\n",
        server.database().await,
        redis.url()
    ));
    let gateway = home.serve();
    let endpoint = Endpoint::hanging().await;
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let mut accepted = fill(&gateway).await;

    endpoint.let_go();
    server.make_room();
    let again = async {
        loop {
            if let Some(ids) = gateway.hand_in(&["there is room".to_owned()]).await {
                break ids;
            }
        }
    };
    let again = tokio::time::timeout(PATIENCE, again);
    accepted.extend(again.await.expect("with room it is taken"));
    delivered(&gateway, &endpoint, &accepted).await;
    gateway.kill();
}

/// Hands in until the disk is full; what was accepted.
async fn fill(gateway: &Gateway) -> HashSet<String> {
    let mut accepted = HashSet::new();
    let mut refused = 0;
    for batch in 0..2_000 {
        let events: Vec<_> = (0..100)
            .map(|n| format!("b{batch}-{n}-{}", "x".repeat(240)))
            .collect();
        match gateway.hand_in(&events).await {
            Some(ids) => accepted.extend(ids),
            None => refused += 1,
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk must fill up");
    assert!(!accepted.is_empty());
    accepted
}

/// Waits until all of them have arrived and are written down as delivered, and no others.
async fn delivered(gateway: &Gateway, endpoint: &Endpoint, accepted: &HashSet<String>) {
    let recorded = format!(
        "callbacks_settled_total{{state=\"delivered\"}} {}\n",
        accepted.len()
    );
    let finished = async {
        endpoint.got_ids(accepted).await;
        while !gateway.operator("/metrics").await.1.contains(&recorded) {}
    };
    tokio::time::timeout(PATIENCE, finished)
        .await
        .expect("everything is delivered and written down");
}
