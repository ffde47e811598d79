//! Callbacks to e-mail addresses, over a real SMTP server: delivered, put off, refused for
//! good, and what happens while the server is away.

use super::Customer;
use crate::support::app::{TEAM, TestApp};
use crate::support::people::arrived;
use crate::support::smtp::MailServer;
use ringback::access::Role;
use ringback::callback::{CallbackId, DEAD_REFUSED, State};
use serde_json::{Value, json};
use std::net::TcpListener;

const ADDRESS: &str = "ops@Mail.test";

/// The mail that the server took next: its head and text, and the JSON in it.
fn letter(server: &mut MailServer) -> (String, Value) {
    let mail = server.mail();
    assert_eq!(mail["to"], json!([ADDRESS]));
    let text = arrived(mail["raw"].as_str().unwrap()).text;
    let json = text.lines().find(|line| line.starts_with('{'));
    let json = serde_json::from_str(json.expect("the JSON has a line of its own")).unwrap();
    (text, json)
}

/// An app whose mail goes to this server, and a callback that has been tried once.
async fn tried(server: &MailServer) -> (TestApp, CallbackId) {
    let mut app = TestApp::start().await;
    app.mails_through(server.port);
    let id = app.submit("e1", json!({"callback_url": ADDRESS})).await;
    app.run_due().await;
    (app, id)
}

/// What came of its attempts, as customers read it.
async fn attempts(app: &TestApp, id: CallbackId) -> Vec<Value> {
    let why = app.explain(id).await;
    why["attempts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_task_is_told_by_mail_without_any_secret() {
    for mut app in TestApp::in_both_shapes(|_| {}).await {
        let mut server = MailServer::start(&json!({}));
        app.mails_through(server.port);
        let customer = Customer::live(&app).await;
        let id = customer.task(json!({"callback_url": ADDRESS})).await;
        app.answered(&id, "e1", "completed").await;
        app.run_due().await;
        let (text, json) = letter(&mut server);
        assert!(text.contains(&format!("Subject: Task {id} is completed")));
        assert_eq!(
            (&json["task_id"], &json["status"]),
            (&json!(id), &json!("completed"))
        );
        assert_eq!(json["task"]["response"]["category"], "red");
        let team = app.app.records.team(TEAM).await.unwrap().unwrap();
        for secret in [
            "callback-auth",
            &team.live_callback_auth,
            &team.signing_secret,
        ] {
            assert!(!text.contains(secret), "{text}");
        }
        let task = customer.get(&format!("/v1/task/{id}")).await;
        assert_eq!(task["callback_succeeded"], true);
        assert!(server.stop().is_empty(), "sent once");
    }
}

#[tokio::test]
async fn a_batch_is_told_by_mail() {
    for mut app in TestApp::in_both_shapes(|_| {}).await {
        let mut server = MailServer::start(&json!({}));
        app.mails_through(server.port);
        let customer = Customer::live(&app).await;
        customer.project("kites").await;
        customer.batch("kites", "week 18", ADDRESS).await;
        let id = customer.task(json!({"batch": "week 18"})).await;
        app.answered(&id, "e1", "completed").await;
        app.run_due().await;
        let (text, json) = letter(&mut server);
        assert!(
            text.contains("Subject: Batch week 18 is completed"),
            "{text}"
        );
        assert_eq!(
            (&json["name"], &json["batch"]["completed"]),
            (&json!("week 18"), &json!(1))
        );
    }
}

#[tokio::test]
async fn a_letter_that_was_put_off_is_tried_again_under_the_same_name() {
    let mut server = MailServer::start(&json!({"answers": ["451 mailbox is busy"]}));
    let (app, id) = tried(&server).await;
    assert_eq!(app.state(id).await, State::Pending);
    let first = &attempts(&app, id).await[0];
    assert_eq!(first["diagnosis"], "mail_put_off", "{first}");
    assert_eq!(
        (&first["status"], &first["answer"]),
        (&json!(451), &json!("451 mailbox is busy"))
    );
    assert!(!first["hint"].as_str().unwrap().is_empty());
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    let second = &attempts(&app, id).await[1];
    assert_eq!(
        (&second["diagnosis"], &second["provenance"]),
        (&json!("delivered"), &json!("task"))
    );
    let (text, _) = letter(&mut server);
    assert!(
        text.contains(&format!("Message-ID: <{id}@localhost>")),
        "{text}"
    );
}

#[tokio::test]
async fn a_refusal_for_good_ends_it_at_once_and_a_replay_helps() {
    let mut server = MailServer::start(&json!({"answers": ["550 no such mailbox"]}));
    let (app, id) = tried(&server).await;
    assert_eq!(app.state(id).await, State::Dead);
    let why = app.explain(id).await;
    assert!(why["why"].as_str().unwrap().contains(DEAD_REFUSED), "{why}");
    let only = &why["attempts"][0];
    assert_eq!(
        (&only["diagnosis"], &only["status"]),
        (&json!("mail_refused"), &json!(550))
    );
    assert_eq!(only["answer"], "550 no such mailbox");
    assert!(only["hint"].as_str().unwrap().contains("e-mail address"));
    let body = json!({"callback_ids": [id.to_string()]});
    app.call("POST", "/internal/v1/dead-letters/replay", body)
        .await;
    ringback::delivery::rebuild::take_unqueued(&app.app)
        .await
        .unwrap();
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    letter(&mut server);
}

#[tokio::test]
async fn while_the_server_is_away_or_keeps_us_out_nothing_dies() {
    let gone = MailServer::start(&json!({}));
    let port = gone.port;
    gone.stop();
    let mut app = TestApp::start().await;
    app.mails_through(port);
    let id = app.submit("e1", json!({"callback_url": ADDRESS})).await;
    app.run_due().await;
    // It says 530, which is about this gateway and not about the letter.
    let closed = MailServer::start(&json!({"login": ["me", "password"]}));
    app.mails_through(closed.port);
    app.clock.advance_ms(120_000);
    app.run_due().await;
    for attempt in attempts(&app, id).await {
        assert_eq!(attempt["diagnosis"], "mail_server_away", "{attempt}");
        // How the operator's server is reached is nobody's business.
        assert_eq!(
            (&attempt["status"], &attempt["answer"]),
            (&Value::Null, &json!(""))
        );
    }
    assert_eq!(attempts(&app, id).await.len(), 2);
    assert_eq!(app.state(id).await, State::Pending);
    let mut server = MailServer::start(&json!({}));
    app.mails_through(server.port);
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    letter(&mut server);
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_attempts_budget() {
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let body = json!({"attempt_timeout_ms": 1000});
    app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    app.mails_through(silent.local_addr().unwrap().port());
    let id = app.submit("e1", json!({"callback_url": ADDRESS})).await;
    app.run_due().await;
    let only = &attempts(&app, id).await[0];
    assert_eq!(only["diagnosis"], "mail_server_away", "{only}");
    // Less than the mail server itself would have been given.
    let took = only["duration_ms"].as_u64().unwrap();
    assert!(took < app.app.config.mail.timeout_ms, "{only}");
}

#[tokio::test]
async fn projects_and_teams_may_name_an_address_and_try_it() {
    let mut server = MailServer::start(&json!({"answers": ["550 no such mailbox"]}));
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let app = TestApp::with(|config| config.mail.url = url.as_str().into()).await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let held = app.submit("held", json!({})).await;
    app.run_due().await;
    assert_eq!(app.state(held).await, State::Held);
    let call = async |method, path, body| {
        let answer = app.call_as(&admin, method, path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let sample = async || call("POST", "/account/v1/team/test-callback", Value::Null).await;

    let body = json!({"default_callback_url": ADDRESS});
    let team = call("PUT", "/account/v1/team", body).await;
    assert_eq!(
        (&team["default_callback_url"], &team["released"]),
        (&json!(ADDRESS), &json!(1))
    );
    let refused = sample().await;
    assert_eq!(refused["is_taken"], false);
    assert_eq!(refused["diagnosis"]["code"], "mail_refused");
    assert_eq!(refused["answer"], "550 no such mailbox");
    let taken = sample().await;
    assert_eq!(
        (&taken["is_taken"], &taken["url"]),
        (&json!(true), &json!(ADDRESS))
    );
    assert_eq!(taken["headers"], json!({}), "a letter has no keys");
    let (_, json) = letter(&mut server);
    assert_eq!(json["task"]["metadata"], json!({"sample": true}));

    app.run_to_the_end().await;
    assert_eq!(app.state(held).await, State::Delivered);
    assert_eq!(attempts(&app, held).await[0]["provenance"], "team default");
    letter(&mut server);
    let customer = Customer::live(&app).await;
    let params = json!({"callback_url": ADDRESS});
    let project = json!({"name": "kites", "type": "categorization", "params": params});
    customer.post("/v1/projects", project).await;
    let id = customer.task(json!({"project": "kites"})).await;
    app.answered(&id, "e1", "completed").await;
    app.run_to_the_end().await;
    let (_, json) = letter(&mut server);
    assert_eq!(json["task_id"], json!(id));
}

#[tokio::test]
async fn a_long_callback_is_attached_and_mail_may_go_into_files() {
    let app = TestApp::start().await;
    let long = json!({"callback_url": ADDRESS, "response": {"text": "x".repeat(70_000)}});
    let id = app.submit("long", long).await;
    let short = app.submit("short", json!({"callback_url": ADDRESS})).await;
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    assert_eq!(app.state(short).await, State::Delivered);
    let mails = app.mails().await;
    assert!(mails.iter().all(|mail| mail.to == ADDRESS));
    let (long, short) = (&mails[0].text, &mails[1].text);
    assert!(
        long.contains("filename=\"callback.json\""),
        "{}",
        &long[..500]
    );
    assert!(long.contains("application/json") && long.contains("bytes of JSON, attached"));
    assert!(!short.contains("callback.json") && short.contains("\"task-short\""));
}

#[tokio::test]
async fn what_is_neither_url_nor_address_is_refused_everywhere() {
    let app = TestApp::start().await;
    let customer = Customer::live(&app).await;
    for bad in [
        "ops@",
        "ops@localhost",
        "a b@x.test",
        "mailto:ops@x.test",
        "ops@x.test\n",
    ] {
        let wrong = super::task(json!({"callback_url": bad}));
        let text = customer
            .refused("POST", "/v1/task/categorization", wrong, 400)
            .await;
        assert!(text.starts_with("callback_url must"), "{bad:?}: {text}");
        let body = crate::support::app::result("e1", json!({"callback_url": bad}));
        let answer = app.call("POST", "/internal/v1/results", body).await;
        assert_eq!(answer.status, 400, "{bad:?}: {answer:?}");
        let body = json!({"default_callback_url": bad});
        let path = format!("/internal/v1/teams/{TEAM}");
        let answer = app.call("PUT", &path, body).await;
        assert_eq!(answer.status, 400, "{bad:?}: {answer:?}");
    }
}
