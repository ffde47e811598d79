//! What keeps others out: every page for every role, where changes come from, whose things
//! they are about, and what browsers are told.

use crate::support::app::{START_MS, TEAM, TestApp};
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use ringback::access::{Action, Actor, Role, TeamRules, permits};
use ringback::api::table::{Route, Table};
use ringback::callback::Mode;
use ringback::dashboard;
use serde_json::json;
use tower_service::Service;

const RULES: TeamRules = TeamRules {
    members_use_keys: true,
};

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
    csrf: String,
}

impl<'a> Browser<'a> {
    async fn of(app: &'a TestApp, user: &str) -> Self {
        let token = app.session_of(user).await;
        let person = app.app.records.person_of(&token, START_MS).await.unwrap();
        let session = person.unwrap().session;
        Self {
            app,
            csrf: app.app.records.digest(&format!("csrf|{session}")),
            token,
        }
    }

    async fn send(&self, method: &Method, path: &str, body: &str, site: &str) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", format!("__Host-ringback={}", self.token))
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let mut routes = dashboard::routes(self.app.app.clone());
        routes.call(request).await.unwrap()
    }

    async fn status(&self, method: &Method, path: &str) -> u16 {
        let body = format!("csrf={}&verdict=accept", self.csrf);
        let answer = self.send(method, path, &body, "same-origin").await;
        answer.status().as_u16()
    }
}

fn pages(app: &TestApp) -> Vec<Route> {
    let table = dashboard::pages(Table::new(app.app.clone()));
    let routes = table.routes().to_vec();
    assert!(routes.len() > 30, "the table is empty");
    routes
}

/// The path with something in its placeholder that nobody has.
fn path(route: &Route) -> String {
    let Some(start) = route.path.find('{') else {
        return route.path.to_owned();
    };
    let end = start + route.path[start..].find('}').unwrap() + 1;
    let nobodys = if route.path.contains("/secrets/") {
        "live"
    } else {
        "018bcfe5-6800-7002-a9e2-417c6cdf481f"
    };
    format!("{}{nobodys}{}", &route.path[..start], &route.path[end..])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_access_permits_and_nobody_more_than_the_door() {
    let app = TestApp::with(|config| config.api.caller_requests_burst = 100_000).await;
    for role in Role::ALL {
        let user = app.joins(TEAM, &format!("{role:?}@x.test"), role).await;
        for route in pages(&app) {
            if route.action == Action::Knock {
                continue;
            }
            // A session each: some pages end it.
            let browser = Browser::of(&app, &user).await;
            let status = browser.status(&route.method, &path(&route)).await;
            let may = permits(Actor::Person(role), route.action, RULES);
            let case = format!("{} {} as {role:?}: {status}", route.method, route.path);
            assert_eq!(status == 403, !may, "{case}");
            assert!(status < 500, "{case}");
            let is_about_nothing = route.path.contains('{') && !route.path.contains("/secrets/");
            assert!(!may || !is_about_nothing || status == 404, "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_is_sent_to_the_door() {
    let app = TestApp::start().await;
    let key = app
        .app
        .records
        .add_api_key(TEAM, Mode::Live, 1)
        .await
        .unwrap();
    for route in pages(&app) {
        if route.action == Action::Knock {
            continue;
        }
        for secret in [None, Some(key.as_str()), Some("rb_session_unknown")] {
            let mut request = Request::builder().method(&route.method).uri(path(&route));
            if let Some(secret) = secret {
                request = request
                    .header("authorization", format!("Bearer {secret}"))
                    .header("cookie", format!("__Host-ringback={secret}"));
            }
            let mut routes = dashboard::routes(app.app.clone());
            let answer = routes
                .call(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", route.path);
            let place = answer.headers()["location"].to_str().unwrap();
            assert!(place.starts_with("/dashboard/sign-in"), "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_forms_own_token_and_must_come_from_here() {
    let app = TestApp::start().await;
    let user = app.joins(TEAM, "ana@x.test", Role::Admin).await;
    let other = app.joins("team_x", "eve@x.test", Role::Admin).await;
    let browser = Browser::of(&app, &user).await;
    let evil = Browser::of(&app, &other).await;
    let keys = async || app.app.records.listed_api_keys(TEAM).await.unwrap().len();
    let form = |csrf: &str| format!("mode=live&csrf={csrf}");
    for (body, site) in [
        (form(&browser.csrf), "cross-site"),
        (form(&browser.csrf), "same-site"),
        (form(&evil.csrf), "same-origin"),
        (form(""), "same-origin"),
        ("mode=live".to_owned(), "same-origin"),
    ] {
        let answer = browser.send(&Method::POST, "/dashboard/keys", &body, site);
        let status = answer.await.status();
        assert!(
            matches!(status.as_u16(), 400 | 403),
            "{body} {site}: {status}"
        );
        assert_eq!(keys().await, 0);
    }
    let body = form(&browser.csrf);
    let answer = browser.send(&Method::POST, "/dashboard/keys", &body, "same-origin");
    assert_eq!(answer.await.status(), StatusCode::SEE_OTHER);
    assert_eq!(keys().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_teams_callbacks_and_keys_are_not_there() {
    let app = TestApp::start().await;
    let id = app
        .submit("e1", json!({"callback_url": "https://x.test/"}))
        .await;
    let key = app
        .app
        .records
        .add_api_key(TEAM, Mode::Live, 1)
        .await
        .unwrap();
    let key = app.app.records.key_owner(&key).await.unwrap().unwrap().id;
    app.app
        .records
        .add_team("team_x", "X", START_MS)
        .await
        .unwrap();
    let eve = app.joins("team_x", "eve@x.test", Role::Admin).await;
    let eve = Browser::of(&app, &eve).await;
    for (method, path) in [
        (Method::GET, format!("/dashboard/callbacks/{id}")),
        (Method::GET, format!("/dashboard/callbacks/{id}/follow")),
        (Method::POST, format!("/dashboard/callbacks/{id}/resend")),
        (Method::POST, format!("/dashboard/keys/{key}/reveal")),
        (Method::POST, format!("/dashboard/keys/{key}/delete")),
    ] {
        assert_eq!(eve.status(&method, &path).await, 404, "{path}");
    }
    let list = eve
        .send(&Method::GET, "/dashboard/callbacks", "", "none")
        .await;
    let page = list.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("No callbacks yet") && !page.contains("task-e1"));
}

/// What receivers answer and producers send is text on a page, never markup.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_shown_as_text() {
    let app = TestApp::start().await;
    let evil = "<script>alert(1)</script>";
    app.submit("e1", json!({"task_id": evil, "response": {"x": evil}}))
        .await;
    let user = app.joins(TEAM, "ana@x.test", Role::Admin).await;
    let browser = Browser::of(&app, &user).await;
    let list = browser
        .send(&Method::GET, "/dashboard/callbacks", "", "none")
        .await;
    let headers = list.headers().clone();
    let page = list.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(!page.contains(evil));
    assert!(
        page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"),
        "{page}"
    );
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(page.len() < 50_000);
}
