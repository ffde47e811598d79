//! Projects, batches and tasks as `/v2` shows them. What a thing belongs to is an id, or for
//! `expand` the whole thing.

use crate::api::error::ApiError;
use crate::api::v1::Query;
use crate::app::App;
use crate::records::batches::Batch;
use crate::records::projects::Project;
use crate::records::tasks::Task;
use crate::records::world::World;
use crate::time::stored;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What is shown whole.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expand {
    project: bool,
    batch: bool,
}

impl Expand {
    /// Reads the query's `expand`, which may name these.
    pub(super) fn read(query: &Query, known: &[&str]) -> Result<Self, ApiError> {
        let mut expand = Self::default();
        for name in query.texts("expand") {
            match name.as_str() {
                "project" => expand.project = true,
                "batch" if known.contains(&"batch") => expand.batch = true,
                _ => {
                    let reason = format!("must be one of {}", known.join(", "));
                    return Err(super::invalid("expand", &reason));
                }
            }
        }
        Ok(expand)
    }
}

/// Shows things of one world, and asks for what they belong to once.
pub(super) struct Viewer<'a> {
    app: &'a App,
    world: World<'a>,
    expand: Expand,
    projects: HashMap<String, Value>,
    batches: HashMap<String, Value>,
}

impl<'a> Viewer<'a> {
    pub(super) fn new(app: &'a App, world: World<'a>, expand: Expand) -> Self {
        Self {
            app,
            world,
            expand,
            projects: HashMap::new(),
            batches: HashMap::new(),
        }
    }

    pub(super) async fn batch(&mut self, batch: &Batch) -> Result<Value, ApiError> {
        let project = self.project_of(&batch.project).await?;
        Ok(shown_batch(batch, &project))
    }

    pub(super) async fn task(&mut self, task: &Task) -> Result<Value, ApiError> {
        let project = match &task.project {
            Some(name) => self.project_of(name).await?,
            None => json!(""),
        };
        let metadata: Value = serde_json::from_str(&task.metadata).unwrap_or_default();
        let mut shown = json!({
            "task_id": task.id,
            "project": project,
            "status": task.status,
            "created_at": stored(task.created_ms),
            "metadata": metadata,
        });
        if let Some(name) = &task.batch {
            shown["batch"] = self.batch_of(name).await?;
        }
        if let Some(ms) = task.completed_ms {
            shown["completed_at"] = json!(stored(ms));
        }
        let response = task.response.as_deref().unwrap_or("null");
        let response: Value = serde_json::from_str(response).unwrap_or_default();
        if response["threads"].is_array() {
            shown["threads"] = response["threads"].clone();
        }
        Ok(shown)
    }

    async fn project_of(&mut self, name: &str) -> Result<Value, ApiError> {
        if let Some(shown) = self.projects.get(name) {
            return Ok(shown.clone());
        }
        let found = self.app.records.project_at(self.world, name, None).await?;
        let shown = found.map_or(json!(""), |(project, _)| {
            if self.expand.project {
                shown_project(&project)
            } else {
                json!(project.id)
            }
        });
        self.projects.insert(name.to_owned(), shown.clone());
        Ok(shown)
    }

    async fn batch_of(&mut self, name: &str) -> Result<Value, ApiError> {
        if let Some(shown) = self.batches.get(name) {
            return Ok(shown.clone());
        }
        let shown = match self.app.records.batch(self.world, name).await? {
            Some(batch) if self.expand.batch => {
                let project = self
                    .app
                    .records
                    .project_at(self.world, &batch.project, None);
                let project = project.await?.map_or_else(String::new, |(it, _)| it.id);
                shown_batch(&batch, &json!(project))
            }
            Some(batch) => json!(batch.id),
            None => json!(""),
        };
        self.batches.insert(name.to_owned(), shown.clone());
        Ok(shown)
    }
}

/// A project.
pub(super) fn shown_project(project: &Project) -> Value {
    json!({
        "id": project.id, "name": project.name, "created_at": stored(project.created_ms),
        "types": [project.kind],
    })
}

fn shown_batch(batch: &Batch, project: &Value) -> Value {
    let metadata: Value = serde_json::from_str(&batch.metadata).unwrap_or_default();
    let mut shown = json!({
        "id": batch.id,
        "name": batch.name,
        "project": project,
        "status": batch.genai_status(),
        "created_at": stored(batch.created_ms),
        "metadata": metadata,
    });
    if let Some(ms) = batch.completed_ms {
        shown["completed_at"] = json!(stored(ms));
    }
    if let Some(url) = &batch.callback_url {
        shown["callback"] = json!(url);
    }
    shown
}
