//! The team's audit log: who changed what, newest first. What is chained shows its hash.

use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::v1::Query;
use crate::app::App;
use crate::records::audit::AuditRow;
use crate::time::shown;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// Entries on a page.
const PAGE_MAX: u64 = 100;

/// One page.
#[derive(Serialize)]
pub(super) struct Page {
    entries: Vec<EntryView>,
    /// Pass it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<i64>,
}

#[derive(Serialize)]
struct EntryView {
    seq: i64,
    at: String,
    actor: String,
    action: String,
    target: String,
    address: String,
    status: u16,
    hash: String,
}

impl From<AuditRow> for EntryView {
    fn from(row: AuditRow) -> Self {
        let AuditRow { seq, entry, hash } = row;
        Self {
            seq,
            at: shown(entry.at),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            address: entry.address,
            status: entry.status,
            hash,
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    query: Query,
) -> Result<Json<Page>, ApiError> {
    let limit = query.number("limit", (1, PAGE_MAX), PAGE_MAX)?;
    let before = query.number(
        "before",
        (0, i64::MAX.unsigned_abs()),
        i64::MAX.unsigned_abs(),
    )?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let wanted = u32::try_from(limit).unwrap_or(u32::MAX);
    let rows = app
        .records
        .audit_before(&team, Some(before), wanted)
        .await?;
    let is_full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next_before = rows.last().map(|row| row.seq).filter(|_| is_full);
    Ok(Json(Page {
        entries: rows.into_iter().map(EntryView::from).collect(),
        next_before,
    }))
}
