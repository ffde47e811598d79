//! The operator's port: metrics, liveness, readiness, what is logged.

use crate::app::App;
use crate::folder;
use crate::metrics::family::IntGauge;
use crate::metrics::labels::{LaneState, Place};
use crate::queue::{Depths, LaneCounts};
use crate::telemetry::LogFilter;
use axum::extract::State;
use axum::http::StatusCode;
use std::time::Duration;

/// A queue that does not answer within this is out of reach: a scrape must not wait for it.
const QUEUE_PATIENCE: Duration = Duration::from_millis(500);

/// The Prometheus text exposition. Depths are read from the queue at this moment, and cost
/// the same for any number of callbacks and lanes; no table is read.
pub(super) async fn metrics(State(app): State<App>) -> String {
    let asked = async { (app.queue.depths().await, app.queue.lanes().await) };
    let asked = tokio::time::timeout(QUEUE_PATIENCE, asked).await;
    let is_reachable = if let Ok((Ok(depths), Ok(lanes))) = asked {
        show_queue(&app, &depths, &lanes);
        true
    } else {
        false
    };
    let metrics = &app.metrics;
    metrics.queue_reachable.set(i64::from(is_reachable));
    if let Some((free, all)) = folder::room(&app.config.data.dir) {
        metrics.data_disk_free_bytes.set(rough(free));
        metrics.data_disk_bytes.set(rough(all));
    }
    metrics.to_text(app.config.operator.teams_named_max)
}

fn show_queue(app: &App, depths: &Depths, lanes: &LaneCounts) {
    let metrics = &app.metrics;
    let show = |gauge: &IntGauge, n: u64| gauge.set(n.cast_signed());
    for (place, n) in [
        (Place::Ready, depths.ready),
        (Place::Scheduled, depths.scheduled),
        (Place::Leased, depths.leased),
        (Place::Waiting, depths.waiting),
        (Place::Held, depths.held),
    ] {
        show(metrics.queue_depth.of(place), n);
    }
    for (state, n) in [
        (LaneState::Open, lanes.open),
        (LaneState::Throttled, lanes.throttled),
        (LaneState::Parked, depths.lanes_parked),
    ] {
        show(metrics.lanes.of(state), n);
    }
    show(&metrics.lanes_known, lanes.known);
    show(&metrics.lane_windows, lanes.windows);
    let now = app.clock.now();
    let age = depths.oldest_due.map_or(0, |due| now.saturating_sub(due));
    let age = Duration::from_millis(age).as_secs_f64();
    metrics.queue_oldest_due_seconds.set(age);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody asks for the last byte of a disk"
)]
fn rough(bytes: u64) -> f64 {
    bytes as f64
}

/// What is logged.
pub(super) async fn log_filter(State(log): State<LogFilter>) -> String {
    log.shown() + "\n"
}

/// Logs what the body says from now on, until it is changed again or the process ends.
pub(super) async fn change_log_filter(
    State(log): State<LogFilter>,
    filter: String,
) -> (StatusCode, String) {
    match log.change(filter.trim()) {
        Ok(()) => {
            let shown = log.shown();
            tracing::info!(filter = shown, "the log's filter was changed");
            (StatusCode::OK, shown + "\n")
        }
        Err(reason) => (StatusCode::BAD_REQUEST, reason + "\n"),
    }
}

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The gateway takes results: its journal answers and it is not stopping.
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.shutdown.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match app.journal.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the journal does not answer\n",
        ),
    }
}
