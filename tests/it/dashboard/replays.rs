//! A replay in the browser: counted, watched, paused, resumed, cancelled; and the list that
//! keeps its filter.

use super::{admin, looked_at, serve};
use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use ringback::dead_letters::step_all;
use serde_json::json;

/// A team whose first callbacks were answered 503, or 404 every second one, and given up.
async fn with_dead(app: &TestApp, base: &str, n: usize) -> super::Browser {
    let ana = admin(app, base).await;
    let key = ana_team(app).await;
    let endpoint = Endpoint::answering([503, 404].repeat(n.div_ceil(2))).await;
    for event in 0..n {
        let url = endpoint.url();
        let change = json!({"team_id": key, "callback_url": url});
        app.submit(&format!("e{event}"), change).await;
        app.run_due().await;
    }
    ana
}

/// The id of the team that [`admin`] has made.
async fn ana_team(app: &TestApp) -> String {
    let user = app.app.records.user_by_email("ana@kites.test").await;
    user.unwrap().expect("she has accepted").team
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_watched_paused_resumed_and_cancelled() {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let base = serve(&app).await;
    let ana = with_dead(&app, &base, 6).await;
    ana.go(&format!("{base}/dashboard/replays?status=503"))
        .await;
    ana.reads("3 callbacks would be sent again.").await;
    ana.fill("per_second", "5000").await;
    ana.press("Send 3 again").await;
    ana.reads("must be a whole number from 1 to 1000").await;
    looked_at(&ana, "replays").await;
    ana.fill("per_second", "1").await;
    ana.press("Send 3 again").await;
    ana.reads("0 of 3 sent again").await;
    ana.reads("what was given up answered with 503").await;
    step_all(&app.app).await.unwrap();
    ana.reads("1 of 3 sent again").await;
    looked_at(&ana, "replay-running").await;
    ana.press("Pause").await;
    ana.reads("Paused").await;
    app.clock.advance_ms(10_000);
    step_all(&app.app).await.unwrap();
    ana.reads("1 of 3 sent again").await;
    looked_at(&ana, "replay-paused").await;
    ana.press("Resume").await;
    ana.reads("Running").await;
    ana.press("Cancel the replay").await;
    ana.client.accept_alert().await.unwrap();
    ana.reads("Cancelled").await;
    looked_at(&ana, "replay-cancelled").await;
    step_all(&app.app).await.unwrap();
    ana.press("All replays").await;
    ana.reads("1 of 3").await;
    ana.reads("5 callbacks would be sent again.").await;
    looked_at(&ana, "replays-earlier").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_kept_in_the_address_and_by_the_list_that_follows() {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let base = serve(&app).await;
    let ana = with_dead(&app, &base, 5).await;
    ana.go(&format!("{base}/dashboard/callbacks")).await;
    ana.reads("5 match.").await;
    ana.press("More filters").await;
    ana.fill("status", "503").await;
    ana.press("Filter").await;
    ana.reads("3 match.").await;
    let address = ana.client.current_url().await.unwrap();
    assert!(address.query().unwrap().contains("status=503"), "{address}");
    assert!(!ana.text().await.contains("404 in"));
    looked_at(&ana, "callbacks-filtered").await;
    // What does not match does not come, what matches does.
    let endpoint = Endpoint::answering([404, 503]).await;
    let team = ana_team(&app).await;
    for event in ["new-404", "new-503"] {
        let change = json!({"team_id": team, "callback_url": endpoint.url()});
        app.submit(event, change).await;
        app.run_due().await;
    }
    ana.reads("4 match.").await;
    ana.reads("task-new-503").await;
    assert!(!ana.text().await.contains("task-new-404"));
    ana.fill("status", "teapot").await;
    ana.press("Filter").await;
    ana.reads("must be from 100 to 999, or none").await;
    looked_at(&ana, "callbacks-wrong").await;
    ana.press("Show all").await;
    ana.reads("7 match.").await;
}
