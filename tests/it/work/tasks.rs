//! Tasks: created, changed, refused.

use super::{Customer, answer, task};
use crate::support::app::TestApp;
use axum::http::StatusCode;
use ringback::callback::Mode;
use serde_json::{Value, json};

const CREATE: &str = "/v1/task/categorization";

#[tokio::test]
async fn a_live_task_is_as_it_was_asked_for() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        let body = task(json!({
            "project": "kites", "callback_url": "https://a.example/hook", "metadata": {"k": "v"},
            "priority": 20, "unique_id": "u-1", "tags": ["a", "b"],
        }));
        let made = customer.post(CREATE, body).await;
        let id = made["task_id"].as_str().unwrap();
        let params = json!({"attachment": "tomato", "attachment_type": "text", "categories": ["red", "blue"]});
        assert_eq!(id.len(), 24);
        assert_eq!(
            made,
            json!({
                "task_id": id, "created_at": "2023-11-14T22:13:20.000Z",
                "updated_at": "2023-11-14T22:13:20.000Z", "type": "categorization",
                "status": "pending", "instruction": "Red or blue?", "params": params,
                "metadata": {"k": "v"}, "is_test": false, "callback_url": "https://a.example/hook",
                "project": "kites", "project_param_version": 0, "unique_id": "u-1",
                "tags": ["a", "b"], "priority": 20,
            })
        );
        assert_eq!(customer.get(&format!("/v1/task/{id}")).await, made);
        let plain = customer.post(CREATE, task(Value::Null)).await;
        for absent in [
            "tags",
            "unique_id",
            "response",
            "completed_at",
            "project",
            "batch",
            "priority",
        ] {
            assert!(plain.get(absent).is_none(), "{absent}");
        }
    }
}

#[tokio::test]
async fn a_test_task_is_completed_before_it_can_be_read() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::test(&app).await;
        let made = customer.post(CREATE, task(Value::Null)).await;
        assert_eq!(made["status"], "pending");
        let path = format!("/v1/task/{}", made["task_id"].as_str().unwrap());
        let read = customer.get(&path).await;
        assert_eq!(read["status"], "completed");
        assert_eq!(read["response"], json!({"category": "red"}));
        assert_eq!(read["is_test"], true);
        assert_eq!(read["completed_at"], "2023-11-14T22:13:20.000Z");
        let text = customer
            .refused("POST", &format!("{path}/cancel"), Value::Null, 400)
            .await;
        assert!(text.contains("completed"), "{text}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_written() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let tester = Customer::test(&app).await;
        tester.project("only-test").await;
        let without = |field: &str| {
            let mut body = task(Value::Null);
            body.as_object_mut().unwrap().remove(field);
            body
        };
        for (body, start) in [
            (Value::Null, "body"),
            (json!({}), "body"),
            (json!([1]), "body"),
            (without("attachment"), "attachment is required"),
            (without("categories"), "categories is required"),
            (task(json!({"project": "none"})), "project names no"),
            (task(json!({"project": "only-test"})), "project names no"),
            (task(json!({"batch": "none"})), "batch names no"),
            (
                task(json!({"callback_url": "http://127.1.1.1.1/"})),
                "callback_url",
            ),
            (
                task(json!({"callback_url": "http://169.254.169.254/"})),
                "callback_url",
            ),
            (task(json!({"priority": 15})), "priority"),
            (
                task(json!({"metadata": {"a": "x".repeat(11_000)}})),
                "metadata",
            ),
            (
                task(json!({"tags": ["1", "2", "3", "4", "5", "6"]})),
                "tags",
            ),
            (task(json!({"unique_id": "\u{0}"})), "body"),
        ] {
            let text = customer.refused("POST", CREATE, body, 400).await;
            assert!(text.starts_with(start), "{text}");
        }
        let text = customer
            .refused("POST", "/v1/task/nonsense", task(Value::Null), 400)
            .await;
        assert!(text.contains("nonsense"), "{text}");
        assert_eq!(customer.get("/v1/tasks").await["total"], 0);
        assert_eq!(customer.get("/v1/tasks").await["docs"], json!([]));
    }
}

#[tokio::test]
async fn foreign_tasks_are_not_there() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.app.records.add_team("other", "Other", 1).await.unwrap();
        let customer = Customer::live(&app).await;
        let id = customer.task(json!({"unique_id": "u"})).await;
        let strangers = [
            Customer::of(&app, "other", Mode::Live).await,
            Customer::test(&app).await,
        ];
        for stranger in strangers {
            let path = format!("/v1/task/{id}");
            stranger.refused("GET", &path, Value::Null, 404).await;
            for (method, action, body) in [
                ("POST", "cancel", Value::Null),
                ("POST", "audit", json!({"accepted": true})),
                ("POST", "unique_id", json!({"unique_id": "x"})),
                ("DELETE", "unique_id", Value::Null),
                ("POST", "setMetadata", json!({})),
                ("POST", "tags", json!(["a"])),
                ("PUT", "tags", json!(["a"])),
                ("DELETE", "tags", json!(["a"])),
                ("POST", "send_callback", Value::Null),
            ] {
                stranger
                    .refused(method, &format!("{path}/{action}"), body, 404)
                    .await;
            }
            assert_eq!(stranger.get("/v1/tasks").await["total"], 0);
            stranger.task(json!({"unique_id": "u"})).await;
        }
        customer
            .refused("GET", "/v1/task/nonsense", Value::Null, 404)
            .await;
    }
}

#[tokio::test]
async fn a_unique_id_is_one_tasks() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let first = customer.task(json!({"unique_id": "u&1"})).await;
        let text = customer
            .refused("POST", CREATE, task(json!({"unique_id": "u&1"})), 409)
            .await;
        assert!(text.contains("u&1") && text.contains(&first), "{text}");
        let second = customer.task(Value::Null).await;
        let path = format!("/v1/task/{second}/unique_id");
        let text = customer
            .refused("POST", &path, json!({"unique_id": "u&1"}), 409)
            .await;
        assert!(text.contains(&first), "{text}");
        customer.refused("POST", &path, Value::Null, 400).await;
        assert_eq!(
            customer.post(&path, json!({"unique_id": "u2"})).await["unique_id"],
            "u2"
        );
        assert_eq!(
            customer.post(&path, json!({"unique_id": "u2"})).await["unique_id"],
            "u2"
        );
        let cleared = customer.ok("DELETE", &path, Value::Null).await;
        assert!(cleared.get("unique_id").is_none());
        let cancel = format!("/v1/task/{first}/cancel");
        assert_eq!(
            customer.post(&cancel, Value::Null).await["status"],
            "canceled"
        );
        customer
            .refused("POST", &path, json!({"unique_id": "u&1"}), 409)
            .await;
        customer
            .post(&format!("{cancel}?clear_unique_id=True"), Value::Null)
            .await;
        customer.post(&path, json!({"unique_id": "u&1"})).await;
        let found = customer.get("/v1/tasks?unique_id=u%261").await;
        assert_eq!(found["docs"][0]["task_id"], second);
        assert_eq!(found["total"], 1);
    }
}

#[tokio::test]
async fn tags_and_metadata_are_set_added_and_removed() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let id = customer.task(json!({"tags": ["a"]})).await;
        let path = format!("/v1/task/{id}/tags");
        assert_eq!(
            customer.ok("PUT", &path, json!(["a", "b"])).await["tags"],
            json!(["a", "b"])
        );
        assert_eq!(
            customer.ok("DELETE", &path, json!(["a", "z"])).await["tags"],
            json!(["b"])
        );
        assert_eq!(
            customer.post(&path, json!(["ü", "x y"])).await["tags"],
            json!(["ü", "x y"])
        );
        assert_eq!(customer.get("/v1/tasks?tags=x+y").await["total"], 1);
        assert_eq!(customer.get("/v1/tasks?tags=b").await["total"], 0);
        let text = customer
            .refused("PUT", &path, json!(["1", "2", "3", "4"]), 400)
            .await;
        assert!(text.starts_with("tags"), "{text}");
        customer.refused("POST", &path, json!({"a": 1}), 400).await;
        let emptied = customer.post(&path, Value::Null).await;
        assert!(
            emptied.get("tags").is_none(),
            "an empty body is an empty array"
        );
        let path = format!("/v1/task/{id}/setMetadata");
        assert_eq!(
            customer.post(&path, json!({"k": [1]})).await["metadata"],
            json!({"k": [1]})
        );
        assert_eq!(
            customer.post(&path, Value::Null).await["metadata"],
            json!({})
        );
        customer
            .refused("POST", &path, json!({"a": "x".repeat(10_240)}), 400)
            .await;
        customer.refused("POST", &path, json!([]), 400).await;
    }
}

#[tokio::test]
async fn only_a_task_that_waits_is_canceled() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let id = customer.task(Value::Null).await;
        let path = format!("/v1/task/{id}/cancel");
        assert_eq!(
            customer.post(&path, Value::Null).await["status"],
            "canceled"
        );
        assert_eq!(
            customer.post(&path, Value::Null).await["status"],
            "canceled",
            "again"
        );
        let late = app
            .call(
                "POST",
                "/internal/v1/results",
                answer(&id, "e1", "completed"),
            )
            .await;
        assert_eq!(late.status, StatusCode::BAD_REQUEST);
        assert_eq!(late.body["error"]["field"], "task_id");
        for status in ["completed", "error"] {
            let id = customer.task(Value::Null).await;
            app.answered(&id, &format!("e-{id}"), status).await;
            let path = format!("/v1/task/{id}/cancel");
            let text = customer.refused("POST", &path, Value::Null, 400).await;
            assert!(text.contains(status), "{text}");
        }
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let send = async |body: Value, key: &str| {
            let request = axum::http::Request::builder()
                .method("POST")
                .uri(CREATE)
                .header("authorization", format!("Bearer {}", customer.key))
                .header("idempotency-key", key)
                .body(axum::body::Body::from(body.to_string()))
                .unwrap();
            app.request(request).await
        };
        let first = send(task(json!({"unique_id": "u"})), "k1").await;
        assert_eq!(first.status, 200);
        let again = send(task(json!({"unique_id": "u"})), "k1").await;
        assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
        let other = send(task(json!({"attachment": "potato"})), "k1").await;
        assert_eq!(other.status, 409);
        assert_eq!(
            send(task(json!({"unique_id": "u"})), "k2").await.status,
            409
        );
        assert_eq!(
            send(task(Value::Null), "k2").await.status,
            200,
            "what failed used no key"
        );
        assert_eq!(customer.get("/v1/tasks").await["total"], 2);
        app.clock.advance_ms(24 * 3_600_000);
        assert_eq!(
            send(task(json!({"attachment": "potato"})), "k1")
                .await
                .status,
            200
        );
        assert_eq!(send(task(Value::Null), &"k".repeat(256)).await.status, 400);
    }
}

#[tokio::test]
async fn quality_tasks_keep_the_expected_answer_and_are_in_no_list() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        for kind in ["evaluation_tasks", "training_tasks"] {
            let path = format!("/v1/{kind}/categorization");
            let body =
                task(json!({"expected_response": {"category": "red"}, "initial_response": [1]}));
            let made = customer.post(&path, body).await;
            assert_eq!(made["expected_response"], json!({"category": "red"}));
            assert_eq!(made["initial_response"], json!([1]));
            assert_eq!(made["id"].as_str().unwrap().len(), 24);
            let text = customer
                .refused("POST", &path, task(Value::Null), 400)
                .await;
            assert!(text.starts_with("expected_response"), "{text}");
        }
        assert_eq!(customer.get("/v1/tasks").await["total"], 0);
    }
}
