//! Who changed what in the team: the audit log, newest first.

use crate::api::callbacks::read_query;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::moment;
use crate::records::audit::{AuditEntry, AuditRow};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Position {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<i64>,
}

struct Row {
    at: String,
    entry: AuditEntry,
}

impl Row {
    fn is_done(&self) -> bool {
        self.entry.status < 400
    }
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Position>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let before = read_query(query)?.before;
    let found = app
        .records
        .audit_before(&visitor.team, before, ROWS)
        .await?;
    let is_full = found.len() == ROWS as usize;
    let older = found.last().map(|row| row.seq).filter(|_| is_full);
    let now = app.clock.now();
    let row = |AuditRow { entry, .. }| Row {
        at: moment(entry.at, now),
        entry,
    };
    Ok(render(&AuditPage {
        frame: visitor.frame(Room::Audit),
        rows: found.into_iter().map(row).collect(),
        older,
    }))
}
