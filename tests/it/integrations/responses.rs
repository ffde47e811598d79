//! Large results: written into the team's own bucket, delivered by reference.

use super::{BUCKET, Manager, connected, set_permissions};
use crate::support::app::{TEAM, TestApp};
use crate::support::clouds::{Moto, fetch};
use crate::support::endpoint::Endpoint;
use axum::body::Body;
use axum::http::Request;
use ringback::callback::State;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_service::Service;

const LIMIT: usize = 10_000;

/// An app whose team wants results above [`LIMIT`] in its bucket.
async fn wanting() -> (TestApp, Moto) {
    let change = |config: &mut ringback::config::Config| {
        config.integrations.results_inline_bytes_max = LIMIT;
    };
    let (app, mut moto) = connected(change).await;
    let manager = Manager::of(&app, TEAM).await;
    let results = json!({"cloud": "aws", "prefix": "from/ringback"});
    let view = manager.call("PUT", "", results.clone(), 200).await;
    assert_eq!(view["large_results"], results);
    set_permissions(&mut moto, &manager.paste("aws", "permissions").await);
    (app, moto)
}

fn large() -> Value {
    json!({"annotations": "kite ".repeat(LIMIT / 4)})
}

/// Where the gateway leads whoever holds this URL.
async fn leads_to(app: &TestApp, url: &str) -> Result<String, u16> {
    let path = url.split_once("127.0.0.1:8080").unwrap().1;
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = app.routes().call(request).await.unwrap();
    if answer.status() == 307 {
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Ok(answer.headers()["location"].to_str().unwrap().to_owned())
    } else {
        Err(answer.status().as_u16())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_response_is_in_the_bucket_and_the_callback_says_where() {
    let (app, mut moto) = wanting().await;
    let receiver = Endpoint::answering([503, 503, 200]).await;
    app.set_default(&receiver).await;
    moto.is_strict(true).await;
    let id = app.submit("e1", json!({"response": large()})).await;
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    // The same bytes on every try.
    assert!(got.iter().all(|it| it.body == got[0].body));
    let body: Value = serde_json::from_slice(&got[0].body).unwrap();
    assert!(body["response"].is_null() && body["task"]["response"].is_null());
    assert_eq!(body["task_id"], "task-e1");
    moto.is_strict(false).await;
    let key = format!("from/ringback/{id}.json");
    assert_eq!(moto.keys(BUCKET), std::slice::from_ref(&key));
    let stored = moto.get(BUCKET, &key).unwrap();
    assert!(stored == large().to_string().into_bytes());
    assert_eq!(body["response_bytes"], stored.len());
    let digest = ringback::hex::encode(&Sha256::digest(&stored));
    assert_eq!(body["response_sha256"], digest);
    let url = body["response_url"].as_str().unwrap();
    moto.is_strict(true).await;
    let place = leads_to(&app, url).await.unwrap();
    moto.is_strict(false).await;
    assert!(moto.is_signed(&place), "{place}");
    let (status, bytes) = fetch(&place).await;
    assert!(status == 200 && bytes == stored, "{status}");
    // Nobody guesses it.
    let forged = url.replace("signature=", "signature=0");
    assert_eq!(leads_to(&app, &forged).await, Err(404));
    let bare = url.split('?').next().unwrap();
    assert_eq!(leads_to(&app, bare).await, Err(404));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_response_is_delivered_whole_and_so_is_a_large_one_when_nobody_wants_it_away() {
    let (app, mut moto) = wanting().await;
    let receiver = Endpoint::answering([200]).await;
    app.set_default(&receiver).await;
    app.submit("small", json!({})).await;
    app.run_to_the_end().await;
    let manager = Manager::of(&app, TEAM).await;
    manager.call("PUT", "", json!({"cloud": null}), 200).await;
    app.submit("large", json!({"response": large()})).await;
    app.run_to_the_end().await;
    let bodies: Vec<Value> = receiver
        .got()
        .iter()
        .map(|it| serde_json::from_slice(&it.body).unwrap())
        .collect();
    assert_eq!(bodies[0]["response"], json!({"annotations": []}));
    assert_eq!(bodies[1]["response"], large());
    assert!(moto.keys(BUCKET).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_is_told_and_tried_again_like_any_target() {
    let (app, mut moto) = wanting().await;
    let receiver = Endpoint::answering([200]).await;
    app.set_default(&receiver).await;
    let manager = Manager::of(&app, TEAM).await;
    let whole = manager.paste("aws", "permissions").await;
    set_permissions(&mut moto, &whole.replace("s3:PutObject", "s3:GetObject"));
    moto.is_strict(true).await;
    let id = app.submit("e1", json!({"response": large()})).await;
    app.run_due().await;
    assert_eq!(app.state(id).await, State::Pending);
    assert_eq!(receiver.got_count(), 0);
    let told = app.explain(id).await.to_string();
    assert!(
        told.contains("bucket_denied") && told.contains("Test connection"),
        "{told}"
    );
    moto.is_strict(false).await;
    set_permissions(&mut moto, &whole);
    moto.is_strict(true).await;
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    assert_eq!(receiver.got_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_forgotten_with_the_callbacks_and_stays_in_the_bucket() {
    let (app, mut moto) = wanting().await;
    let receiver = Endpoint::answering([200]).await;
    app.set_default(&receiver).await;
    app.submit("e1", json!({"response": large()})).await;
    app.run_to_the_end().await;
    let body: Value = serde_json::from_slice(&receiver.got()[0].body).unwrap();
    let url = body["response_url"].as_str().unwrap();
    assert!(leads_to(&app, url).await.is_ok());
    app.clock.advance_ms(91 * 86_400_000);
    ringback::delivery::housekeeping::prune(&app.app)
        .await
        .unwrap();
    assert_eq!(leads_to(&app, url).await, Err(404));
    assert_eq!(moto.keys(BUCKET).len(), 1);
}
