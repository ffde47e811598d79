//! Letters on their way to a real SMTP server, and what happens when it does not take them.

use crate::support::app::{TEAM, TestApp};
use crate::support::authority::Authority;
use crate::support::people::arrived;
use crate::support::smtp::MailServer;
use ringback::config::Config;
use ringback::mail::{Sender, send_due};
use ringback::metrics::labels::MailOutcome;
use serde_json::{Value, json};

fn options(authority: &Authority, tls: &str) -> Value {
    json!({"tls": tls, "certificate": authority.server_file(), "key": authority.server_key_file()})
}

/// Invites somebody, so that a letter waits.
async fn invite(app: &TestApp, email: &str) {
    let body = json!({"emails": [email], "team_role": "member"});
    let now = app.clock.now();
    let key = app
        .app
        .records
        .add_api_key(TEAM, ringback::callback::Mode::Live, now);
    let key = key.await.unwrap();
    let invited = app.call_as(&key, "POST", "/v1/teams/invite", body).await;
    assert_eq!(invited.status, 200, "{invited:?}");
}

async fn send(app: &TestApp) {
    let sender = Sender::open(&app.app.config).unwrap();
    send_due(&app.app, &sender).await.unwrap();
}

/// Letters by what became of a try.
fn counted(app: &TestApp, outcome: MailOutcome) -> u64 {
    app.app.metrics.mails_total.of(outcome).get()
}

async fn with_url(url: String) -> TestApp {
    TestApp::with(|config: &mut Config| config.mail.url = url.as_str().into()).await
}

#[tokio::test]
async fn a_letter_goes_over_tls_of_both_kinds_with_a_password() {
    let authority = Authority::new();
    for (tls, scheme, more) in [
        ("wrapped", "smtps", ""),
        ("starttls", "smtp", "?tls=required"),
    ] {
        let mut options = options(&authority, tls);
        options["login"] = json!(["me@x.test", "p@ss/word"]);
        let mut server = MailServer::start(&options);
        let user = "me%40x.test:p%40ss%2Fword";
        let url = format!("{scheme}://{user}@localhost:{}{more}", server.port);
        let app = TestApp::with(|config| {
            config.mail.url = url.as_str().into();
            config.mail.ca_file = authority.file();
            config.mail.from = "Ringback <no-reply@ringback.test>".to_owned();
            config.account.public_url = "https://ringback.test".to_owned();
        })
        .await;
        invite(&app, "ana@x.test").await;
        send(&app).await;
        assert_eq!(
            (
                counted(&app, MailOutcome::Delayed),
                counted(&app, MailOutcome::Sent)
            ),
            (0, 1),
            "{tls}"
        );
        let mail = server.mail();
        assert_eq!(mail["from"], "no-reply@ringback.test", "{tls}");
        assert_eq!(mail["to"], json!(["ana@x.test"]));
        assert_eq!(mail["is_encrypted"], true, "{tls}");
        assert_eq!(mail["is_signed_in"], true, "{tls}");
        let letter = arrived(mail["raw"].as_str().unwrap());
        assert!(letter.text.contains("Subject: Join Team A on Ringback"));
        assert!(
            letter
                .text
                .contains("https://ringback.test/dashboard/invite?token=")
        );
        assert!(letter.text.contains("text/plain") && letter.text.contains("text/html"));
        let body = json!({"token": letter.token("invite"), "first_name": "A", "last_name": "B",
                          "company": "C", "password": "correct horse battery"});
        let joined = app
            .call_unknown("POST", "/account/v1/invites/accept", body)
            .await;
        assert_eq!(joined.status, 201, "{tls}: {joined:?}");
        // Sent once.
        send(&app).await;
        assert!(server.stop().is_empty(), "{tls}");
        assert_eq!(counted(&app, MailOutcome::Sent), 1);
    }
}

#[tokio::test]
async fn a_letter_waits_for_a_server_that_is_away_or_says_later() {
    let server = MailServer::start(&json!({}));
    let port = server.port;
    server.stop();
    let app = with_url(format!("smtp://127.0.0.1:{port}")).await;
    invite(&app, "ana@x.test").await;
    send(&app).await;
    assert_eq!(
        (
            counted(&app, MailOutcome::Delayed),
            counted(&app, MailOutcome::Sent)
        ),
        (1, 0)
    );
    // Not due yet: nobody is asked.
    send(&app).await;
    assert_eq!(counted(&app, MailOutcome::Delayed), 1);
    let mut server = MailServer::start(&json!({"answers": ["451 later", "421 later"]}));
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let mut config = app.app.config.as_ref().clone();
    config.mail.url = url.as_str().into();
    let sender = Sender::open(&config).unwrap();
    for _ in 0..3 {
        app.clock.advance_ms(900_000);
        send_due(&app.app, &sender).await.unwrap();
    }
    assert_eq!(
        (
            counted(&app, MailOutcome::Delayed),
            counted(&app, MailOutcome::Sent)
        ),
        (3, 1)
    );
    assert_eq!(server.mail()["to"], json!(["ana@x.test"]));
}

#[tokio::test]
async fn a_letter_is_given_up_when_refused_for_good_or_after_its_time() {
    let server = MailServer::start(&json!({"answers": ["550 no such mailbox"]}));
    let app = with_url(format!("smtp://127.0.0.1:{}", server.port)).await;
    invite(&app, "ana@x.test").await;
    send(&app).await;
    assert_eq!(counted(&app, MailOutcome::Failed), 1);
    let port = server.port;
    assert!(server.stop().is_empty());
    let app = with_url(format!("smtp://127.0.0.1:{port}")).await;
    invite(&app, "ana@x.test").await;
    while counted(&app, MailOutcome::Failed) == 0 {
        send(&app).await;
        app.clock.advance_ms(900_000);
    }
    let tries = counted(&app, MailOutcome::Delayed);
    assert!((90..110).contains(&tries), "a day of tries: {tries}");
}

#[tokio::test]
async fn no_letter_goes_to_a_server_that_cannot_prove_itself() {
    let authority = Authority::new();
    let url = |scheme, port| format!("{scheme}://127.0.0.1:{port}");
    let server = MailServer::start(&options(&authority, "wrapped"));
    let app = with_url(url("smtps", server.port)).await; // trusts Mozilla's alone
    invite(&app, "ana@x.test").await;
    send(&app).await;
    assert_eq!(
        (
            counted(&app, MailOutcome::Delayed),
            counted(&app, MailOutcome::Sent)
        ),
        (1, 0)
    );
    assert!(server.stop().is_empty());
    // TLS is required, and this one has none.
    let server = MailServer::start(&json!({}));
    let app = with_url(url("smtp", server.port) + "?tls=required").await;
    invite(&app, "ana@x.test").await;
    send(&app).await;
    assert_eq!(counted(&app, MailOutcome::Sent), 0);
    assert!(server.stop().is_empty());
}

#[test]
fn a_setting_that_cannot_work_is_named() {
    let open = |change: fn(&mut Config)| {
        let mut config = Config::build(None, std::iter::empty()).unwrap();
        config.mail.url = "smtps://mail.test".into();
        change(&mut config);
        Sender::open(&config).err().map(|error| error.to_string())
    };
    assert_eq!(open(|_| {}), None);
    let from = open(|config| config.mail.from = "nobody".to_owned()).unwrap();
    assert!(from.starts_with("mail.from"), "{from}");
    let file = open(|config| config.mail.ca_file = "/nowhere.pem".into()).unwrap();
    assert!(file.starts_with("mail.ca_file: /nowhere.pem"), "{file}");
    let tls = open(|config| config.mail.url = "smtp://mail.test?tls=maybe".into()).unwrap();
    assert!(tls.starts_with("mail.url"), "{tls}");
}
