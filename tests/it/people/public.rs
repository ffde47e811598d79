//! `/v1/teams`, as Scale's clients use it.

use crate::support::app::{TEAM, TestApp};
use ringback::access::Role;
use ringback::callback::Mode;
use serde_json::{Value, json};

#[tokio::test]
async fn teammates_are_listed_invited_and_given_roles_with_a_key() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.joins(TEAM, "admin@x.test", Role::Admin).await;
        let now = app.clock.now();
        let key = app
            .app
            .records
            .add_api_key(TEAM, Mode::Test, now)
            .await
            .unwrap();
        let call = async |method: &str, path: &str, body: Value| {
            app.call_as(&key, method, path, body).await
        };
        let body = json!({"emails": ["ana@x.test"], "team_role": "labeler", "more": 1});
        let team = call("POST", "/v1/teams/invite", body).await;
        assert_eq!(team.status, 200, "{team:?}");
        let expected = json!([
            {"email": "admin@x.test", "role": "admin", "status": "active",
             "isStudioLabeler": false, "firstName": "", "lastName": "", "company": ""},
            {"email": "ana@x.test", "role": "labeler", "status": "invited",
             "isStudioLabeler": true, "expiry": "2023-11-15T22:13:20.000Z"},
        ]);
        assert_eq!(team.body, expected);
        let listed = call("GET", "/v1/teams", Value::Null).await;
        assert_eq!(listed.body, expected);
        let body = json!({"emails": ["ANA@x.test"], "team_role": "manager"});
        let team = call("POST", "/v1/teams/set_role", body).await;
        assert_eq!(team.body[1]["role"], "manager", "{team:?}");
        assert_eq!(app.mails().await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_in_scales_form() {
    let app = TestApp::start().await;
    app.joins(TEAM, "admin@x.test", Role::Admin).await;
    let key = app
        .app
        .records
        .add_api_key(TEAM, Mode::Live, 1)
        .await
        .unwrap();
    for (body, field) in [
        (json!({}), "emails"),
        (json!({"emails": [], "team_role": "member"}), "emails"),
        (json!({"emails": [7], "team_role": "member"}), "emails"),
        (json!({"emails": ["a@x.test"]}), "team_role"),
        (
            json!({"emails": ["a@x.test"], "team_role": "admin"}),
            "team_role",
        ),
        (
            json!({"emails": ["admin@x.test"], "team_role": "member"}),
            "emails",
        ),
        (
            json!({"emails": ["admin@x.test", "b@x.test"], "team_role": "member"}),
            "emails",
        ),
    ] {
        for path in ["/v1/teams/invite", "/v1/teams/set_role"] {
            let refused = app.call_as(&key, "POST", path, body.clone()).await;
            assert_eq!(refused.status, 400, "{path} {body}: {refused:?}");
            assert_eq!(refused.body["status_code"], 400);
            let text = refused.body["error"].as_str().unwrap();
            assert!(text.starts_with(field), "{path} {body}: {text}");
        }
    }
    let nobody = app
        .call_as("live_nobody", "GET", "/v1/teams", Value::Null)
        .await;
    assert_eq!(nobody.status, 401);
}
