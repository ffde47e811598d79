//! What `/v2` does beside `/v1`: things by id or name, batches that pause and are cancelled,
//! metadata that is merged.

use crate::app::App;
use crate::records::batches::Batch;
use crate::records::genai::CANCELLED;
use crate::records::projects::Project;
use crate::records::tasks::list::TaskFilter;
use crate::records::tasks::{PENDING, Task};
use crate::records::world::World;
use crate::work::rules::{Refused, refuse};
use crate::work::{WorkError, batches, fields, tasks};
use serde_json::{Map, Value};

/// Tasks that are cancelled before others are read.
const PAGE: usize = 100;

/// A thing by its id or its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Its id, which goes before the name.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

impl Which {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.id.is_none() && self.name.is_none()
    }
}

/// The project that is meant.
///
/// # Errors
/// [`WorkError::Refused`] when none is named, [`WorkError::Missing`] when there is none such.
pub async fn project(app: &App, world: World<'_>, which: &Which) -> Result<Project, WorkError> {
    let found = match (&which.id, &which.name) {
        (Some(id), _) => app.records.project_by_id(world, id).await?,
        (None, Some(name)) => {
            let found = app.records.project_at(world, name, None).await?;
            found.map(|(project, _)| project)
        }
        (None, None) => return Ok(refuse("project_id", "or project_name is required")?),
    };
    found.ok_or(WorkError::Missing("project"))
}

/// The batch that is meant.
///
/// # Errors
/// [`WorkError::Refused`] when none is named, [`WorkError::Missing`] when there is none such.
pub async fn batch(app: &App, world: World<'_>, which: &Which) -> Result<Batch, WorkError> {
    let found = match (&which.id, &which.name) {
        (Some(id), _) => app.records.batch_by_id(world, id).await?,
        (None, Some(name)) => app.records.batch(world, name).await?,
        (None, None) => return Ok(refuse("batch_id", "or batch_name is required")?),
    };
    found.ok_or(WorkError::Missing("batch"))
}

/// Ends a batch's staging.
///
/// # Errors
/// [`WorkError::Refused`] when it is not in staging.
pub async fn finalize(app: &App, world: World<'_>, which: &Which) -> Result<Batch, WorkError> {
    let found = batch(app, world, which).await?;
    if found.is_staging == 0 || found.halted.is_some() {
        return Ok(refuse("batch", "is not in staging")?);
    }
    batches::finalize(app, world, &found.name).await
}

/// Hides a batch's tasks from the labelling side.
///
/// # Errors
/// [`WorkError::Refused`] when it does not run.
pub async fn pause(app: &App, world: World<'_>, which: &Which) -> Result<Batch, WorkError> {
    let found = batch(app, world, which).await?;
    if !app.records.pause_batch(world, &found.name).await? {
        return Ok(refuse("batch", "does not run")?);
    }
    batches::get(app, world, &found.name).await
}

/// Shows a paused batch's tasks again.
///
/// # Errors
/// [`WorkError::Refused`] when it is not paused.
pub async fn resume(app: &App, world: World<'_>, which: &Which) -> Result<Batch, WorkError> {
    let found = batch(app, world, which).await?;
    if !app.records.resume_batch(world, &found.name).await? {
        return Ok(refuse("batch", "is not paused")?);
    }
    app.task_waits.notify_waiters();
    batches::get(app, world, &found.name).await
}

/// Gives a batch up, with every task of it that nobody has begun.
///
/// # Errors
/// [`WorkError::Refused`] when it is completed or cancelled.
pub async fn cancel(app: &App, world: World<'_>, which: &Which) -> Result<Batch, WorkError> {
    let found = batch(app, world, which).await?;
    let now = app.clock.now().cast_signed();
    if !app.records.cancel_batch(world, &found.name, now).await? {
        return Ok(refuse("batch", "is completed or cancelled")?);
    }
    let filter = TaskFilter {
        batch: Some(found.name.clone()),
        status: Some(PENDING.to_owned()),
        ..TaskFilter::default()
    };
    let mut cursor = None;
    loop {
        let page = app
            .records
            .task_page(world, &filter, cursor.as_ref(), (0, PAGE))
            .await?;
        for task in &page {
            match tasks::cancel(app, world, &task.id, false).await {
                // Begun, or done meanwhile.
                Ok(_) | Err(WorkError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => cursor = Some(filter.cursor(last)),
            _ => break,
        }
    }
    batches::get(app, world, &found.name).await
}

/// Replaces a batch's metadata, or merges into it.
///
/// # Errors
/// [`WorkError::Refused`] when it would be too large.
pub async fn set_batch_metadata(
    app: &App,
    world: World<'_>,
    which: &Which,
    (given, merges): (Map<String, Value>, bool),
) -> Result<Batch, WorkError> {
    let found = batch(app, world, which).await?;
    let changed = app
        .records
        .change_batch_metadata(world, &found.name, |known| {
            new_metadata(known, given, merges)
        })
        .await??;
    changed.ok_or(WorkError::Missing("batch"))
}

/// Replaces a task's metadata, or merges into it.
///
/// # Errors
/// [`WorkError::Refused`] when it would be too large.
pub async fn set_task_metadata(
    app: &App,
    world: World<'_>,
    id: &str,
    (given, merges): (Map<String, Value>, bool),
) -> Result<Task, WorkError> {
    let rule = |known: &str| new_metadata(known, given, merges);
    tasks::change_metadata(app, world, id, rule).await
}

fn new_metadata(known: &str, given: Map<String, Value>, merges: bool) -> Result<String, Refused> {
    let mut whole = Map::new();
    if merges {
        whole = serde_json::from_str(known).unwrap_or_default();
    }
    merge(&mut whole, given);
    fields::metadata(whole)
}

/// Objects are merged field by field, everything else is replaced. No deeper than a body is.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(given)) => merge(known, given),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

impl Batch {
    /// Its status as `/v2` has it.
    #[must_use]
    pub fn genai_status(&self) -> &str {
        self.halted.as_deref().unwrap_or(&self.status)
    }

    /// Whether it was given up for good.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.halted.as_deref() == Some(CANCELLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_is_replaced_or_merged_deeply() {
        let given = json!({"a": {"c": 2}, "d": [1]});
        let Value::Object(given) = given else {
            panic!()
        };
        let known = r#"{"a": {"b": 1}, "d": {"e": 1}}"#;
        let merged: Value =
            serde_json::from_str(&new_metadata(known, given.clone(), true).unwrap()).unwrap();
        assert_eq!(merged, json!({"a": {"b": 1, "c": 2}, "d": [1]}));
        let replaced: Value =
            serde_json::from_str(&new_metadata(known, given, false).unwrap()).unwrap();
        assert_eq!(replaced, json!({"a": {"c": 2}, "d": [1]}));
    }
}
