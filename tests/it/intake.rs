//! Handing in results: forms, answers, limits.

use crate::support::app::{TestApp, result};
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashSet;

const RESULTS: &str = "/internal/v1/results";

#[tokio::test]
async fn without_a_good_key_nothing_is_read() {
    let app = TestApp::start().await;
    let body = result("e1", Value::Null).to_string();
    for key in [None, Some("rb_producer_wrong"), Some("")] {
        let answer = app
            .send("POST", RESULTS, "application/json", body.clone(), key)
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.body["error"]["code"], "unauthorized");
    }
    assert_eq!(app.app.journal.counts().await.unwrap().accepted, 0);
}

#[tokio::test]
async fn a_repeat_answers_the_first_id_and_a_change_is_a_conflict() {
    let app = TestApp::start().await;
    let first = app.call("POST", RESULTS, result("e1", Value::Null)).await;
    let repeat = app.call("POST", RESULTS, result("e1", Value::Null)).await;
    assert_eq!(
        (first.status, repeat.status),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(
        (&first.body["status"], &repeat.body["status"]),
        (&json!("accepted"), &json!("duplicate"))
    );
    assert_eq!(first.body["callback_id"], repeat.body["callback_id"]);
    let changed = app
        .call(
            "POST",
            RESULTS,
            result("e1", json!({"response": {"annotations": [1]}})),
        )
        .await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    assert_eq!(changed.body["error"]["field"], "event_id");
    let message = changed.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(first.body["callback_id"].as_str().unwrap()),
        "{message}"
    );
}

#[tokio::test]
async fn one_bad_item_rejects_no_other() {
    let app = TestApp::start().await;
    let batch = json!([
        result("e1", Value::Null),
        {"event_id": "broken"},
        result("e2", json!({"team_id": "nobody"})),
        result("e1", Value::Null),
        result("e1", json!({"status": "error"})),
        result("e3", json!({"callback_url": "ftp://x/"})),
        result("e4", Value::Null),
    ]);
    let answer = app.call("POST", RESULTS, batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<_> = results
        .iter()
        .map(|item| item["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "accepted",
            "rejected",
            "rejected",
            "duplicate",
            "conflict",
            "rejected",
            "accepted"
        ]
    );
    assert_eq!(results[2]["field"], "team_id");
    assert_eq!(results[5]["field"], "callback_url");
    assert_eq!(answer.body["accepted"], 2);
    assert_eq!(answer.body["rejected"], 3);
}

#[tokio::test]
async fn ten_thousand_lines_are_one_normal_request() {
    let app = TestApp::start().await;
    let lines: String = (0..10_000)
        .map(|n| {
            if n == 5000 {
                "{nonsense\n".to_owned()
            } else {
                format!("{}\n", result(&format!("e{n}"), Value::Null))
            }
        })
        .collect();
    let answer = app
        .send(
            "POST",
            RESULTS,
            "application/x-ndjson",
            lines,
            Some(app.key()),
        )
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"]),
        (&json!(9_999), &json!(1))
    );
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!(results[5000]["status"], "rejected");
    let ids: HashSet<_> = results
        .iter()
        .filter_map(|item| item["callback_id"].as_str())
        .collect();
    assert_eq!(ids.len(), 9_999);
}

#[tokio::test]
async fn lines_may_be_cut_anywhere_and_a_giant_one_hurts_nobody() {
    let app = TestApp::with(|config| config.api.item_bytes_max = 1000).await;
    let giant = result("big", json!({"response": "x".repeat(5000)}));
    let text = format!(
        "{}\n\n{giant}\r\n{}",
        result("e1", Value::Null),
        result("e2", Value::Null)
    );
    let pieces: Vec<Result<Vec<u8>, std::convert::Infallible>> = text
        .as_bytes()
        .chunks(7)
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = app
        .send(
            "POST",
            RESULTS,
            "application/x-ndjson",
            body,
            Some(app.key()),
        )
        .await;
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"]),
        (&json!(2), &json!(1)),
        "{answer:?}"
    );
    let reason = answer.body["results"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("the limit is 1000"), "{reason}");
}

#[tokio::test]
async fn limits_are_named() {
    let app = TestApp::with(|config| {
        config.api.body_bytes_max = 3000;
        config.api.item_bytes_max = 2000;
        config.api.item_depth_max = 10;
        config.api.items_max = 3;
    })
    .await;
    let error = |answer: &crate::support::app::Answer| {
        answer.body["error"]["code"].as_str().unwrap().to_owned()
    };

    let big = app
        .call(
            "POST",
            RESULTS,
            result("e", json!({"response": "x".repeat(4000)})),
        )
        .await;
    assert_eq!(
        (big.status, error(&big).as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
    );
    let item = app
        .call(
            "POST",
            RESULTS,
            result("e", json!({"response": "x".repeat(2500)})),
        )
        .await;
    assert_eq!(item.status, StatusCode::BAD_REQUEST);
    assert!(
        item.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("limit is 2000")
    );
    let deep: Value =
        serde_json::from_str(&format!("{}{}", "[".repeat(50), "]".repeat(50))).unwrap();
    let deep = app
        .call("POST", RESULTS, result("e", json!({"response": deep})))
        .await;
    assert!(
        deep.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("limit is 10"),
        "{deep:?}"
    );
    let many: Vec<_> = (0..5)
        .map(|n| result(&format!("m{n}"), Value::Null))
        .collect();
    let many = app.call("POST", RESULTS, json!(many)).await;
    assert_eq!(
        (&many.body["accepted"], &many.body["rejected"]),
        (&json!(3), &json!(2))
    );
    let kind = app
        .send("POST", RESULTS, "text/plain", "{}", Some(app.key()))
        .await;
    assert_eq!(kind.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_full_team_gets_429_and_others_do_not() {
    let app = TestApp::with(|config| config.intake.team_pending_max = 2).await;
    app.call("PUT", "/internal/v1/teams/team_b", json!({}))
        .await;
    app.submit("e1", Value::Null).await;
    let batch = json!([result("e2", Value::Null), result("e3", Value::Null)]);
    let batch = app.call("POST", RESULTS, batch).await;
    assert_eq!(
        (&batch.body["accepted"], &batch.body["rejected"]),
        (&json!(1), &json!(1))
    );
    let full = app.call("POST", RESULTS, result("e4", Value::Null)).await;
    assert_eq!(
        (full.status, full.retry_after.as_deref()),
        (StatusCode::TOO_MANY_REQUESTS, Some("5"))
    );
    let other = app
        .call("POST", RESULTS, result("e1", json!({"team_id": "team_b"})))
        .await;
    assert_eq!(other.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_stopping_gateway_takes_nothing() {
    let app = TestApp::start().await;
    app.app.shutdown.stop();
    let answer = app.call("POST", RESULTS, result("e1", Value::Null)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["error"]["code"], "shutting_down");
    assert!(answer.retry_after.is_some());
}

#[tokio::test]
async fn sixty_four_at_once_with_one_event_are_one_callback() {
    let app = TestApp::start().await;
    let calls = (0..64).map(|_| app.call("POST", RESULTS, result("e1", Value::Null)));
    let answers = futures_util::future::join_all(calls).await;
    let ids: HashSet<_> = answers
        .iter()
        .map(|answer| answer.body["callback_id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1);
    let app = app.restart().await;
    let late = app.call("POST", RESULTS, result("e1", Value::Null)).await;
    assert!(ids.contains(&late.body["callback_id"].to_string()));
    assert_eq!(app.app.journal.counts().await.unwrap().accepted, 1);
}

#[tokio::test]
async fn hostile_bytes_are_refused_never_a_panic() {
    let app = TestApp::start().await;
    let deep = "[".repeat(100_000);
    let hostile: [&[u8]; 7] = [
        b"",
        b"\xff\xfe",
        deep.as_bytes(),
        b"{\"event_id\":1}",
        b"null",
        b"{\"a\":\"\\ud800\"}",
        b"{\"event_id\":\"a\",\"event_id\":\"b\"}",
    ];
    for bytes in hostile {
        let answer = app
            .send(
                "POST",
                RESULTS,
                "application/json",
                bytes.to_vec(),
                Some(app.key()),
            )
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
}
