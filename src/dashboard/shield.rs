//! What protects every page: headers that let a browser run only our files, and the check
//! that a change was sent from a page of ours. Errors become pages; who is not signed in is
//! sent to the door.

use crate::api::error::Problem;
use crate::dashboard::page::render;
use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

/// Where pages are.
pub(super) const ROOT: &str = "/dashboard";
/// Only our own style, script and pictures; forms go only to us; nobody frames us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
}

/// Around every route: acts on pages only.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != ROOT && !path.starts_with("/dashboard/") {
        return next.run(request).await;
    }
    let is_change = !request.method().is_safe();
    let place = request.uri().path_and_query().map(ToString::to_string);
    let place = place.filter(|_| request.method() == Method::GET);
    if is_change && !is_from_us(request.headers()) {
        let message = "This change did not come from a page of this dashboard.";
        return protected(error_page(StatusCode::FORBIDDEN, "Not from here", message));
    }
    let response = next.run(request).await;
    protected(shaped(response, place.as_deref()))
}

/// Browsers say where a request comes from; one that says nothing is no browser and has no
/// cookie that somebody else could ride on.
fn is_from_us(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => {
            let origin = origin.split_once("://").map(|(_, host)| host);
            origin == Some(host)
        }
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn shaped(response: Response, place: Option<&str>) -> Response {
    let status = response.status();
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    if status == StatusCode::UNAUTHORIZED {
        return to_the_door(place);
    }
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not permitted",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        _ => "That did not work",
    };
    let message = match problem.field {
        Some(field) => format!("{field} {}", problem.message),
        None => problem.message,
    };
    let mut page = error_page(status, title, &message);
    if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    page
}

fn to_the_door(place: Option<&str>) -> Response {
    let next = place.filter(|place| *place != ROOT);
    let next = next.map(|place| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("next", place)
            .finish();
        format!("?{query}")
    });
    Redirect::to(&format!("{ROOT}/sign-in{}", next.unwrap_or_default())).into_response()
}

fn error_page(status: StatusCode, title: &str, message: &str) -> Response {
    (status, render(&ErrorPage { title, message })).into_response()
}

fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages hold what only one person may see.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_must_come_from_a_page_of_ours() {
        let check = |pairs: &[(&'static str, &'static str)], expected: bool| {
            let pairs = pairs.iter().map(|(name, value)| {
                let value = HeaderValue::from_static(value);
                (HeaderName::from_static(name), value)
            });
            assert_eq!(is_from_us(&pairs.collect()), expected);
        };
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        let host = ("host", "ringback.example:8080");
        check(&[("origin", "https://ringback.example:8080"), host], true);
        check(&[("origin", "https://evil.example"), host], false);
        check(&[("origin", "null"), host], false);
        check(&[("origin", "https://ringback.example:8080")], false);
        check(&[host], true);
    }

    #[test]
    fn the_door_leads_back_to_where_one_wanted_to_go() {
        let location = |place| {
            let response = to_the_door(place);
            response.headers()[header::LOCATION]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(location(None), "/dashboard/sign-in");
        assert_eq!(location(Some("/dashboard")), "/dashboard/sign-in");
        assert_eq!(
            location(Some("/dashboard/callbacks?state=dead&x=1")),
            "/dashboard/sign-in?next=%2Fdashboard%2Fcallbacks%3Fstate%3Ddead%26x%3D1"
        );
    }
}
