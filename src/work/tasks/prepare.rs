//! The row of a new task: what its request says, and what its batch and project lend it.

use crate::app::App;
use crate::records::projects::{CALLBACK_URL, Params, Project};
use crate::records::tasks::Task;
use crate::records::world::World;
use crate::work::fields::TaskFields;
use crate::work::rules::refuse;
use crate::work::tasks::blank;
use crate::work::{WorkError, required};
use serde_json::{Map, Value};

/// The row of a task: what it says itself, and what its batch and project lend it.
pub(super) async fn prepare(
    app: &App,
    world: World<'_>,
    kind: &str,
    fields: TaskFields,
) -> Result<Task, WorkError> {
    let project = project_of(app, world, &fields).await?;
    if let Some((project, _)) = &project
        && project.is_staging != 0
        && fields.batch.is_none()
    {
        return Ok(refuse("batch", "is required in this project")?);
    }
    let mut params = fields.params;
    let mut instruction = fields.instruction;
    if let Some((_, Some(inherited))) = &project {
        inherit(inherited.object(), &mut params, &mut instruction);
    }
    required::check(kind, &params)?;
    let (name, version) = match project {
        Some((project, params)) => (Some(project.name), params.map(|it| it.version)),
        None => (None, None),
    };
    Ok(Task {
        kind: kind.to_owned(),
        project: name,
        project_version: version,
        batch: fields.batch,
        unique_id: fields.unique_id,
        clears_unique_id: i64::from(fields.clears_unique_id),
        callback_url: fields.callback_url,
        instruction: instruction.unwrap_or_default(),
        params: Value::Object(params).to_string(),
        metadata: fields.metadata,
        tags: Value::from(fields.tags).to_string(),
        priority: fields.priority,
        ..blank(world.team, world.mode, app.clock.now())
    })
}

/// The project that is named or follows from the batch, and the params that are inherited.
async fn project_of(
    app: &App,
    world: World<'_>,
    fields: &TaskFields,
) -> Result<Option<(Project, Option<Params>)>, WorkError> {
    let mut name = fields.project.clone();
    if let Some(batch) = &fields.batch {
        let Some(batch) = app.records.batch(world, batch).await? else {
            return Ok(refuse("batch", "names no batch of this account and mode")?);
        };
        if name.as_ref().is_some_and(|name| *name != batch.project) {
            let reason = format!("must be {:?}, as the batch is of it", batch.project);
            return Ok(refuse("project", reason)?);
        }
        name = Some(batch.project);
    }
    let Some(name) = name else {
        return Ok(None);
    };
    let version = fields.project_version;
    let Some((project, params)) = app.records.project_at(world, &name, version).await? else {
        return Ok(refuse(
            "project",
            "names no project of this account and mode",
        )?);
    };
    if params.is_none() && version != Some(-1) {
        return Ok(refuse(
            "project_version",
            "is no version of the project's params",
        )?);
    }
    Ok(Some((project, params)))
}

/// The task's own values win; the project's instruction comes after the task's.
fn inherit(
    inherited: Map<String, Value>,
    params: &mut Map<String, Value>,
    instruction: &mut Option<String>,
) {
    for (key, value) in inherited {
        match (key.as_str(), value) {
            // Looked up when a callback goes, so that a later one counts.
            (CALLBACK_URL, _) => {}
            ("instruction", Value::String(text)) => {
                *instruction = Some(match instruction.take() {
                    Some(own) => format!("{own}\n\n{text}"),
                    None => text,
                });
            }
            (_, value) => {
                params.entry(key).or_insert(value);
            }
        }
    }
}
