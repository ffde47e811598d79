//! Coming in: passwords, sessions, limits, links for those who forgot; and being put out.

use crate::support::app::{Answer, TEAM, TestApp};
use crate::support::people::PASSWORD;
use ringback::access::Role;
use serde_json::{Value, json};

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.call_unknown("POST", "/account/v1/sessions", body).await
}

async fn token(app: &TestApp, email: &str) -> String {
    let answer = sign_in(app, email, PASSWORD).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["token"].as_str().unwrap().to_owned()
}

async fn me(app: &TestApp, token: &str) -> u16 {
    let me = app
        .call_as(token, "GET", "/account/v1/me", Value::Null)
        .await;
    me.status.as_u16()
}

#[tokio::test]
async fn an_unknown_address_is_answered_as_a_wrong_password() {
    let app = TestApp::start().await;
    let id = app
        .joins_with_password(TEAM, "Ana@x.test", Role::Member)
        .await;
    app.joins(TEAM, "admin@x.test", Role::Admin).await;
    let wrong = sign_in(&app, "ana@x.test", "not the password").await;
    assert_eq!(wrong.status, 401);
    let unknown = sign_in(&app, "nobody@x.test", PASSWORD).await;
    assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body));
    let token = token(&app, "ANA@x.test").await;
    assert_eq!(me(&app, &token).await, 200);
    // One who is disabled learns no more than a stranger, and is out at once.
    let admin = app.person("team_b", "b@x.test", Role::Admin).await;
    let path = format!("/account/v1/users/{id}/disable");
    let foreign = app.call_as(&admin, "POST", &path, Value::Null).await;
    assert_eq!(foreign.status, 404);
    let manager = app.person(TEAM, "manager@x.test", Role::Manager).await;
    let disabled = app.call_as(&manager, "POST", &path, Value::Null).await;
    assert_eq!(disabled.body["status"], "disabled", "{disabled:?}");
    assert_eq!(me(&app, &token).await, 401);
    let refused = sign_in(&app, "ana@x.test", PASSWORD).await;
    assert_eq!((refused.status, &refused.body), (wrong.status, &wrong.body));
    let path = path.replace("disable", "enable");
    app.call_as(&manager, "POST", &path, Value::Null).await;
    assert_eq!(sign_in(&app, "ana@x.test", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn too_many_wrong_passwords_close_the_account_for_a_while() {
    let app = TestApp::with(|config| config.account.sign_in_account_tries_max = 3).await;
    app.joins_with_password(TEAM, "ana@x.test", Role::Member)
        .await;
    app.joins_with_password(TEAM, "bo@x.test", Role::Member)
        .await;
    for _ in 0..5 {
        token(&app, "ana@x.test").await; // what is right does not count
    }
    for _ in 0..3 {
        assert_eq!(sign_in(&app, "ana@x.test", "wrong").await.status, 401);
    }
    let closed = sign_in(&app, "Ana@x.test", PASSWORD).await;
    assert_eq!(closed.status, 429, "{closed:?}");
    assert!(closed.retry_after.is_some());
    token(&app, "bo@x.test").await;
    app.clock
        .advance_ms(app.app.config.account.sign_in_window_ms);
    token(&app, "ana@x.test").await;
}

#[tokio::test]
async fn too_many_wrong_passwords_from_one_address_close_it_for_a_while() {
    let app = TestApp::with(|config| config.account.sign_in_address_tries_max = 3).await;
    app.joins_with_password(TEAM, "ana@x.test", Role::Member)
        .await;
    for n in 0..3 {
        let email = format!("guess{n}@x.test");
        assert_eq!(sign_in(&app, &email, "wrong").await.status, 401);
    }
    assert_eq!(sign_in(&app, "ana@x.test", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn sessions_are_listed_ended_and_end_by_themselves() {
    let app = TestApp::start().await;
    app.joins_with_password(TEAM, "ana@x.test", Role::Member)
        .await;
    let (one, other) = (
        token(&app, "ana@x.test").await,
        token(&app, "ana@x.test").await,
    );
    let listed = app
        .call_as(&one, "GET", "/account/v1/sessions", Value::Null)
        .await;
    let sessions = listed.body.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let theirs = sessions
        .iter()
        .find(|session| session["is_current"] == false);
    let path = format!(
        "/account/v1/sessions/{}",
        theirs.unwrap()["session_id"].as_str().unwrap()
    );
    let stranger = app.person(TEAM, "bo@x.test", Role::Admin).await;
    let foreign = app.call_as(&stranger, "DELETE", &path, Value::Null).await;
    assert_eq!(foreign.status, 404);
    let ended = app.call_as(&one, "DELETE", &path, Value::Null).await;
    assert_eq!(ended.status, 204);
    assert_eq!((me(&app, &one).await, me(&app, &other).await), (200, 401));
    let current = "/account/v1/sessions/current";
    let out = app.call_as(&one, "DELETE", current, Value::Null).await;
    assert_eq!(out.status, 204);
    assert_eq!(me(&app, &one).await, 401);
    let third = token(&app, "ana@x.test").await;
    app.clock
        .advance_ms(app.app.config.account.session_valid_ms());
    assert_eq!(me(&app, &third).await, 401);
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let app = TestApp::start().await;
    app.joins_with_password(TEAM, "ana@x.test", Role::Member)
        .await;
    let (one, other) = (
        token(&app, "ana@x.test").await,
        token(&app, "ana@x.test").await,
    );
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        app.call_as(&one, "PUT", "/account/v1/me/password", body)
            .await
    };
    let wrong = change("not this one", "a brand new one").await;
    assert_eq!(wrong.body["error"]["field"], "current_password");
    let weak = change(PASSWORD, "short").await;
    assert_eq!(weak.body["error"]["field"], "new_password");
    assert_eq!(change(PASSWORD, "a brand new one").await.status, 204);
    assert_eq!((me(&app, &one).await, me(&app, &other).await), (401, 401));
    assert_eq!(sign_in(&app, "ana@x.test", PASSWORD).await.status, 401);
    assert_eq!(
        sign_in(&app, "ana@x.test", "a brand new one").await.status,
        201
    );
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_through_a_mailed_link() {
    let app = TestApp::start().await;
    app.joins_with_password(TEAM, "ana@x.test", Role::Member)
        .await;
    let session = token(&app, "ana@x.test").await;
    let ask = async |email: &str| {
        let body = json!({"email": email});
        app.call_unknown("POST", "/account/v1/password-resets", body)
            .await
    };
    let unknown = ask("nobody@x.test").await;
    let known = ask("ana@x.test").await;
    assert_eq!((known.status.as_u16(), &known.body), (202, &unknown.body));
    // Written after the answer: that is the point.
    let mail = loop {
        if let Some(mail) = app.mails().await.pop() {
            break mail;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(mail.to, "ana@x.test");
    let link = mail.token("reset-password");
    let reset = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        app.call_unknown("POST", "/account/v1/password-resets/accept", body)
            .await
            .status
    };
    assert_eq!(reset(&link, "short").await, 400);
    assert_eq!(reset("rb_reset_x", "a brand new one").await, 400);
    assert_eq!(reset(&link, "a brand new one").await, 204);
    assert_eq!(reset(&link, "yet another one").await, 400);
    assert_eq!(me(&app, &session).await, 401);
    assert_eq!(
        sign_in(&app, "ana@x.test", "a brand new one").await.status,
        201
    );
    for _ in 0..2 {
        assert_eq!(ask("ana@x.test").await.status, 202);
    }
    assert_eq!(ask("ana@x.test").await.status, 429);
}

#[tokio::test]
async fn roles_change_for_all_but_the_admin() {
    let app = TestApp::start().await;
    let admin_id = app.joins(TEAM, "admin@x.test", Role::Admin).await;
    let manager = app.person(TEAM, "manager@x.test", Role::Manager).await;
    let ana_id = app.joins(TEAM, "ana@x.test", Role::Member).await;
    let ana = app.session_of(&ana_id).await;
    let set = async |id: &str, role: &str| {
        let path = format!("/account/v1/users/{id}/role");
        app.call_as(&manager, "PUT", &path, json!({"role": role}))
            .await
    };
    assert_eq!(set(&ana_id, "admin").await.status, 400);
    assert_eq!(set(&admin_id, "member").await.status, 400);
    assert_eq!(set("nobody", "member").await.status, 404);
    assert_eq!(set(&ana_id, "manager").await.body["role"], "manager");
    assert_eq!(
        me(&app, &ana).await,
        401,
        "a role is changed: sign in again"
    );
    for (method, path) in [
        ("POST", format!("/account/v1/users/{admin_id}/disable")),
        ("DELETE", format!("/account/v1/users/{admin_id}")),
    ] {
        let refused = app.call_as(&manager, method, &path, Value::Null).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let path = format!("/account/v1/users/{ana_id}");
    let removed = app.call_as(&manager, "DELETE", &path, Value::Null).await;
    assert_eq!(removed.status, 204);
    let again = app.call_as(&manager, "DELETE", &path, Value::Null).await;
    assert_eq!(again.status, 404);
    let users = app
        .call_as(&manager, "GET", "/account/v1/users", Value::Null)
        .await;
    assert_eq!(users.body.as_array().unwrap().len(), 2);
}
