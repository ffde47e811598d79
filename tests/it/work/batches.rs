//! Batches: in progress, completed and told, reopened; staged where the project asks for it.

use super::Customer;
use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use serde_json::{Value, json};

fn bodies(endpoint: &Endpoint) -> Vec<Value> {
    let body = |got: crate::support::endpoint::Got| serde_json::from_slice(&got.body).unwrap();
    endpoint.got().into_iter().map(body).collect()
}

#[tokio::test]
async fn the_last_task_completes_a_batch_and_a_new_one_reopens_it() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        customer.project("kites").await;
        customer.batch("kites", "a/b", &endpoint.url()).await;
        let path = "/v1/batches/a%2Fb";
        let batch = customer.get(path).await;
        assert_eq!(batch["status"], "in_progress", "an empty one");
        assert_eq!(
            (&batch["project"], &batch["metadata"]),
            (&json!("kites"), &json!({}))
        );
        let first = customer.task(json!({"batch": "a/b"})).await;
        let second = customer
            .task(json!({"batch": "a/b", "project": "kites"}))
            .await;
        app.answered(&first, "e1", "completed").await;
        let status = customer.get(&format!("{path}/status")).await;
        let expected = json!({"status": "in_progress", "pending": 1, "completed": 1, "error": 0, "canceled": 0});
        assert_eq!(status, expected);
        app.answered(&second, "e2", "error").await;
        let batch = customer.get(path).await;
        assert_eq!(batch["status"], "completed");
        assert_eq!(batch["completed_at"], "2023-11-14T22:13:20.000Z");
        app.run_due().await;
        let told = bodies(&endpoint);
        assert_eq!(told.len(), 1, "tasks have no URL, the batch has");
        assert_eq!(
            (&told[0]["name"], &told[0]["status"]),
            (&json!("a/b"), &json!("completed"))
        );
        assert_eq!(
            (&told[0]["batch"]["completed"], &told[0]["batch"]["error"]),
            (&json!(1), &json!(1))
        );

        let third = customer.task(json!({"batch": "a/b"})).await;
        let batch = customer.get(path).await;
        assert_eq!(
            (&batch["status"], batch.get("completed_at")),
            (&json!("in_progress"), None)
        );
        customer
            .post(&format!("/v1/task/{third}/cancel"), Value::Null)
            .await;
        assert_eq!(
            customer.get(path).await["status"],
            "completed",
            "canceled is done"
        );
        app.answered(&first, "e3", "pending").await;
        assert_eq!(
            customer.get(path).await["status"],
            "in_progress",
            "recalled"
        );
        app.answered(&first, "e4", "completed").await;
        app.run_due().await;
        assert_eq!(bodies(&endpoint).len(), 3);
        customer
            .post(&format!("{path}/finalize"), Value::Null)
            .await;
        customer
            .post(&format!("{path}/finalize"), Value::Null)
            .await;
    }
}

#[tokio::test]
async fn a_rapid_projects_batch_is_staged_until_it_is_finalized() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let body = json!({"name": "fast", "type": "categorization", "rapid": true});
        customer.post("/v1/projects", body).await;
        customer.batch("fast", "task1", "").await;
        let text = customer
            .refused(
                "POST",
                "/v1/task/categorization",
                super::task(json!({"project": "fast"})),
                400,
            )
            .await;
        assert!(text.starts_with("batch"), "{text}");
        let id = customer.task(json!({"batch": "task1"})).await;
        let path = "/v1/batches/task1";
        assert_eq!(customer.get(path).await["status"], "staging");
        let feed = async || {
            app.call("GET", "/internal/v1/tasks", Value::Null)
                .await
                .body
        };
        assert_eq!(
            feed().await["tasks"],
            json!([]),
            "not shown before its time"
        );
        let done = customer
            .post(&format!("{path}/finalize"), Value::Null)
            .await;
        assert_eq!(done["status"], "in_progress");
        assert_eq!(feed().await["tasks"][0]["task"]["task_id"], id.as_str());
        let text = customer
            .refused("POST", &format!("{path}/finalize"), Value::Null, 400)
            .await;
        assert!(text.contains("finalized"), "{text}");
        let late = super::task(json!({"batch": "task1"}));
        let text = customer
            .refused("POST", "/v1/task/categorization", late, 400)
            .await;
        assert!(text.starts_with("batch"), "{text}");
        app.answered(&id, "e1", "completed").await;
        assert_eq!(customer.get(path).await["status"], "completed");
    }
}

#[tokio::test]
async fn a_test_batch_completes_at_once_and_takes_more() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::test(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        customer.project("kites").await;
        customer.batch("kites", "b", &endpoint.url()).await;
        for n in 1..=3 {
            customer.task(json!({"batch": "b"})).await;
            let status = customer.get("/v1/batches/b/status").await;
            assert_eq!(
                (&status["status"], &status["completed"]),
                (&json!("completed"), &json!(n))
            );
        }
        app.run_due().await;
        assert_eq!(bodies(&endpoint).len(), 3);
    }
}

#[tokio::test]
async fn batches_are_listed_page_by_page() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.project("boats").await;
        for n in 0..5 {
            let project = if n == 4 { "boats" } else { "kites" };
            customer.batch(project, &format!("b{n}"), "").await;
            app.clock.advance_ms(1000);
        }
        let names = async |query: &str| {
            let page = customer.get(&format!("/v1/batches?{query}")).await;
            let name = |batch: &Value| batch["name"].as_str().unwrap().to_owned();
            let docs = page["docs"].as_array().unwrap();
            (docs.iter().map(name).collect::<Vec<_>>().join(" "), page)
        };
        let (all, page) = names("").await;
        assert_eq!(all, "b4 b3 b2 b1 b0");
        for field in [
            "docs",
            "totalDocs",
            "total",
            "limit",
            "offset",
            "has_more",
            "totalPages",
        ] {
            assert!(page.get(field).is_some(), "{field}");
        }
        let (first, page) = names("limit=2&offset=0").await;
        assert_eq!(
            (first.as_str(), &page["has_more"], &page["totalDocs"]),
            ("b4 b3", &json!(true), &json!(5))
        );
        let (last, page) = names("limit=2&offset=4").await;
        assert_eq!((last.as_str(), &page["has_more"]), ("b0", &json!(false)));
        assert_eq!(names("project=boats").await.0, "b4");
        assert_eq!(names("status=completed").await.0, "");
        assert_eq!(
            names("start_time=2023-11-14T22:13:21Z&end_time=2023-11-14T22:13:22Z")
                .await
                .0,
            "b2 b1"
        );
        customer
            .refused("GET", "/v1/batches?limit=0", Value::Null, 400)
            .await;
        customer
            .refused("GET", "/v1/batches?status=paused", Value::Null, 400)
            .await;
    }
}

#[tokio::test]
async fn a_batchs_metadata_is_replaced_and_what_is_wrong_is_named() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.batch("kites", "b0", "").await;
        let set = customer
            .post("/v1/batches/b0/setMetadata", json!({"k": 1}))
            .await;
        assert_eq!(set["metadata"], json!({"k": 1}));
        assert_eq!(
            customer
                .post("/v1/batches/b0/setMetadata", Value::Null)
                .await["metadata"],
            json!({})
        );
        for (body, status) in [
            (json!({"project": "kites", "name": "b0"}), 409),
            (json!({"project": "none", "name": "n"}), 400),
            (json!({"project": "kites"}), 400),
            (json!({"name": "n"}), 400),
            (
                json!({"project": "kites", "name": "n", "callback": "nonsense"}),
                400,
            ),
            (json!({"project": "kites", "name": "n", "metadata": 1}), 400),
        ] {
            customer.refused("POST", "/v1/batches", body, status).await;
        }
        for path in ["/v1/batches/none", "/v1/batches/none/status"] {
            customer.refused("GET", path, Value::Null, 404).await;
        }
        customer
            .refused("POST", "/v1/batches/none/finalize", Value::Null, 404)
            .await;
    }
}

/// Delivered by somebody else; here it is only taken and kept.
#[tokio::test]
async fn an_email_address_is_a_callback_target() {
    let app = TestApp::start().await;
    let customer = Customer::live(&app).await;
    customer.project("kites").await;
    customer.batch("kites", "b", "ops@example.com").await;
    assert_eq!(
        customer.get("/v1/batches/b").await["callback"],
        "ops@example.com"
    );
    let id = customer
        .task(json!({"callback_url": "me@example.com"}))
        .await;
    app.answered(&id, "e1", "completed").await;
    let found = app
        .call("GET", "/internal/v1/callbacks?limit=10", Value::Null)
        .await;
    assert!(found.body.to_string().contains(&id), "{found:?}");
}
