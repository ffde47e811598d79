//! The JSON routes as one table. Status codes live in [`error`] and the handlers only.

pub mod callbacks;
pub mod caller;
pub mod dead_letters;
pub mod error;
pub mod operator;
pub mod results;
pub mod server;
pub mod teams;

use crate::api::error::ApiError;
use crate::app::App;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

/// Largest body of every route but results, in bytes.
const SMALL_BODY_BYTES_MAX: usize = 65_536;

/// What producers and the command line call.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/internal/v1/results", post(results::accept))
        .route("/internal/v1/callbacks", get(callbacks::search))
        .route("/internal/v1/callbacks/{id}", get(callbacks::show))
        .route(
            "/internal/v1/callbacks/{id}/explain",
            get(callbacks::explain),
        )
        .route("/internal/v1/teams/{id}", get(teams::show).put(teams::put))
        .route(
            "/internal/v1/teams/{id}/projects/{name}",
            put(teams::put_project),
        )
        .route(
            "/internal/v1/teams/{id}/endpoints/resume",
            post(teams::resume_endpoint),
        )
        .route("/internal/v1/dead-letters", get(dead_letters::list))
        .route(
            "/internal/v1/dead-letters/replay",
            post(dead_letters::replay),
        )
        .route(
            "/internal/v1/dead-letters/drop",
            post(dead_letters::discard),
        )
        .fallback(|| async { ApiError::NotFound("route") })
        .layer(from_fn_with_state(app.clone(), count))
        .layer(DefaultBodyLimit::max(SMALL_BODY_BYTES_MAX))
        .with_state(app)
}

/// What Prometheus, the load balancer and the command line call, on the operator's
/// port: no keys.
pub fn operator_routes(app: App) -> Router {
    Router::new()
        .route("/metrics", get(operator::metrics))
        .route("/healthz", get(operator::healthz))
        .route("/readyz", get(operator::readyz))
        .route("/callbacks/{id}/explain", get(operator::explain))
        .with_state(app)
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await.into_response();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let class = match response.status().as_u16() / 100 {
        2 => "2xx",
        4 => "4xx",
        _ => "5xx",
    };
    app.metrics
        .api_requests_total
        .with_label_values(&[route, class])
        .inc();
    response
}
