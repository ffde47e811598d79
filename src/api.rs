//! The JSON routes as one table. Status codes live in [`error`] and the handlers only.

mod account;
pub(crate) mod audit;
mod body;
pub mod callbacks;
pub mod caller;
pub(crate) mod cookie;
pub mod dead_letters;
pub(crate) mod document;
pub mod error;
mod fields;
mod file_bytes;
mod forwarded;
mod invoices;
pub mod labelling;
pub mod openapi;
pub mod operator;
mod ops;
mod responses;
pub mod results;
mod scale;
pub mod server;
pub mod table;
pub mod teams;
mod v1;
mod v2;

use crate::access::Action;
use crate::api::error::ApiError;
use crate::api::openapi::Published;
use crate::api::table::Table;
use crate::app::App;
use crate::metrics::labels::Surface;
use crate::telemetry::LogFilter;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::Instant;

/// Largest body of every route but results, in bytes.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 65_536;

/// Every route with its rule.
#[must_use]
pub fn table(app: App) -> Table {
    v2::routes(v1::routes(account::add(ops(internal(Table::new(app))))))
        .get("/responses/{id}", Action::Knock, responses::show)
        .get("/openapi.json", Action::Knock, openapi::json)
        .get("/docs", Action::Knock, openapi::docs)
}

/// The labelling side's routes.
fn internal(table: Table) -> Table {
    use Action::{Labelling, Operate};
    table
        .post("/internal/v1/results", Labelling, results::accept)
        .get("/internal/v1/tasks", Labelling, labelling::feed)
        .post("/internal/v1/tasks/claim", Labelling, labelling::claim)
        .post(
            "/internal/v1/tasks/acknowledge",
            Labelling,
            labelling::acknowledge,
        )
        .get("/internal/v1/callbacks", Labelling, callbacks::search)
        .get("/internal/v1/callbacks/{id}", Labelling, callbacks::show)
        .get(
            "/internal/v1/callbacks/{id}/explain",
            Labelling,
            callbacks::explain,
        )
        .post(
            "/internal/v1/callbacks/{id}/resend",
            Operate,
            ops::resend_callback,
        )
        .post(
            "/internal/v1/callbacks/{id}/cancel",
            Operate,
            ops::cancel_callback,
        )
        .get("/internal/v1/files/{id}", Labelling, file_bytes::show)
        .get("/internal/v1/teams/{id}", Labelling, teams::show)
        .put("/internal/v1/teams/{id}", Operate, teams::put)
        .put(
            "/internal/v1/teams/{id}/projects/{name}",
            Operate,
            teams::put_project,
        )
        .post(
            "/internal/v1/teams/{id}/endpoints/resume",
            Operate,
            teams::resume_endpoint,
        )
        .get("/internal/v1/invoices/{number}", Operate, invoices::show)
        .post(
            "/internal/v1/invoices/{number}/paid",
            Operate,
            invoices::paid,
        )
        .get("/internal/v1/dead-letters", Labelling, dead_letters::list)
        .post(
            "/internal/v1/dead-letters/replay",
            Operate,
            dead_letters::replay,
        )
        .post(
            "/internal/v1/dead-letters/drop",
            Operate,
            dead_letters::discard,
        )
}

/// What operators ask and say.
fn ops(table: Table) -> Table {
    use Action::Operate;
    table
        .get("/internal/v1/status", Operate, ops::look)
        .get("/internal/v1/teams", Operate, ops::list_teams)
        .post("/internal/v1/teams", Operate, ops::create_team)
        .post(
            "/internal/v1/teams/{id}/transfer-admin",
            Operate,
            ops::transfer_admin,
        )
        .get("/internal/v1/lanes", Operate, ops::list_lanes)
        .get("/internal/v1/lanes/show", Operate, ops::show_lane)
        .post("/internal/v1/lanes/park", Operate, ops::park_lane)
        .post("/internal/v1/lanes/resume", Operate, ops::resume_lane)
        .post("/internal/v1/lanes/limit", Operate, ops::limit_lane)
        .get(
            "/internal/v1/replays/{id}",
            Operate,
            dead_letters::show_replay,
        )
}

/// What programs call, and the pages of whoever adds them to the table.
pub fn routes(app: App) -> Router {
    router(app.clone(), table(app))
}

/// A table of routes, ready to serve.
pub fn router(app: App, table: Table) -> Router {
    let published = Published::of(table.routes());
    table
        .into_router()
        .fallback(|| async { ApiError::NotFound("route") })
        .layer(Extension(published))
        .layer(from_fn(scale::shape_errors))
        .layer(from_fn_with_state(app.clone(), count))
        .layer(DefaultBodyLimit::max(SMALL_BODY_BYTES_MAX))
        .with_state(app)
}

/// What Prometheus, the load balancer and the command line call, on the operator's
/// port: no keys, and so nothing that changes a callback or a lane.
pub fn operator_routes(app: App, log: LogFilter) -> Router {
    let filter = get(operator::log_filter).put(operator::change_log_filter);
    Router::new()
        .route("/log-filter", filter.with_state(log))
        .route("/metrics", get(operator::metrics))
        .route("/healthz", get(operator::healthz))
        .route("/readyz", get(operator::readyz))
        .route("/internal/v1/status", get(ops::look))
        .route("/internal/v1/lanes", get(ops::list_lanes))
        .route("/internal/v1/lanes/show", get(ops::show_lane))
        .route("/internal/v1/callbacks", get(callbacks::search))
        .route("/internal/v1/callbacks/{id}", get(callbacks::show))
        .route(
            "/internal/v1/callbacks/{id}/explain",
            get(callbacks::explain),
        )
        .with_state(app)
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await.into_response();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let class = match response.status().as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    let metrics = &app.metrics;
    metrics.api_requests_total.of(route, class).inc();
    let took = started.elapsed().as_secs_f64();
    metrics.request_seconds.of(Surface::of(route)).observe(took);
    response
}
