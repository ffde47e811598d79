//! Projects, as customers make and change them.

use crate::app::App;
use crate::records::RecordsError;
use crate::records::projects::{CALLBACK_URL, Params, Project, WithHistory};
use crate::records::world::{World, new_id};
use crate::work::WorkError;
use crate::work::fields::{Fields, check_target};
use crate::work::rules::{Refused, refuse};
use serde_json::{Map, Value};

/// Types whose tasks come from templates.
const TEMPLATE_TYPES: [&str; 2] = ["textcollection", "chat"];

/// Makes a project with its first params.
///
/// # Errors
/// [`WorkError::Taken`] when the name is taken in this world.
pub async fn create(
    app: &App,
    world: World<'_>,
    body: Map<String, Value>,
) -> Result<WithHistory, WorkError> {
    let mut fields = Fields(body);
    let Some(name) = fields.name("name")? else {
        return Ok(refuse("name", "is required")?);
    };
    let Some(kind) = fields.text("type")? else {
        return Ok(refuse("type", "is required")?);
    };
    check_kind(app, "type", &kind)?;
    let params = fields.object("params")?.unwrap_or_default();
    check_params(app, &params)?;
    let mut flags = Map::new();
    let mut is_staging = false;
    for flag in ["rapid", "studio"] {
        let is_set = fields.flag(flag)?;
        is_staging |= is_set;
        if is_set {
            flags.insert(flag.to_owned(), Value::Bool(true));
        }
    }
    for text in ["datasetId", "pipeline"] {
        if let Some(value) = fields.text(text)? {
            flags.insert(text.to_owned(), Value::String(value));
        }
    }
    let now = app.clock.now();
    let project = Project {
        id: new_id(now, rand::random()),
        name,
        kind,
        flags: Value::Object(flags).to_string(),
        is_staging: i64::from(is_staging),
        archived: 0,
        created_ms: now.cast_signed(),
        version: 0,
    };
    let max = app.config.work.projects_max;
    if app.records.count_projects(world).await? >= i64::from(max) {
        let reason = format!("cannot be a project's: there are {max}, as many as may be");
        return Ok(refuse("name", reason)?);
    }
    match app.records.add_project(world, &project, &params).await {
        Ok(()) => {}
        Err(RecordsError::Exists(_)) => {
            return Err(WorkError::Taken(Refused {
                field: "name",
                reason: format!("{:?} is the name of another project", project.name),
            }));
        }
        Err(error) => return Err(error.into()),
    }
    follow_url(app, world, &params).await;
    get(app, world, &project.name).await
}

/// One project.
///
/// # Errors
/// [`WorkError::Missing`] when there is none of this name.
pub async fn get(app: &App, world: World<'_>, name: &str) -> Result<WithHistory, WorkError> {
    let project = app.records.project(world, name).await?;
    project.ok_or(WorkError::Missing("project"))
}

/// Adds a version of the params. `patch` in the body puts them over the current ones.
///
/// # Errors
/// [`WorkError::Missing`] when there is none of this name.
pub async fn set_params(
    app: &App,
    world: World<'_>,
    name: &str,
    body: Map<String, Value>,
) -> Result<WithHistory, WorkError> {
    let mut fields = Fields(body);
    let patch = fields.flag("patch")?;
    check_params(app, &fields.0)?;
    let (params, now) = (fields.0, app.clock.now());
    let set = app
        .records
        .set_project_params(world, name, (params.clone(), patch), now);
    let project = set.await?.ok_or(WorkError::Missing("project"))?;
    follow_url(app, world, &params).await;
    Ok(project)
}

/// What a template shows: the project, and its current params.
///
/// # Errors
/// [`WorkError::Refused`] for a type that has none.
pub async fn template(
    app: &App,
    world: World<'_>,
    name: &str,
) -> Result<(Project, Params), WorkError> {
    let (project, mut history) = get(app, world, name).await?;
    if !TEMPLATE_TYPES.contains(&project.kind.as_str()) {
        let reason = format!("is of type {}, which has no task templates", project.kind);
        return Ok(refuse("project", reason)?);
    }
    let params = history.pop().ok_or(WorkError::Missing("task template"))?;
    Ok((project, params))
}

/// Whether the operator offers this type of task.
///
/// # Errors
/// [`WorkError::NotOffered`], and [`WorkError::Refused`] when nobody knows the type.
pub(super) fn check_kind(app: &App, field: &'static str, kind: &str) -> Result<(), WorkError> {
    let work = &app.config.work;
    if !work.task_types.iter().any(|known| known == kind) {
        let shown: String = kind.chars().take(64).collect();
        return Ok(refuse(field, format!("{shown:?} is no type of task"))?);
    }
    if work.task_types_off.iter().any(|off| off == kind) {
        let reason = format!("{kind:?} is not enabled; ask the operator for it");
        return Err(WorkError::NotOffered(Refused { field, reason }));
    }
    Ok(())
}

fn check_params(app: &App, params: &Map<String, Value>) -> Result<(), Refused> {
    match params.get(CALLBACK_URL) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(url)) if url.is_empty() => Ok(()),
        Some(Value::String(url)) => check_target(CALLBACK_URL, url, &app.guard),
        Some(_) => refuse(CALLBACK_URL, "must be a string"),
    }
}

/// A project's new URL takes what was held, and what waits for its next attempt.
async fn follow_url(app: &App, world: World<'_>, params: &Map<String, Value>) {
    app.forget_team(world.team);
    if params.get(CALLBACK_URL).and_then(Value::as_str).is_none() {
        return;
    }
    if let Err(error) = app.release(world.team).await {
        tracing::warn!(error = %error, "held callbacks are left to the audit");
    }
}
