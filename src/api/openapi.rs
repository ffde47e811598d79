//! The API's description as OpenAPI: every route of the table, in the table's own rules, with
//! what it takes and answers. Serves it and a page that shows it; decides nothing.

mod billing;
mod describe;
mod files;
mod genai;
mod internal;
mod page;
mod people;
mod shapes;
mod studio;
mod work;

use crate::api::openapi::describe::{Described, http_method};
use crate::api::table::Route;
use axum::Extension;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, OnceLock};
use utoipa::openapi::path::{PathItem, PathsBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

/// Routes of one kind.
struct Chapter {
    name: &'static str,
    about: &'static str,
    routes: Vec<Described>,
}

fn chapters() -> Vec<Chapter> {
    let mut all = work::chapters();
    all.extend([files::chapter(), studio::chapter(), genai::chapter()]);
    all.extend(people::chapters());
    all.push(billing::chapter());
    all.extend(internal::chapters());
    all
}

/// What cannot be: a description without a route, or a route without one.
#[must_use]
pub fn strays(routes: &[Route]) -> Vec<String> {
    let described: Vec<_> = chapters()
        .into_iter()
        .flat_map(|chapter| chapter.routes)
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    let known: Vec<_> = routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let undescribed = known
        .iter()
        .filter(|name| described.iter().filter(|other| other == name).count() != 1)
        .map(|name| format!("{name} must be described once"));
    let unknown = described
        .iter()
        .filter(|name| !known.contains(name))
        .map(|name| format!("{name} is described and is no route"));
    undescribed.chain(unknown).collect()
}

/// The description of these routes.
#[must_use]
pub fn document(routes: &[Route]) -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut tags = Vec::new();
    for chapter in chapters() {
        let tag = TagBuilder::new().name(chapter.name);
        tags.push(tag.description(Some(chapter.about)).build());
        for described in chapter.routes {
            let route = routes
                .iter()
                .find(|route| route.method == described.method && route.path == described.path);
            let Some(route) = route else { continue };
            let method = http_method(&route.method);
            let operation = described.operation(route, chapter.name);
            paths = paths.path(route.path, PathItem::new(method, operation));
        }
    }
    let info = InfoBuilder::new()
        .title("Ringback")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Annotation tasks and their callbacks. Below /v1 and /v2 it is what Scale's clients \
             expect; see docs/api.md for where it differs.",
        ));
    let mut components = ComponentsBuilder::new();
    for (name, shape) in shapes::all() {
        components = components.schema(name, shape);
    }
    let components = components
        .security_scheme(
            "key",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)),
        )
        .security_scheme(
            "bearer",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .tags(Some(tags))
        .components(Some(components.build()))
        .build()
}

/// The description, made when it is first asked for.
#[derive(Clone)]
pub(super) struct Published(Arc<Made>);

struct Made {
    routes: Vec<Route>,
    texts: OnceLock<Texts>,
}

struct Texts {
    json: String,
    page: String,
}

impl Published {
    /// Of these routes.
    pub(super) fn of(routes: &[Route]) -> Self {
        Self(Arc::new(Made {
            routes: routes.to_vec(),
            texts: OnceLock::new(),
        }))
    }

    /// As JSON and as a page.
    fn texts(&self) -> &Texts {
        self.0.texts.get_or_init(|| {
            let document = document(&self.0.routes);
            Texts {
                json: document.to_json().expect("it has a JSON form"),
                page: page::page(&document),
            }
        })
    }
}

/// `GET /openapi.json`.
pub(super) async fn json(Extension(published): Extension<Published>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (
        [(header::CONTENT_TYPE, kind)],
        published.texts().json.clone(),
    )
        .into_response()
}

/// `GET /docs`: a page that needs nothing from elsewhere and runs no script.
pub(super) async fn docs(Extension(published): Extension<Published>) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 3] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (HEADERS, published.texts().page.clone()).into_response()
}
