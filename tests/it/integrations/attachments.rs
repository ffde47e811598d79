//! Attachments in a customer's bucket: the labelling side gets URLs that it can open, the
//! customer sees what they wrote.

use super::{BUCKET, Manager, connected};
use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::fetch;
use ringback::callback::Mode;
use serde_json::{Value, json};

async fn submit(app: &TestApp, attachments: Value) -> (String, String) {
    let key = app.app.records.add_api_key(TEAM, Mode::Live, 1);
    let key = key.await.unwrap();
    let body = json!({"instruction": "Which?", "attachment_type": "image",
                      "attachment": attachments[0], "attachments": attachments,
                      "categories": ["a", "b"]});
    let path = "/v1/task/categorization";
    let made = app.call_as(&key, "POST", path, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    (key, made.body["task_id"].as_str().unwrap().to_owned())
}

async fn feed(app: &TestApp) -> Value {
    let answer = app.call("GET", "/internal/v1/tasks", Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["tasks"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_labelling_side_opens_what_the_customer_only_named() {
    let (app, mut moto) = connected(|_| {}).await;
    moto.put(BUCKET, "a/ü 1+2.png", "the kite");
    let inside = format!("s3://{BUCKET}/a/ü 1+2.png");
    let attachments = json!([
        inside,
        "s3://others/1.png",
        "gs://g/2.png",
        "https://x.test/3.png"
    ]);
    let (key, id) = submit(&app, attachments.clone()).await;
    moto.is_strict(true).await;
    let tasks = feed(&app).await;
    let found = tasks[0]["attachments"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    let of = |url: &str| found.iter().find(|it| it["url"] == url).unwrap();
    let signed = of(&inside)["signed_url"].as_str().unwrap();
    moto.is_strict(false).await;
    assert_eq!(fetch(signed).await, (200, b"the kite".to_vec()));
    assert!(moto.is_signed(signed), "{signed}");
    let other = signed.replace("X-Amz-Expires=1800", "X-Amz-Expires=1801");
    assert!(!moto.is_signed(&other));
    assert!(signed.contains("X-Amz-Expires=1800"), "{signed}");
    let error = |url: &str| of(url)["error"].as_str().unwrap().to_owned();
    assert!(error("s3://others/1.png").contains("s3://kites"));
    assert!(error("gs://g/2.png").contains("no integration with Google"));
    // Nothing of it reaches the customer.
    assert_eq!(tasks[0]["task"]["params"]["attachments"], attachments);
    let path = format!("/v1/task/{id}");
    let seen = app.call_as(&key, "GET", &path, Value::Null).await;
    assert!(!seen.body.to_string().contains("X-Amz"), "{seen:?}");
    let claim = json!({"task_ids": [id]});
    let claimed = app.call("POST", "/internal/v1/tasks/claim", claim).await;
    assert_eq!(
        claimed.body["tasks"][0]["attachments"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_handed_out_even_when_nothing_can_be_signed() {
    let (app, moto) = connected(|config| config.integrations.request_timeout_ms = 300).await;
    submit(
        &app,
        json!([format!("s3://{BUCKET}/1"), format!("s3://{BUCKET}/2")]),
    )
    .await;
    drop(moto);
    let tasks = feed(&app).await;
    let found = tasks[0]["attachments"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    for attachment in found {
        let error = attachment["error"].as_str().unwrap();
        assert!(error.contains("cannot be reached"), "{error}");
        assert!(attachment["signed_url"].is_null());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_teams_integration_signs_nothing() {
    let (app, _moto) = connected(|_| {}).await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("DELETE", "/aws", Value::Null, 204).await;
    app.app.records.add_team("team_b", "B", 1).await.unwrap();
    Manager::of(&app, "team_b").await.sets_up_aws().await;
    submit(&app, json!([format!("s3://{BUCKET}/1")])).await;
    let tasks = feed(&app).await;
    let error = tasks[0]["attachments"][0]["error"].as_str().unwrap();
    assert!(error.contains("no integration"), "{error}");
}
