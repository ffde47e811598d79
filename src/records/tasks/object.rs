//! PURE: a task as customers see it, and the body of its callback. What is absent is left
//! out, never null (Scale API, Task object). Responses keep their bytes.

use crate::records::tasks::Task;
use crate::time::stored;
use serde::Serialize;
use serde_json::value::RawValue;

/// The task object of the API and of callbacks.
#[derive(Debug, Serialize)]
pub struct TaskObject<'a> {
    task_id: &'a str,
    created_at: String,
    updated_at: String,
    #[serde(rename = "type")]
    kind: &'a str,
    status: &'a str,
    instruction: &'a str,
    params: &'a RawValue,
    metadata: &'a RawValue,
    is_test: bool,
    #[serde(flatten)]
    set: WhenSet<'a>,
}

/// What only some tasks have.
#[derive(Debug, Serialize)]
struct WhenSet<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_param_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_review_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audits: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_succeeded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_completed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_succeeded_at: Option<String>,
}

/// What a limited list shows of a task.
#[derive(Debug, Serialize)]
pub struct LimitedObject<'a> {
    task_id: &'a str,
    status: &'a str,
    metadata: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
}

impl Task {
    /// All of it.
    #[must_use]
    pub fn object(&self) -> TaskObject<'_> {
        TaskObject {
            task_id: &self.id,
            created_at: stored(self.created_ms),
            updated_at: stored(self.updated_ms),
            kind: &self.kind,
            status: &self.status,
            instruction: &self.instruction,
            params: raw(&self.params),
            metadata: raw(&self.metadata),
            is_test: self.is_test(),
            set: self.when_set(),
        }
    }

    fn when_set(&self) -> WhenSet<'_> {
        let some_list = |text: &'_ str| (text != "[]").then_some(());
        let succeeded = self.callback_succeeded.map(|flag| flag != 0);
        WhenSet {
            callback_url: self.callback_url.as_deref(),
            project: self.project.as_deref(),
            project_param_version: self.project_version,
            batch: self.batch.as_deref(),
            unique_id: self.unique_id.as_deref(),
            tags: some_list(&self.tags).map(|()| raw(&self.tags)),
            priority: self.priority,
            completed_at: self.completed_ms.map(stored),
            response: self.response.as_deref().map(raw),
            customer_review_status: self.review.as_deref(),
            audits: some_list(&self.audits).map(|()| raw(&self.audits)),
            callback_succeeded: succeeded,
            callback_completed: succeeded,
            callback_succeeded_at: self.callback_succeeded_ms.map(stored),
        }
    }

    /// The little that a limited list shows.
    #[must_use]
    pub fn limited(&self) -> LimitedObject<'_> {
        LimitedObject {
            task_id: &self.id,
            status: &self.status,
            metadata: raw(&self.metadata),
            project: self.project.as_deref(),
        }
    }

    /// [`Task::object`] as text.
    #[must_use]
    pub fn object_text(&self) -> String {
        serde_json::to_string(&self.object()).expect("texts and numbers are always JSON")
    }

    /// What is POSTed when this task, as it is now, is told to its customer.
    #[must_use]
    pub fn callback_body(&self) -> String {
        let text = |value: &str| serde_json::to_string(value).expect("text is always JSON");
        let response = self.response.as_deref().unwrap_or("null");
        format!(
            "{{\"task_id\":{},\"status\":{},\"response\":{response},\"task\":{}}}",
            text(&self.id),
            text(&self.status),
            self.object_text()
        )
    }
}

/// Stored JSON with its bytes; null when another program stored something else.
#[must_use]
pub fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap_or(RawValue::NULL)
}
