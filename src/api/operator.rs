//! The operator's port: metrics, liveness, readiness, explanations.

use crate::api::callbacks::read_id;
use crate::api::error::ApiError;
use crate::app::App;
use crate::explain::{self, text};
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// The Prometheus text exposition. Depths are read from the queue at this moment.
pub(super) async fn metrics(State(app): State<App>) -> String {
    if let Ok(depths) = app.queue.depths().await {
        let places = [
            ("ready", depths.ready),
            ("scheduled", depths.scheduled),
            ("leased", depths.leased),
            ("waiting", depths.waiting),
            ("held", depths.held),
        ];
        for (place, n) in places {
            app.metrics
                .queue_depth
                .with_label_values(&[place])
                .set(n.cast_signed());
        }
        app.metrics
            .lanes_parked
            .set(depths.lanes_parked.cast_signed());
        let now = app.clock.now();
        let age = depths.oldest_due.map_or(0, |due| now.saturating_sub(due));
        app.metrics
            .queue_oldest_due_milliseconds
            .set(age.cast_signed());
    }
    app.metrics.to_text()
}

/// One callback's timeline, for `ringback callbacks explain`.
pub(super) async fn explain(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<String, ApiError> {
    let explanation = explain::explain(&app, read_id(&id)?).await?;
    let explanation = explanation.ok_or(ApiError::NotFound("callback"))?;
    Ok(text::timeline(&explanation))
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
