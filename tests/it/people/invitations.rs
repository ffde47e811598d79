//! Being asked to join a team, and joining it.

use crate::support::app::{TEAM, TestApp};
use crate::support::people::{PASSWORD, start_shown};
use ringback::access::Role;
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

fn acceptance(token: &str) -> Value {
    json!({"token": token, "first_name": "Ana", "last_name": "Ruiz", "company": "Example",
           "password": PASSWORD})
}

#[tokio::test]
async fn somebody_is_invited_by_mail_accepts_and_is_in() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
        let body = json!({"emails": ["Ana@x.test", "bo@x.test"], "role": "manager"});
        let invited = app
            .call_as(&admin, "POST", "/account/v1/invites", body)
            .await;
        assert_eq!(invited.status, 201, "{invited:?}");
        let listed = app
            .call_as(&admin, "GET", "/account/v1/invites", Value::Null)
            .await;
        assert_eq!(listed.body, invited.body);
        assert_eq!(listed.body[0]["email"], "Ana@x.test");
        assert_eq!(listed.body[0]["created_at"], start_shown());
        assert_eq!(listed.body[0]["is_expired"], false);
        let mails = app.mails().await;
        let mut to: Vec<_> = mails.iter().map(|mail| &*mail.to).collect();
        to.sort_unstable();
        assert_eq!(to, ["Ana@x.test", "bo@x.test"]);
        let mail = mails.iter().find(|mail| mail.to == "Ana@x.test").unwrap();
        assert!(
            mail.text.contains("team Team A as manager"),
            "{}",
            mail.text
        );
        let token = mail.token("invite");
        let accept = acceptance(&token);
        let joined = app
            .call_unknown("POST", "/account/v1/invites/accept", accept.clone())
            .await;
        assert_eq!(joined.status, 201, "{joined:?}");
        assert_eq!(joined.body["user"]["role"], "manager");
        assert_eq!(joined.body["user"]["company"], "Example");
        let session = joined.body["token"].as_str().unwrap();
        let users = app
            .call_as(session, "GET", "/account/v1/users", Value::Null)
            .await;
        assert_eq!(users.body.as_array().unwrap().len(), 2);
        // Good once.
        let again = app
            .call_unknown("POST", "/account/v1/invites/accept", accept)
            .await;
        assert_eq!(again.status, 400, "{again:?}");
        assert_eq!(again.body["error"]["field"], "token");
        let left = app
            .call_as(&admin, "GET", "/account/v1/invites", Value::Null)
            .await;
        assert_eq!(left.body.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_invitation_ends_by_itself_and_when_it_is_taken_back() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let invite = async || {
        let body = json!({"emails": ["ana@x.test"], "role": "member"});
        let made = app
            .call_as(&admin, "POST", "/account/v1/invites", body)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        made.body[0]["invite_id"].as_str().unwrap().to_owned()
    };
    let accept = async |token: &str| {
        let body = acceptance(token);
        app.call_unknown("POST", "/account/v1/invites/accept", body)
            .await
            .status
    };
    let id = invite().await;
    let first = app.mails().await[0].token("invite");
    app.clock.advance_ms(24 * HOUR_MS);
    assert_eq!(accept(&first).await, 400);
    let listed = app
        .call_as(&admin, "GET", "/account/v1/invites", Value::Null)
        .await;
    assert_eq!(listed.body[0]["is_expired"], true);
    // Sent again as the product page says: removed, then invited anew.
    let body = json!({"emails": ["ana@x.test"], "role": "member"});
    let twice = app
        .call_as(&admin, "POST", "/account/v1/invites", body)
        .await;
    assert_eq!(twice.status, 400, "{twice:?}");
    let path = format!("/account/v1/invites/{id}");
    let removed = app.call_as(&admin, "DELETE", &path, Value::Null).await;
    assert_eq!(removed.status, 204);
    let gone = app.call_as(&admin, "DELETE", &path, Value::Null).await;
    assert_eq!(gone.status, 404);
    invite().await;
    assert_eq!(accept(&first).await, 400);
    let mails = app.mails().await;
    let second = mails.iter().map(|mail| mail.token("invite"));
    let second = second.filter(|token| *token != first).collect::<Vec<_>>();
    assert_eq!(accept(&second[0]).await, 201);
}

#[tokio::test]
async fn what_cannot_be_accepted_is_named_and_the_link_stays_good() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let body = json!({"emails": ["ana@x.test"], "role": "member"});
    app.call_as(&admin, "POST", "/account/v1/invites", body)
        .await;
    let token = app.mails().await[0].token("invite");
    let check = async |field: &str, value: Value| {
        let mut body = acceptance(&token);
        body[field] = value;
        let refused = app
            .call_unknown("POST", "/account/v1/invites/accept", body)
            .await;
        assert_eq!(refused.status, 400, "{field}: {refused:?}");
        let named = &refused.body["error"]["field"];
        assert!(named == field || named == "body", "{field}: {refused:?}");
    };
    check("password", json!("short")).await;
    check("password", json!("ana@x.test")).await;
    check("first_name", json!("")).await;
    check("last_name", json!("a\u{7}b")).await;
    check("company", json!("x".repeat(101))).await;
    check("company", json!(7)).await;
    check("role", json!("admin")).await; // not for the invited to choose
    check("token", json!("rb_invite_unknown")).await;
    let body = acceptance(&token);
    let joined = app
        .call_unknown("POST", "/account/v1/invites/accept", body)
        .await;
    assert_eq!(joined.status, 201);
    assert_eq!(joined.body["user"]["role"], "member");
}

#[tokio::test]
async fn nobody_is_invited_when_one_of_them_cannot_be() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    app.app
        .records
        .add_team("team_b", "Team B", 1)
        .await
        .unwrap();
    app.joins("team_b", "taken@x.test", Role::Member).await;
    for (emails, role, field) in [
        (json!(["ok@x.test", "TAKEN@x.test"]), "member", "emails"),
        (json!(["ok@x.test", "no address"]), "member", "emails"),
        (json!(["ok@x.test", "OK@x.test"]), "member", "emails"),
        (json!([]), "member", "emails"),
        (json!("ok@x.test"), "member", "emails"),
        (json!(["ok@x.test"]), "admin", "role"),
        (json!(["ok@x.test"]), "owner", "role"),
    ] {
        let body = json!({"emails": emails, "role": role});
        let refused = app
            .call_as(&admin, "POST", "/account/v1/invites", body)
            .await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.body["error"]["field"], field, "{refused:?}");
    }
    let listed = app
        .call_as(&admin, "GET", "/account/v1/invites", Value::Null)
        .await;
    assert_eq!(listed.body, json!([]));
    assert!(app.mails().await.is_empty());
    // Another +suffix is another user.
    let body = json!({"emails": ["taken+a@x.test"], "role": "member"});
    let invited = app
        .call_as(&admin, "POST", "/account/v1/invites", body)
        .await;
    assert_eq!(invited.status, 201);
}
