//! A full disk: nothing new is accepted, nothing accepted is lost, what is finished is
//! written down with the space kept in reserve.

use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
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

    endpoint.let_go();
    let recorded = format!(
        "callbacks_settled_total{{state=\"delivered\"}} {}\n",
        accepted.len()
    );
    let finished = async {
        endpoint.got_ids(&accepted).await;
        while !gateway.operator("/metrics").await.1.contains(&recorded) {}
    };
    tokio::time::timeout(PATIENCE, finished)
        .await
        .expect("everything is delivered and written down");
    let (status, _) = gateway.operator("/readyz").await;
    assert_eq!(status, 200);
    gateway.kill();
}
