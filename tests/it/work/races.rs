//! Many at once: one unique id, one task; counts that are exact; a cancel against a result.

use super::{Customer, answer, task};
use crate::support::app::TestApp;
use axum::http::StatusCode;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

const CREATE: &str = "/v1/task/categorization";

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_unique_id_one_wins() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let one = || customer.call("POST", CREATE, task(json!({"unique_id": "u"})));
        let answers = join_all((0..20).map(|_| one())).await;
        let made: Vec<_> = answers
            .iter()
            .filter(|it| it.status == StatusCode::OK)
            .collect();
        assert_eq!(made.len(), 1);
        let id = made[0].body["task_id"].as_str().unwrap();
        for lost in answers.iter().filter(|it| it.status != StatusCode::OK) {
            assert_eq!(lost.status, StatusCode::CONFLICT, "{lost:?}");
            assert!(
                lost.body["error"].as_str().unwrap().contains(id),
                "{lost:?}"
            );
        }
        assert_eq!(customer.get("/v1/tasks").await["total"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_idempotency_key_all_get_one_task() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let one = || {
            let request = axum::http::Request::builder()
                .method("POST")
                .uri(CREATE)
                .header("authorization", format!("Bearer {}", customer.key))
                .header("idempotency-key", "k")
                .body(axum::body::Body::from(task(Value::Null).to_string()))
                .unwrap();
            app.request(request)
        };
        let answers = join_all((0..20).map(|_| one())).await;
        for answer in &answers {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert_eq!(answer.body, answers[0].body);
        }
        assert_eq!(customer.get("/v1/tasks").await["total"], 1);
    }
}

/// As Scale's own scripts do, 50 at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_made_at_once_are_counted_exactly() {
    const TASKS: usize = 1000;
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.batch("kites", "b", "").await;
        let made = stream::iter(0..TASKS)
            .map(|n| {
                let own = if n % 2 == 0 {
                    json!({"batch": "b"})
                } else {
                    json!({"project": "kites"})
                };
                customer.task(own)
            })
            .buffer_unordered(50)
            .collect::<Vec<_>>()
            .await;
        let total = async |query: &str| {
            customer.get(&format!("/v1/tasks?limit=1&{query}")).await["total"].clone()
        };
        assert_eq!(total("").await, 1000);
        assert_eq!(total("project=kites").await, 1000);
        assert_eq!(total("batch=b&status=pending").await, 500);
        assert_eq!(total("type=categorization").await, 1000);
        // Done in parts, by several at once, each part a mix of batches and none.
        let parts = made.chunks(100).enumerate().map(|(part, ids)| {
            let result = |id: &String| answer(id, &format!("{part}-{id}"), "completed");
            let results: Value = ids.iter().map(result).collect();
            app.call("POST", "/internal/v1/results", results)
        });
        for answer in join_all(parts).await {
            assert_eq!(answer.body["accepted"], 100, "{answer:?}");
        }
        assert_eq!(total("status=completed").await, 1000);
        assert_eq!(total("status=pending").await, 0);
        let status = customer.get("/v1/batches/b/status").await;
        let expected = json!({"status": "completed", "pending": 0, "completed": 500, "error": 0, "canceled": 0});
        assert_eq!(status, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_and_a_result_never_both_win() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.batch("kites", "b", "").await;
        for round in 0..20 {
            let id = customer.task(json!({"batch": "b"})).await;
            let path = format!("/v1/task/{id}/cancel");
            let result = answer(&id, &format!("e{round}"), "completed");
            let (canceled, taken) = tokio::join!(
                customer.call("POST", &path, Value::Null),
                app.call("POST", "/internal/v1/results", result),
            );
            let canceled = canceled.status == StatusCode::OK;
            let taken = taken.status == StatusCode::ACCEPTED;
            assert!(canceled != taken, "round {round}: {canceled} {taken}");
            let expected = if canceled { "canceled" } else { "completed" };
            assert_eq!(customer.status(&id).await, expected);
            assert_eq!(customer.get("/v1/batches/b").await["status"], "completed");
        }
        let status = customer.get("/v1/batches/b/status").await;
        let done = status["completed"].as_i64().unwrap() + status["canceled"].as_i64().unwrap();
        assert_eq!((done, &status["pending"]), (20, &json!(0)));
    }
}

/// The batch's callback comes once for each time it is completed, with nothing pending.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_many_ends_the_batch_once() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.batch("kites", "b", "ops@example.com").await;
        let ids = join_all((0..20).map(|_| customer.task(json!({"batch": "b"})))).await;
        let results = ids.iter().map(|id| app.answered(id, id, "completed"));
        join_all(results).await;
        let batch = customer.get("/v1/batches/b").await;
        assert_eq!(batch["status"], "completed");
        let path = format!(
            "/internal/v1/callbacks?task_id={}",
            batch["id"].as_str().unwrap()
        );
        let found = app.call("GET", &path, Value::Null).await.body;
        let callbacks = found["callbacks"].as_array().expect("a list");
        assert_eq!(callbacks.len(), 1, "{found}");
    }
}
