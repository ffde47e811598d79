//! Batches, as customers make and end them.

use crate::app::App;
use crate::records::RecordsError;
use crate::records::batches::{Batch, BatchFilter, IN_PROGRESS, STAGING};
use crate::records::tasks::counts::{ByStatus, Counted};
use crate::records::world::{World, new_id};
use crate::work::WorkError;
use crate::work::fields::{Fields, metadata};
use crate::work::outbox;
use crate::work::rules::{Refused, refuse};
use serde_json::{Map, Value};

/// Makes a batch of a project.
///
/// # Errors
/// [`WorkError::Taken`] when the name is taken in this world.
pub async fn create(
    app: &App,
    world: World<'_>,
    body: Map<String, Value>,
) -> Result<Batch, WorkError> {
    create_staged(app, world, body, false).await
}

/// As [`create`]; with `staged`, it begins in staging whatever its project says.
///
/// # Errors
/// [`WorkError::Taken`] when the name is taken in this world.
pub async fn create_staged(
    app: &App,
    world: World<'_>,
    body: Map<String, Value>,
    staged: bool,
) -> Result<Batch, WorkError> {
    let mut fields = Fields(body);
    let Some(project) = fields.name("project")? else {
        return Ok(refuse("project", "is required")?);
    };
    let Some(name) = fields.name("name")? else {
        return Ok(refuse("name", "is required")?);
    };
    let callback_url = fields.target("callback", &app.guard)?;
    let metadata = metadata(fields.object("metadata")?.unwrap_or_default())?;
    let mut flags = Map::new();
    for flag in ["calibration_batch", "self_label_batch"] {
        if fields.flag(flag)? {
            flags.insert(flag.to_owned(), Value::Bool(true));
        }
    }
    let Some((project, _)) = app.records.project_at(world, &project, None).await? else {
        return Ok(refuse(
            "project",
            "names no project of this account and mode",
        )?);
    };
    let now = app.clock.now();
    let is_staging = project.is_staging.max(i64::from(staged));
    let status = if is_staging != 0 {
        STAGING
    } else {
        IN_PROGRESS
    };
    let batch = Batch {
        id: new_id(now, rand::random()),
        team_id: world.team.to_owned(),
        mode: world.mode.as_str().to_owned(),
        name,
        project: project.name,
        status: status.to_owned(),
        is_staging,
        callback_url,
        metadata,
        flags: Value::Object(flags).to_string(),
        events: 0,
        created_ms: now.cast_signed(),
        completed_ms: None,
        halted: None,
    };
    match app.records.add_batch(&batch).await {
        Ok(()) => Ok(batch),
        Err(RecordsError::Exists(_)) => Err(WorkError::Taken(Refused {
            field: "name",
            reason: format!("{:?} is the name of another batch", batch.name),
        })),
        Err(error) => Err(error.into()),
    }
}

/// One batch.
///
/// # Errors
/// [`WorkError::Missing`] when there is none of this name.
pub async fn get(app: &App, world: World<'_>, name: &str) -> Result<Batch, WorkError> {
    let batch = app.records.batch(world, name).await?;
    batch.ok_or(WorkError::Missing("batch"))
}

/// One batch with its tasks by status.
///
/// # Errors
/// [`WorkError::Missing`] when there is none of this name.
pub async fn status(
    app: &App,
    world: World<'_>,
    name: &str,
) -> Result<(Batch, ByStatus), WorkError> {
    let batch = get(app, world, name).await?;
    let counts = app.records.task_counts(world, Counted::Batch(name)).await?;
    Ok((batch, counts))
}

/// One page of batches, newest first, and how many there are in all.
///
/// # Errors
/// [`WorkError::Records`] when the records do not answer.
pub async fn list(
    app: &App,
    world: World<'_>,
    filter: &BatchFilter,
    page: (i64, i64),
) -> Result<(Vec<Batch>, i64), WorkError> {
    let total = app.records.batch_total(world, filter).await?;
    Ok((app.records.batches(world, filter, page).await?, total))
}

/// Ends a batch's staging. A batch that has none is as it should be.
///
/// # Errors
/// [`WorkError::Refused`] when it was finalized before.
pub async fn finalize(app: &App, world: World<'_>, name: &str) -> Result<Batch, WorkError> {
    let batch = get(app, world, name).await?;
    if batch.is_staging == 0 {
        return Ok(batch);
    }
    let now = app.clock.now();
    if !app.records.finalize_batch(world, name, now).await? {
        return Ok(refuse("batch", "was finalized before")?);
    }
    app.task_waits.notify_waiters();
    outbox::hand_over(app, &batch.id).await;
    get(app, world, name).await
}

/// Replaces a batch's metadata.
///
/// # Errors
/// [`WorkError::Missing`] when there is no such batch.
pub async fn set_metadata(
    app: &App,
    world: World<'_>,
    name: &str,
    body: Map<String, Value>,
) -> Result<Batch, WorkError> {
    let metadata = metadata(body)?;
    let batch = app
        .records
        .set_batch_metadata(world, name, &metadata)
        .await?;
    batch.ok_or(WorkError::Missing("batch"))
}

/// Hands over the callback of a batch that a change of its tasks may have completed.
pub(super) async fn hand_over(app: &App, world: World<'_>, name: &str) {
    match app.records.batch(world, name).await {
        Ok(Some(batch)) if batch.callback_url.is_some() => outbox::hand_over(app, &batch.id).await,
        Ok(_) => {}
        Err(error) => tracing::warn!(error = %error, "a batch's callback is left to the sweep"),
    }
}
