//! A customer sets up Google Cloud: their service account is acted for, their bucket listed,
//! read, written, and its URLs signed.

use super::Manager;
use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::{Google, fetch, secret_file};
use crate::support::endpoint::Endpoint;
use serde_json::{Value, json};

async fn app(google: &Google) -> TestApp {
    TestApp::with(|config| {
        let gcp = &mut config.integrations.gcp;
        gcp.key_file = secret_file(&config.data.dir, "gcp-key", &google.key_file);
        gcp.iam_endpoint = google.url();
        gcp.endpoint = google.url();
        config.integrations.results_inline_bytes_max = 1000;
    })
    .await
}

/// Sets it up; returns the service account.
async fn set_up(manager: &Manager<'_>) -> String {
    let view = manager.call("GET", "", Value::Null, 200).await;
    let short = view["short_id"].as_str().unwrap();
    let account = format!("ringback-{short}@kites-1.iam.gserviceaccount.com");
    let names = json!({"service_account": account, "bucket": "kites"});
    let view = manager.call("PUT", "/gcp", names.clone(), 200).await;
    assert_eq!(view["names"], names);
    let commands = manager.paste("gcp", "commands").await;
    let operator = "--member=serviceAccount:gateway@operator.iam.gserviceaccount.com";
    assert!(commands.contains(operator), "{commands}");
    assert!(commands.contains(&account), "{commands}");
    account
}

async fn code(manager: &Manager<'_>) -> String {
    let trial = manager.tests("gcp").await;
    let code = trial["diagnosis"]["code"].as_str().unwrap();
    code.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_trusts_us_lets_us_in() {
    let mut google = Google::start();
    let app = app(&google).await;
    let manager = Manager::of(&app, TEAM).await;
    let account = set_up(&manager).await;
    assert_eq!(code(&manager).await, "bucket_not_trusted");
    google.does(&["grant", &account]);
    assert_eq!(code(&manager).await, "bucket_missing");
    google.does(&["bucket", "kites"]);
    assert_eq!(code(&manager).await, "works");
    google.does(&["put", "kites", "a/1 ü.png", "the kite"]);
    let trial = manager.tests("gcp").await;
    let what = trial["diagnosis"]["what"].as_str().unwrap();
    assert!(what.contains("a/1 ü.png was read"), "{what}");
    // An attachment there is signed by the account itself, and checked with its key.
    let key = app
        .app
        .records
        .add_api_key(TEAM, ringback::callback::Mode::Live, 1);
    let key = key.await.unwrap();
    let task = json!({"instruction": "Which?", "attachment_type": "image",
                      "attachment": "gs://kites/a/1 ü.png", "categories": ["a", "b"]});
    let made = app
        .call_as(&key, "POST", "/v1/task/categorization", task)
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    let feed = app.call("GET", "/internal/v1/tasks", Value::Null).await;
    let attachment = &feed.body["tasks"][0]["attachments"][0];
    let signed = attachment["signed_url"]
        .as_str()
        .unwrap_or_else(|| panic!("{attachment}"));
    assert_eq!(fetch(signed).await, (200, "the kite".into()));
    let other = signed.replace("X-Goog-Expires=1800", "X-Goog-Expires=1801");
    assert_eq!(fetch(&other).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_goes_into_the_bucket() {
    let mut google = Google::start();
    let app = app(&google).await;
    let manager = Manager::of(&app, TEAM).await;
    let account = set_up(&manager).await;
    google.does(&["grant", &account]);
    google.does(&["bucket", "kites"]);
    let results = json!({"cloud": "gcp", "prefix": "out"});
    manager.call("PUT", "", results, 200).await;
    let commands = manager.paste("gcp", "commands").await;
    assert!(commands.contains("roles/storage.objectUser"), "{commands}");
    let receiver = Endpoint::answering([200]).await;
    app.set_default(&receiver).await;
    let response = json!({"annotations": "kite ".repeat(1000)});
    let id = app.submit("e1", json!({"response": response})).await;
    app.run_to_the_end().await;
    let body: Value = serde_json::from_slice(&receiver.got()[0].body).unwrap();
    let text = response.to_string();
    assert_eq!(body["response_bytes"], text.len());
    let stored = google.does(&["get", "kites", &format!("out/{id}.json")]);
    assert_eq!(stored.as_str(), Some(text.as_str()));
}

#[tokio::test]
async fn a_key_that_is_none_is_told_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        "{}",
        "{\"client_email\": \"a\", \"private_key\": \"x\"}",
        "x",
    ] {
        let mut config = crate::support::app::config(&folder);
        config.integrations.gcp.key_file = secret_file(folder.path(), "key", wrong);
        let error = ringback::cloud::Clouds::open(&config)
            .unwrap_err()
            .to_string();
        assert!(error.contains("integrations.gcp.key_file"), "{error}");
    }
}
