//! PURE: a batch as customers see it, its counts, and the body of its callback.

use crate::records::batches::Batch;
use crate::records::tasks::counts::ByStatus;
use crate::records::tasks::object::raw;
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING};
use crate::time::stored;
use serde_json::{Map, Value, json};

impl Batch {
    /// The batch object.
    #[must_use]
    pub fn object(&self) -> Map<String, Value> {
        let flags: Map<String, Value> = serde_json::from_str(&self.flags).unwrap_or_default();
        let metadata: Value = serde_json::from_str(raw(&self.metadata).get()).unwrap_or_default();
        let mut object = flags;
        object.insert("id".to_owned(), json!(self.id));
        object.insert("name".to_owned(), json!(self.name));
        object.insert("project".to_owned(), json!(self.project));
        object.insert("status".to_owned(), json!(self.status));
        object.insert("created_at".to_owned(), json!(stored(self.created_ms)));
        object.insert("metadata".to_owned(), metadata);
        if let Some(ms) = self.completed_ms {
            object.insert("completed_at".to_owned(), json!(stored(ms)));
        }
        if let Some(url) = &self.callback_url {
            object.insert("callback".to_owned(), json!(url));
        }
        object
    }

    /// What is POSTed when it is completed.
    #[must_use]
    pub fn callback_body(&self, counts: &ByStatus) -> String {
        let mut batch = self.object();
        batch.extend(count_fields(counts));
        json!({"batch": batch, "name": self.name, "status": self.status}).to_string()
    }
}

/// A batch's tasks by status, each named even where there is none.
#[must_use]
pub fn count_fields(counts: &ByStatus) -> Map<String, Value> {
    [PENDING, COMPLETED, ERROR, CANCELED]
        .into_iter()
        .map(|status| {
            let count = counts.get(status).copied().unwrap_or(0);
            (status.to_owned(), count.into())
        })
        .collect()
}
