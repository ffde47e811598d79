//! The team's batches: how far each is, and one with its tasks and its own callback.

use crate::api::callbacks::read_query;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::State as CallbackState;
use crate::dashboard::callbacks::Shown;
use crate::dashboard::page::{Frame, Room, Visitor, pretty, render};
use crate::dashboard::tasks;
use crate::dashboard::times::moment;
use crate::dashboard::world::Side;
use crate::journal::{Detail, Search};
use crate::records::batches::{Batch, BatchFilter};
use crate::records::tasks::counts::ByStatus;
use crate::records::tasks::list::TaskFilter;
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING};
use crate::work::batches as work;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// Rows of a page.
const ROWS: i64 = 50;
/// Tasks on the page of one batch; the list of tasks has them all.
const TASKS_SHOWN: usize = 10;
/// A batch that gets tasks again is completed again.
const CALLBACKS_SHOWN: u32 = 10;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Position {
    #[serde(default)]
    mode: String,
    /// The last one of the page before.
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "batches.html")]
struct BatchesPage {
    frame: Frame,
    mode: &'static str,
    rows: Vec<Row>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "batch.html")]
struct BatchPage {
    frame: Frame,
    mode: &'static str,
    row: Row,
    counts: [(&'static str, i64); 4],
    completed: Option<String>,
    metadata: Option<String>,
    tasks: Vec<tasks::Row>,
    callbacks: Vec<OwnCallback>,
}

/// A callback about the batch itself.
struct OwnCallback {
    id: String,
    accepted: String,
    state: CallbackState,
}

struct Row {
    batch: Batch,
    /// Its name as one segment of a path.
    path: String,
    made: String,
    done: i64,
    all: i64,
}

impl Row {
    fn colour(&self) -> &'static str {
        if self.batch.status == COMPLETED {
            "good"
        } else {
            "busy"
        }
    }
}

pub(super) async fn list(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Position>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let position = read_query(query)?;
    if position.before.contains('\0') {
        return Err(ApiError::NotFound("batch"));
    }
    let side = Side::of(&position.mode);
    let world = side.world(&visitor);
    let below = Some(position.before).filter(|id| !id.is_empty());
    let filter = BatchFilter {
        below_id: below.into_iter().collect(),
        ..BatchFilter::default()
    };
    let mut found = app.records.batches(world, &filter, (0, ROWS + 1)).await?;
    let has_more = found.len() > usize::try_from(ROWS).unwrap_or(usize::MAX);
    if has_more {
        found.pop();
    }
    let older = found.last().filter(|_| has_more).map(|it| it.id.clone());
    let now = app.clock.now();
    let names: Vec<_> = found.iter().map(|batch| batch.name.as_str()).collect();
    let mut counts = app.records.batch_counts(world, &names).await?;
    let rows = found.into_iter().map(|batch| {
        let counts = counts.remove(&batch.name).unwrap_or_default();
        row(batch, &counts, now)
    });
    Ok(render(&BatchesPage {
        frame: visitor.frame(Room::Batches),
        mode: side.mode().as_str(),
        rows: rows.collect(),
        older,
    }))
}

fn row(batch: Batch, counts: &ByStatus, now: u64) -> Row {
    let all: i64 = counts.values().sum();
    let open = counts.get(PENDING).copied().unwrap_or(0);
    Row {
        made: moment(batch.created_ms.cast_unsigned(), now),
        path: utf8_percent_encode(&batch.name, NON_ALPHANUMERIC).to_string(),
        done: all - open,
        all,
        batch,
    }
}

/// One batch: how far it is, its first tasks, and its own callback.
pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
    Query(side): Query<Side>,
) -> Result<Html<String>, ApiError> {
    let world = side.world(&visitor);
    let (batch, counts) = work::status(&app, world, &name).await?;
    let now = app.clock.now();
    let tasks = TaskFilter {
        batch: Some(name),
        ..TaskFilter::default()
    };
    let page = (0, TASKS_SHOWN);
    let tasks = app.records.task_page(world, &tasks, None, page).await?;
    // What is sent about a batch has its id where a task's stands.
    let search = Search {
        team: Some(visitor.team.to_string()),
        task: Some(batch.id.clone()),
        limit: CALLBACKS_SHOWN,
        ..Search::default()
    };
    let callbacks = app.journal.search(&search).await?;
    let callback = |detail: Detail| OwnCallback {
        accepted: moment(detail.callback.id.accepted_ms(), now),
        id: detail.callback.id.to_string(),
        state: detail.state,
    };
    let told = batch.completed_ms.map(|at| moment(at.cast_unsigned(), now));
    Ok(render(&BatchPage {
        frame: visitor.frame(Room::Batches),
        mode: side.mode().as_str(),
        counts: [PENDING, COMPLETED, CANCELED, ERROR]
            .map(|status| (status, counts.get(status).copied().unwrap_or(0))),
        completed: told,
        metadata: Some(pretty(&batch.metadata)).filter(|text| text != "{}"),
        tasks: tasks
            .into_iter()
            .map(|task| tasks::row(task, now))
            .collect(),
        callbacks: callbacks.into_iter().map(callback).collect(),
        row: row(batch, &counts, now),
    }))
}
