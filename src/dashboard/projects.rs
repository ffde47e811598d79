//! The team's projects: made, and their parameters edited; every version is kept.

use crate::access::Action;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, pretty, render};
use crate::dashboard::times::moment;
use crate::dashboard::world::Side;
use crate::records::projects::{Params, Project};
use crate::work::WorkError;
use crate::work::projects as work;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    frame: Frame,
    mode: &'static str,
    rows: Vec<Row>,
    types: Vec<String>,
    may_edit: bool,
    name: String,
    kind: String,
    wrong: Wrong,
}

struct Row {
    name: String,
    path: String,
    kind: String,
    made: String,
    version: i64,
}

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    frame: Frame,
    mode: &'static str,
    project: Project,
    path: String,
    versions: Vec<Version>,
    /// The current ones, or what was typed.
    params: String,
    may_edit: bool,
    wrong: Wrong,
}

/// One version of the parameters.
struct Version {
    number: i64,
    made: String,
    params: String,
}

/// A name as one segment of a path.
fn path_of(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

async fn list_page(app: &App, visitor: &Visitor, side: &Side) -> Result<ProjectsPage, ApiError> {
    let now = app.clock.now();
    let found = app
        .records
        .projects(side.world(visitor), Some(false))
        .await?;
    let row = |(project, _): (Project, Vec<Params>)| Row {
        path: path_of(&project.name),
        name: project.name,
        kind: project.kind,
        made: moment(project.created_ms.cast_unsigned(), now),
        version: project.version,
    };
    Ok(ProjectsPage {
        frame: visitor.frame(Room::Projects),
        mode: side.mode().as_str(),
        rows: found.into_iter().map(row).collect(),
        types: app.config.work.task_types.clone(),
        may_edit: visitor.may(Action::EditProjects),
        name: String::new(),
        kind: String::new(),
        wrong: Wrong::default(),
    })
}

pub(super) async fn list(
    visitor: Visitor,
    State(app): State<App>,
    Query(side): Query<Side>,
) -> Result<Html<String>, ApiError> {
    Ok(render(&list_page(&app, &visitor, &side).await?))
}

pub(super) async fn create(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let side = Side::of(form.text("mode"));
    let (name, kind) = (form.text("name").to_owned(), form.text("type").to_owned());
    let Value::Object(body) = json!({"name": name, "type": kind}) else {
        return Err(ApiError::NotFound("project"));
    };
    let wrong = match work::create(&app, side.world(&visitor), body).await {
        Ok((project, _)) => return Ok(to(&project.name, &side)),
        Err(WorkError::Refused(it) | WorkError::NotOffered(it) | WorkError::Taken(it)) => {
            Wrong::at(it.field, &it.reason)
        }
        Err(error) => return Err(error.into()),
    };
    let page = ProjectsPage {
        name,
        kind,
        wrong,
        ..list_page(&app, &visitor, &side).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

fn to(name: &str, side: &Side) -> Response {
    let (name, mode) = (path_of(name), side.mode().as_str());
    Redirect::to(&format!("/dashboard/projects/{name}?mode={mode}")).into_response()
}

async fn page(
    app: &App,
    visitor: &Visitor,
    side: &Side,
    name: &str,
) -> Result<ProjectPage, ApiError> {
    let (project, history) = work::get(app, side.world(visitor), name).await?;
    let now = app.clock.now();
    let version = |params: &Params| Version {
        number: params.version,
        made: moment(params.created_ms.cast_unsigned(), now),
        params: pretty(&params.params),
    };
    Ok(ProjectPage {
        frame: visitor.frame(Room::Projects),
        mode: side.mode().as_str(),
        path: path_of(&project.name),
        params: history
            .last()
            .map_or_else(String::new, |it| pretty(&it.params)),
        versions: history.iter().rev().map(version).collect(),
        may_edit: visitor.may(Action::EditProjects),
        wrong: Wrong::default(),
        project,
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    Query(side): Query<Side>,
) -> Result<Html<String>, ApiError> {
    Ok(render(&page(&app, &visitor, &side, &name).await?))
}

/// A new version takes the place of all parameters.
pub(super) async fn set_params(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let side = Side::of(form.text("mode"));
    let typed = form.text("params").to_owned();
    let wrong = match serde_json::from_str::<Map<String, Value>>(&typed) {
        Ok(params) => match work::set_params(&app, side.world(&visitor), &name, params).await {
            Ok(_) => return Ok(to(&name, &side)),
            Err(WorkError::Refused(it)) => {
                Wrong::at("params", &format!("{} {}", it.field, it.reason))
            }
            Err(error) => return Err(error.into()),
        },
        Err(error) => Wrong::at("params", &format!("must be a JSON object: {error}")),
    };
    let page = ProjectPage {
        params: typed,
        wrong,
        ..page(&app, &visitor, &side, &name).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}
