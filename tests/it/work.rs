//! Projects, tasks and batches, in both shapes: a customer's calls, the labelling side's
//! results, and the callbacks that follow.

mod batches; // in progress, completed, reopened, staged
mod callbacks; // what is told to whom, when, and in which order
mod crash; // kill -9 between a task's change and its callback
mod email; // callbacks to e-mail addresses, over a real SMTP server
mod labelling; // the feed, claims, and results that come back
mod lists; // filters, pages, totals
mod projects; // versions of params, and what tasks inherit
mod races; // many at once
mod studio; // who labels what, in which order
mod tasks; // created, changed, refused
mod upgrade; // records from before there were tasks

use crate::support::app::{Answer, TEAM, TestApp};
use axum::http::StatusCode;
use ringback::callback::Mode;
use serde_json::{Value, json};

/// A customer's program.
struct Customer<'a> {
    app: &'a TestApp,
    key: String,
}

impl<'a> Customer<'a> {
    async fn live(app: &'a TestApp) -> Self {
        Self::of(app, TEAM, Mode::Live).await
    }

    async fn test(app: &'a TestApp) -> Self {
        Self::of(app, TEAM, Mode::Test).await
    }

    async fn of(app: &'a TestApp, team: &str, mode: Mode) -> Self {
        let key = app.app.records.add_api_key(team, mode, 1).await.unwrap();
        Self { app, key }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let key = Some(self.key.as_str());
        self.app
            .send(method, path, "application/json", body, key)
            .await
    }

    /// A call that must succeed: with 200, as Scale's clients want it.
    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path} {answer:?}");
        answer.body
    }

    async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ok("POST", path, body).await
    }

    /// A call that must fail with this status; returns the text.
    async fn refused(&self, method: &str, path: &str, body: Value, status: u16) -> String {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {answer:?}");
        assert_eq!(answer.body["status_code"], status);
        answer.body["error"].as_str().unwrap().to_owned()
    }

    async fn project(&self, name: &str) {
        let body = json!({"name": name, "type": "categorization"});
        self.post("/v1/projects", body).await;
    }

    async fn batch(&self, project: &str, name: &str, callback: &str) {
        let body = json!({"project": project, "name": name, "callback": callback});
        self.post("/v1/batches", body).await;
    }

    /// A legal categorization task with some fields changed; returns its id.
    async fn task(&self, change: Value) -> String {
        let made = self.post("/v1/task/categorization", task(change)).await;
        made["task_id"].as_str().unwrap().to_owned()
    }

    async fn status(&self, id: &str) -> String {
        let task = self.get(&format!("/v1/task/{id}")).await;
        task["status"].as_str().unwrap().to_owned()
    }
}

/// A legal categorization task; `change` is merged into it.
fn task(change: Value) -> Value {
    let mut task = json!({
        "instruction": "Red or blue?", "attachment_type": "text", "attachment": "tomato",
        "categories": ["red", "blue"],
    });
    if let Value::Object(change) = change {
        for (key, value) in change {
            task[key] = value;
        }
    }
    task
}

/// The labelling side's answer to a task.
fn answer(task: &str, event: &str, status: &str) -> Value {
    json!({"event_id": event, "team_id": TEAM, "task_id": task, "mode": "live",
           "status": status, "response": {"category": "red", "event": event}})
}

impl TestApp {
    /// The labelling side hands in a result that must be taken.
    async fn answered(&self, task: &str, event: &str, status: &str) {
        let result = answer(task, event, status);
        let answer = self.call("POST", "/internal/v1/results", result).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    }
}
