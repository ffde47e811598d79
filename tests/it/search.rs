//! Finding callbacks: filters and keyset pages.

use crate::support::app::{START_MS, TestApp};
use axum::http::StatusCode;
use serde_json::{Value, json};

async fn found(app: &TestApp, query: &str) -> (Vec<String>, Option<String>) {
    let answer = app
        .call(
            "GET",
            &format!("/internal/v1/callbacks?{query}"),
            Value::Null,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let events = answer.body["callbacks"].as_array().unwrap().iter();
    let events = events
        .map(|callback| callback["event_id"].as_str().unwrap().to_owned())
        .collect();
    (
        events,
        answer.body["next_cursor"].as_str().map(str::to_owned),
    )
}

#[tokio::test]
async fn filters_narrow_and_pages_join_without_gap_or_overlap() {
    let app = TestApp::start().await;
    app.call("PUT", "/internal/v1/teams/team_b", json!({}))
        .await;
    for n in 0..5 {
        app.submit(&format!("a{n}"), json!({"task_id": format!("t{}", n % 2)}))
            .await;
        app.clock.advance_ms(1000);
    }
    app.submit("b", json!({"team_id": "team_b"})).await;

    assert_eq!(found(&app, "team_id=team_b").await.0, ["b"]);
    assert_eq!(
        found(&app, "team_id=team_a&task_id=t1").await.0,
        ["a3", "a1"]
    );
    assert_eq!(found(&app, "state=delivered").await.0, [""; 0]);
    assert_eq!(found(&app, "state=held&limit=1").await.0, ["b"]);
    let (from, until) = (START_MS + 1000, START_MS + 3000);
    assert_eq!(
        found(&app, &format!("from_ms={from}&until_ms={until}"))
            .await
            .0,
        ["a2", "a1"]
    );

    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = found(&app, &format!("limit=2{cursor}")).await;
        all.extend(page);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, ["b", "a4", "a3", "a2", "a1", "a0"]);
}

#[tokio::test]
async fn a_wrong_query_is_told() {
    let app = TestApp::start().await;
    for (query, word) in [
        ("limit=0", "1 to 1000"),
        ("state=lost", "state"),
        ("teem=a", "teem"),
        ("cursor=x", "cursor"),
    ] {
        let answer = app
            .call(
                "GET",
                &format!("/internal/v1/callbacks?{query}"),
                Value::Null,
            )
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(
            answer.body["error"]["message"]
                .as_str()
                .unwrap()
                .contains(word),
            "{answer:?}"
        );
    }
    for id in ["nonsense", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let answer = app
            .call("GET", &format!("/internal/v1/callbacks/{id}"), Value::Null)
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn nul_finds_nothing_and_breaks_nothing_in_both_shapes() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        for query in ["team_id=a%00b", "task_id=a%00b"] {
            let path = format!("/internal/v1/callbacks?{query}");
            let answer = app.call("GET", &path, Value::Null).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        }
        let path = "/internal/v1/dead-letters/replay";
        let answer = app.call("POST", path, json!({"team_id": "a\0b"})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        for path in ["teams/a%00b", "callbacks/a%00b"] {
            let path = format!("/internal/v1/{path}");
            let answer = app.call("GET", &path, Value::Null).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
        }
        let path = "/internal/v1/teams/team_a/endpoints/resume";
        let answer = app.call("POST", path, json!({"url": "http://a/\0"})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
}

#[tokio::test]
async fn a_team_is_made_once_with_its_secrets_and_checked() {
    let app = TestApp::start().await;
    let made = app
        .call("PUT", "/internal/v1/teams/new", json!({"name": "New"}))
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(
        made.body["secrets"]["signing_secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    let again = app
        .call("PUT", "/internal/v1/teams/new", json!({"name": "Newer"}))
        .await;
    assert_eq!(
        (again.status, &again.body["name"]),
        (StatusCode::OK, &json!("Newer"))
    );
    assert!(again.body.get("secrets").is_none());
    let cases = [
        (
            json!({"default_callback_url": "nonsense"}),
            "default_callback_url",
        ),
        (
            json!({"retry": {"retries_max": 3, "first_delay_ms": 1, "factor": 1.0, "jitter": 0.0}}),
            "retry",
        ),
        (json!({"nam": "x"}), "body"),
        (json!({"name": ""}), "name"),
    ];
    for (body, field) in cases {
        let answer = app.call("PUT", "/internal/v1/teams/new", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body["error"]["field"], field, "{answer:?}");
    }
    let answer = app.call("PUT", "/internal/v1/teams/a%20b", json!({})).await;
    assert_eq!(answer.body["error"]["field"], "team_id");
}
