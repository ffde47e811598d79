//! The API's description: whole, true to the table, and shown without anything from elsewhere.

use crate::support::app::TestApp;
use axum::http::StatusCode;
use ringback::access::Action;
use ringback::api;
use ringback::api::openapi::{document, strays};
use serde_json::Value;

/// Described already; the routes are still to come.
const WAITING: [&str; 1] = [" /v1/studio/"];

#[tokio::test]
async fn every_route_is_described_once_and_nothing_else() {
    let app = TestApp::start().await;
    let mut strays = strays(api::table(app.app.clone()).routes());
    strays.retain(|stray| !WAITING.iter().any(|prefix| stray.contains(prefix)));
    assert!(strays.is_empty(), "{strays:#?}");
}

#[tokio::test]
async fn statuses_follow_from_the_rule_and_the_path() {
    let app = TestApp::start().await;
    let table = api::table(app.app.clone());
    let document = serde_json::to_value(document(table.routes())).unwrap();
    for route in table.routes() {
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][route.path][&method];
        let answers = operation["responses"].as_object().unwrap();
        let says = |status: &str| answers.contains_key(status);
        assert!(
            answers.keys().any(|status| status.starts_with('2')) || says("404"),
            "{route:?}"
        );
        assert_eq!(
            operation["security"].is_array(),
            route.action != Action::Knock,
            "{route:?}"
        );
        assert!(route.action == Action::Knock || says("401"), "{route:?}");
        assert!(!route.path.contains('{') || says("404"), "{route:?}");
        assert!(
            operation["requestBody"].is_null() || says("413"),
            "{route:?}"
        );
        assert!(!says("500"), "{route:?}");
    }
}

#[tokio::test]
async fn anybody_may_read_the_description() {
    let app = TestApp::start().await;
    let json = app.send("GET", "/openapi.json", "", "", None).await;
    assert_eq!(json.status, StatusCode::OK);
    assert!(json.body["openapi"].as_str().unwrap().starts_with("3."));
    let page = app.send("GET", "/docs", "", "", None).await;
    let Value::String(page) = page.body else {
        panic!("a page is text")
    };
    assert!(page.contains("/v1/task/{id}/setMetadata"));
    for foreign in ["http://", "https://", "<script", "src=", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
