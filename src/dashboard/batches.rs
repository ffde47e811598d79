//! The team's batches and how far each is.

use crate::api::callbacks::read_query;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::moment;
use crate::dashboard::world::Side;
use crate::records::batches::{Batch, BatchFilter, COMPLETED};
use crate::records::tasks::PENDING;
use crate::records::tasks::counts::Counted;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

/// Rows of a page.
const ROWS: i64 = 50;

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

struct Row {
    batch: Batch,
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
    let mut rows = Vec::with_capacity(found.len());
    for batch in found {
        let counted = Counted::Batch(&batch.name);
        let counts = app.records.task_counts(world, counted).await?;
        let all = counts.values().sum();
        let open = counts.iter().filter(|(status, _)| *status == PENDING);
        let open: i64 = open.map(|(_, n)| n).sum();
        rows.push(Row {
            made: moment(batch.created_ms.cast_unsigned(), now),
            done: all - open,
            all,
            batch,
        });
    }
    Ok(render(&BatchesPage {
        frame: visitor.frame(Room::Batches),
        mode: side.mode().as_str(),
        rows,
        older,
    }))
}
