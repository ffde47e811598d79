//! What is told to whom, when, and in which order.

use super::Customer;
use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use serde_json::{Value, json};

fn bodies(endpoint: &Endpoint) -> Vec<Value> {
    let body = |got: crate::support::endpoint::Got| serde_json::from_slice(&got.body).unwrap();
    endpoint.got().into_iter().map(body).collect()
}

#[tokio::test]
async fn a_completed_task_is_told_and_shows_that_it_was() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        let id = customer
            .task(json!({"callback_url": endpoint.url(), "unique_id": "u"}))
            .await;
        app.answered(&id, "e1", "completed").await;
        app.run_due().await;
        let told = bodies(&endpoint).remove(0);
        assert_eq!(
            (&told["task_id"], &told["status"]),
            (&json!(id), &json!("completed"))
        );
        assert_eq!(told["response"]["category"], "red");
        assert_eq!(
            told["task"]["unique_id"], "u",
            "the whole task, as it is on record"
        );
        assert_eq!(told["task"]["params"]["attachment"], "tomato");
        assert_eq!(told["task"]["response"], told["response"]);
        let task = customer.get(&format!("/v1/task/{id}")).await;
        assert_eq!(task["callback_succeeded"], true);
        assert_eq!(task["callback_completed"], true);
        assert_eq!(task["callback_succeeded_at"], "2023-11-14T22:13:20.000Z");
    }
}

#[tokio::test]
async fn a_callback_that_is_given_up_shows_too() {
    for app in TestApp::in_both_shapes(|config| config.retry.retries_max = 1).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([500]).await;
        let id = customer.task(json!({"callback_url": endpoint.url()})).await;
        app.answered(&id, "e1", "completed").await;
        app.run_due().await;
        let path = format!("/v1/task/{id}");
        assert!(
            customer
                .get(&path)
                .await
                .get("callback_succeeded")
                .is_none(),
            "not over yet"
        );
        app.run_to_the_end().await;
        let task = customer.get(&path).await;
        assert_eq!(task["callback_succeeded"], false);
        assert!(task.get("callback_succeeded_at").is_none());
        endpoint.answer_next([200]);
        let sent = customer
            .post(&format!("{path}/send_callback"), Value::Null)
            .await;
        assert_eq!(sent, json!({"success": true}));
        app.run_to_the_end().await;
        assert_eq!(customer.get(&path).await["callback_succeeded"], true);
    }
}

#[tokio::test]
async fn a_test_task_is_told_at_once_with_the_test_key() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::test(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let id = customer.task(Value::Null).await;
        app.run_due().await;
        let team = app.app.records.team(TEAM).await.unwrap().unwrap();
        let got = endpoint.got().remove(0);
        assert_eq!(
            got.headers["scale-callback-auth"],
            team.test_callback_auth.as_str()
        );
        let told = bodies(&endpoint).remove(0);
        assert_eq!(
            (&told["task_id"], &told["task"]["status"]),
            (&json!(id), &json!("completed"))
        );
        assert_eq!(told["response"], json!({"category": "red"}));
        let task = customer.get(&format!("/v1/task/{id}")).await;
        assert_eq!(task["callback_succeeded"], true);
        assert!(app.app.records.owed_for(&id).await.unwrap().is_empty());
        assert_eq!(app.app.metrics.outbox_handed_over_total.get(), 1);
    }
}

#[tokio::test]
async fn audits_and_recalls_are_told_in_order() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let id = customer.task(Value::Null).await;
        let audit = format!("/v1/task/{id}/audit");
        let text = customer
            .refused("POST", &audit, json!({"accepted": true}), 400)
            .await;
        assert!(text.contains("pending"), "{text}");
        app.answered(&id, "e1", "completed").await;
        for wrong in [
            Value::Null,
            json!({"accepted": "yes"}),
            json!({"accepted": true, "comments": 1}),
        ] {
            customer.refused("POST", &audit, wrong, 400).await;
        }
        customer
            .post(&audit, json!({"accepted": false, "comments": "green"}))
            .await;
        app.answered(&id, "e2", "pending").await;
        let recalled = customer.get(&format!("/v1/task/{id}")).await;
        assert_eq!(
            (&recalled["status"], recalled.get("response")),
            (&json!("pending"), None)
        );
        assert!(recalled.get("completed_at").is_none());
        app.answered(&id, "e3", "completed").await;
        let fixed = customer
            .post(&audit, json!({"accepted": true, "comments": null}))
            .await;
        assert_eq!(fixed["customer_review_status"], "accepted");
        assert_eq!(fixed["audits"][0]["audit_result"], "rejected");
        assert_eq!(fixed["audits"][0]["comments"], "green");
        app.run_due().await;
        let told = bodies(&endpoint);
        let statuses: Vec<_> = told
            .iter()
            .map(|it| it["status"].as_str().unwrap())
            .collect();
        assert_eq!(
            statuses,
            [
                "completed",
                "completed",
                "pending",
                "completed",
                "completed"
            ]
        );
        let reviews: Vec<_> = told
            .iter()
            .map(|it| it["task"]["customer_review_status"].clone())
            .collect();
        assert_eq!(
            reviews,
            [
                json!(null),
                json!("rejected"),
                json!("rejected"),
                json!("fixed"),
                json!("accepted")
            ]
        );
    }
}

#[tokio::test]
async fn an_error_is_told_and_frees_the_unique_id_where_asked() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let change = json!({"unique_id": "u", "clear_unique_id_on_error": true});
        let id = customer.task(change.clone()).await;
        app.answered(&id, "e1", "error").await;
        app.run_due().await;
        let told = bodies(&endpoint).remove(0);
        assert_eq!(
            (&told["status"], &told["task"]["status"]),
            (&json!("error"), &json!("error"))
        );
        assert!(told["task"].get("completed_at").is_none());
        customer.task(change).await;
    }
}

#[tokio::test]
async fn a_callback_is_sent_again_only_where_there_is_one() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let endpoint = Endpoint::answering([200]).await;
        let id = customer.task(Value::Null).await;
        let path = format!("/v1/task/{id}/send_callback");
        app.answered(&id, "e1", "completed").await;
        let text = customer.refused("POST", &path, Value::Null, 400).await;
        assert!(text.contains("no callback URL"), "{text}");
        app.set_default(&endpoint).await;
        customer.post(&path, Value::Null).await;
        customer.post(&path, Value::Null).await;
        app.run_due().await;
        assert_eq!(endpoint.got_count(), 3);
        let pending = customer.task(Value::Null).await;
        let path = format!("/v1/task/{pending}/send_callback");
        customer.refused("POST", &path, Value::Null, 400).await;
        customer
            .post(&format!("/v1/task/{pending}/cancel"), Value::Null)
            .await;
        customer.refused("POST", &path, Value::Null, 400).await;
        app.run_due().await;
        assert_eq!(endpoint.got_count(), 3, "nobody is told of a cancel");
    }
}

/// As if the process had died right after its commit.
#[tokio::test]
async fn what_is_left_in_the_outbox_goes_with_the_next_sweep() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let world = ringback::records::world::World {
            team: TEAM,
            mode: ringback::callback::Mode::Test,
        };
        let mut task = ringback::work::tasks::blank(TEAM, world.mode, app.clock.now());
        task.status = "completed".to_owned();
        task.events = 1;
        let records = &app.app.records;
        records.add_task(&task, None).await.unwrap();
        for _ in 0..2 {
            let rule = |task: &mut _| ringback::work::rules::send_again(task);
            let now = app.clock.now();
            records
                .change_task(world, &task.id, now, rule)
                .await
                .unwrap();
        }
        assert!(!ringback::work::outbox::sweep(&app.app).await.unwrap());
        assert_eq!(
            records.owed_for(&task.id).await.unwrap().len(),
            3,
            "too young"
        );
        app.clock.advance_ms(1000);
        for _ in 0..2 {
            ringback::work::outbox::sweep(&app.app).await.unwrap();
        }
        assert!(records.owed_for(&task.id).await.unwrap().is_empty());
        app.run_due().await;
        assert_eq!(endpoint.got_count(), 3);
    }
}
