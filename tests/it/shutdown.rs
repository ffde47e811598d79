//! Signals: the first finishes what runs, the second stops now.

use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_lets_attempts_finish_and_exits_with_zero() {
    let home = Home::make("");
    let endpoint = Endpoint::hanging().await;
    let gateway = home.serve();
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let ids = gateway.hand_in(&["e1".to_owned()]).await.unwrap();
    endpoint.got_at_least(1).await;
    gateway.signal("TERM");
    endpoint.let_go();
    assert!(gateway.ended().await.success());

    // The attempt was settled: the next start has nothing to send.
    let told = home.run(&["callbacks", "explain", &ids[0]]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains("state     delivered"), "{text}");
    assert_eq!(endpoint.got_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_stops_now_and_the_attempt_comes_again() {
    let home = Home::make("");
    let endpoint = Endpoint::hanging().await;
    let gateway = home.serve();
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    gateway.hand_in(&["e1".to_owned()]).await.unwrap();
    endpoint.got_at_least(1).await;
    gateway.signal("INT");
    // The system merges a signal with one that still waits: the first must have been seen.
    while gateway.operator("/readyz").await != (503, "stopping\n".to_owned()) {}
    gateway.signal("INT");
    // The endpoint still hangs: only a stop that does not wait can end.
    gateway.ended().await;

    endpoint.let_go();
    let gateway = home.serve();
    endpoint.got_at_least(2).await;
    assert_eq!(
        endpoint.got()[1].headers["ringback-attempt"],
        "1",
        "a kill uses up no attempt"
    );
    gateway.kill();
}
