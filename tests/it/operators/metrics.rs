//! A scrape reads counters, and asks the queue for what it counts anyway: it costs the same
//! for any number of callbacks, and never reads a table.

use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
use crate::support::prometheus::promtool_reading;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use ringback::api;
use serde_json::json;
use tower_service::Service;

async fn get(mut routes: Router, path: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = routes.call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8(bytes.to_vec()).unwrap())
}

fn routes(app: &TestApp) -> Router {
    api::operator_routes(
        app.app.clone(),
        ringback::telemetry::LogFilter::unchanging(),
    )
}

#[tokio::test]
async fn a_scrape_needs_no_database() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([500]).await;
        app.set_default(&endpoint).await;
        app.submit("e1", json!({})).await;
        app.run_due().await;
        // Whoever asks them now is answered with an error.
        app.app.journal.close().await;
        app.app.records.close().await;
        let (status, text) = get(routes(&app), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        for line in [
            "ringback_queue_depth{place=\"scheduled\"} 1",
            "ringback_queue_reachable 1",
            "ringback_lanes_known 1",
            "ringback_attempts_total{diagnosis=\"server_error\"} 1",
            "ringback_verdicts_total{verdict=\"retry\"} 1",
            "ringback_results_total{answer=\"accepted\"} 1",
            "ringback_claim_late_seconds_count{attempt=\"first\"} 0",
            "ringback_first_attempt_seconds_count 1",
            "ringback_connections_dialled_total{outcome=\"opened\"} 0",
        ] {
            let found = text.lines().any(|other| other == line);
            // The test's own client counts its connections elsewhere.
            assert!(found, "{line}\n{text}");
        }
        let (status, _) = get(routes(&app), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_tells_what_it_is_and_what_it_uses() {
    let home = Home::make("queue.slots = 40\n");
    let gateway = home.serve();
    let endpoint = Endpoint::answering([200]).await;
    let body = json!({"default_callback_url": endpoint.url()});
    gateway.put_team(body).await;
    for event in ["e1", "e2"] {
        gateway.hand_in(&[event.to_owned()]).await.unwrap();
        endpoint.got_at_least(1).await;
    }
    endpoint.got_at_least(2).await;
    let (_, text) = gateway.operator("/metrics").await;
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.trim().parse().unwrap()
    };
    let version = env!("CARGO_PKG_VERSION");
    let build =
        format!("ringback_build_info{{mode=\"embedded\",role=\"all\",version=\"{version}\"}}");
    assert!((value(&build) - 1.0).abs() < f64::EPSILON);
    assert!(value("process_resident_memory_bytes ") > 1e6);
    assert!(value("process_open_fds ") > 3.0);
    assert!(value("process_start_time_seconds ") > 1.7e9);
    assert!(value("process_max_fds ") >= value("process_open_fds "));
    let (free, all) = (
        "ringback_data_disk_free_bytes ",
        "ringback_data_disk_bytes ",
    );
    assert!(value(free) > 0.0 && value(all) >= value(free));
    let opened = "ringback_connections_dialled_total{outcome=\"opened\"}";
    assert!((1.0..=2.0).contains(&value(opened)));
    assert!(value("ringback_request_seconds_count{surface=\"internal\"}") >= 3.0);
    assert!((value("ringback_attempts_in_flight_max ") - 40.0).abs() < f64::EPSILON);
}

/// Names, units and texts as Prometheus's own tool wants them.
#[tokio::test]
async fn what_a_scrape_answers_is_well_named() {
    let app = TestApp::start().await;
    let (_, text) = get(routes(&app), "/metrics").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.txt");
    std::fs::write(&file, text).unwrap();
    let checked = promtool_reading(&["check", "metrics"], &file);
    assert_eq!(checked, "");
}
