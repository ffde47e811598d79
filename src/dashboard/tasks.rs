//! The team's tasks: seen, and audited.

use crate::access::Action;
use crate::api::callbacks::read_query;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, pretty, render};
use crate::dashboard::times::moment;
use crate::dashboard::world::Side;
use crate::records::tasks::list::{Cursor, TaskFilter, Total};
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING, Task};
use crate::work::WorkError;
use crate::work::tasks as work;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Rows of a page.
const ROWS: usize = 50;

/// What the list is narrowed to; empty text means anything.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    batch: String,
    /// The last one of the page before.
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    frame: Frame,
    filter: Filter,
    mode: &'static str,
    statuses: [&'static str; 4],
    rows: Vec<Row>,
    total: String,
    older: Option<String>,
}

pub(super) struct Row {
    pub(super) id: String,
    pub(super) created: String,
    pub(super) kind: String,
    pub(super) project: String,
    pub(super) status: String,
    pub(super) review: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    mode: &'static str,
    created: String,
    completed: Option<String>,
    params: String,
    response: Option<String>,
    audits: Vec<Judgement>,
    may_audit: bool,
    wrong: Wrong,
    task: Task,
}

/// An audit as written down.
#[derive(Deserialize)]
struct Judgement {
    #[serde(default)]
    audited_by: String,
    #[serde(default)]
    audited_at: String,
    #[serde(default)]
    audit_result: String,
    #[serde(default)]
    comments: Option<String>,
}

/// The colour of a status.
fn colour(status: &str) -> &'static str {
    match status {
        COMPLETED => "good",
        ERROR => "bad",
        PENDING => "busy",
        _ => "",
    }
}

impl Row {
    pub(super) fn colour(&self) -> &'static str {
        colour(&self.status)
    }
}

impl TaskPage {
    fn colour(&self) -> &'static str {
        colour(&self.task.status)
    }
}

impl Filter {
    fn tasks(&self) -> TaskFilter {
        let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        TaskFilter {
            status: set(&self.status),
            project: set(&self.project),
            batch: set(&self.batch),
            ..TaskFilter::default()
        }
    }

    fn is_empty(&self) -> bool {
        [&self.status, &self.project, &self.batch, &self.before]
            .iter()
            .all(|text| text.trim().is_empty())
    }

    /// The address of the page that begins below this task.
    fn older(&self, last: &Task) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("mode", self.mode.as_str()),
                ("status", self.status.trim()),
                ("project", self.project.trim()),
                ("batch", self.batch.trim()),
                ("before", last.id.as_str()),
            ])
            .finish()
    }
}

pub(super) async fn list(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let filter = read_query(query)?;
    if [
        &filter.status,
        &filter.project,
        &filter.batch,
        &filter.before,
    ]
    .iter()
    .any(|text| text.contains('\0'))
    {
        return Err(ApiError::NotFound("task"));
    }
    let side = Side::of(&filter.mode);
    let world = side.world(&visitor);
    let tasks = filter.tasks();
    let cursor = Some(filter.before.clone()).filter(|id| !id.is_empty());
    let cursor = cursor.map(|id| Cursor { at: 0, id });
    let page = app
        .records
        .task_page(world, &tasks, cursor.as_ref(), (0, ROWS + 1));
    let mut found = page.await?;
    let total = match app.records.task_total(world, &tasks).await? {
        Total::Exactly(total) => total.to_string(),
        Total::AtLeast(total) => format!("more than {total}"),
    };
    let has_more = found.len() > ROWS;
    found.truncate(ROWS);
    let older = found.last().filter(|_| has_more);
    let older = older.map(|last| filter.older(last));
    let now = app.clock.now();
    Ok(render(&TasksPage {
        frame: visitor.frame(Room::Tasks),
        mode: side.mode().as_str(),
        statuses: [PENDING, COMPLETED, CANCELED, ERROR],
        rows: found.into_iter().map(|task| row(task, now)).collect(),
        total,
        older,
        filter,
    }))
}

pub(super) fn row(task: Task, now: u64) -> Row {
    Row {
        created: moment(task.created_ms.cast_unsigned(), now),
        id: task.id,
        kind: task.kind,
        project: task.project.unwrap_or_default(),
        status: task.status,
        review: task.review.unwrap_or_default(),
    }
}

fn page(app: &App, visitor: &Visitor, side: &Side, task: Task, wrong: Wrong) -> TaskPage {
    let now = app.clock.now();
    TaskPage {
        frame: visitor.frame(Room::Tasks),
        mode: side.mode().as_str(),
        created: moment(task.created_ms.cast_unsigned(), now),
        completed: task.completed_ms.map(|at| moment(at.cast_unsigned(), now)),
        params: pretty(&task.params),
        response: task.response.as_deref().map(pretty),
        audits: serde_json::from_str(&task.audits).unwrap_or_default(),
        may_audit: visitor.may(Action::AuditWork) && task.status == COMPLETED,
        wrong,
        task,
    }
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(side): Query<Side>,
) -> Result<Html<String>, ApiError> {
    let task = work::get(&app, side.world(&visitor), &id).await?;
    Ok(render(&page(&app, &visitor, &side, task, Wrong::default())))
}

/// Accepts or rejects; the customer's endpoint is called back.
pub(super) async fn audit(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let side = Side::of(form.text("mode"));
    let world = side.world(&visitor);
    let mut body = Map::new();
    body.insert(
        "accepted".to_owned(),
        Value::Bool(form.text("verdict") == "accept"),
    );
    if !form.text("comments").is_empty() {
        let comments = form.text("comments").to_owned();
        body.insert("comments".to_owned(), Value::String(comments));
    }
    let wrong = match work::audit(&app, world, &id, (body, &visitor.email)).await {
        Ok(_) => {
            let mode = side.mode().as_str();
            let place = format!("/dashboard/tasks/{id}?mode={mode}");
            return Ok(Redirect::to(&place).into_response());
        }
        Err(WorkError::Refused(refused)) => Wrong::at("verdict", &refused.reason),
        Err(error) => return Err(error.into()),
    };
    let task = work::get(&app, world, &id).await?;
    let page = page(&app, &visitor, &side, task, wrong);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}
