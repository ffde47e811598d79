//! The dashboard: in a real browser, and what keeps others out.

mod billing;
mod doors; // what keeps others out
mod replays; // dead letters sent again, watched and stopped
mod rooms; // every page with something on it, by mouse and by keyboard

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::endpoint::Endpoint;
use ringback::api::server;
use ringback::people::invitations;
use ringback::{dashboard, dead_letters, delivery, mail};
use serde_json::json;
use tokio::net::TcpListener;

/// The gateway's address, as people type it.
async fn serve(app: &TestApp) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (app, routes) = (app.app.clone(), dashboard::routes(app.app.clone()));
    let shutdown = app.shutdown.clone();
    tokio::spawn(server::run(app, listener, routes, shutdown));
    format!("http://localhost:{port}")
}

/// What axe-core finds wrong with the page that is shown, one line each.
async fn faults(browser: &Browser) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe/package/axe.min.js");
    let axe = std::fs::read_to_string(path)
        .expect("axe-core is missing: scripts/test fetches it into target/axe");
    browser.client.execute(&axe, Vec::new()).await.unwrap();
    let run = "const done = arguments[0]; axe.run().then(found => done(found.violations.map(it => \
               it.id + ': ' + it.nodes.map(node => node.html).join(' | '))));";
    let found = browser.client.execute_async(run, Vec::new()).await.unwrap();
    serde_json::from_value(found).unwrap()
}

/// The page is finished: a picture of it for whoever wants one, and nothing is in anybody's way.
async fn looked_at(browser: &Browser, name: &str) {
    browser.picture(name).await;
    assert_eq!(faults(browser).await, [""; 0], "on {name}");
}

const PASSWORD: &str = "correct horse battery";

/// A team whose admin has accepted, in a browser.
async fn admin(app: &TestApp, base: &str) -> Browser {
    let (records, account) = (&app.app.records, &app.app.config.account);
    let names = ("Kites & Co", "ana@kites.test");
    let team = invitations::create_team(records, account, names, app.clock.now());
    let link = team.await.unwrap().link;
    let browser = Browser::open().await;
    accept(&browser, base, &link, "Ana").await;
    browser.reads("No callbacks yet").await;
    browser
}

async fn accept(browser: &Browser, base: &str, link: &str, name: &str) {
    let token = link.split_once("token=").unwrap().1;
    browser
        .go(&format!("{base}/dashboard/invite?token={token}"))
        .await;
    browser.reads("Join Kites & Co").await;
    for (field, text) in [
        ("first_name", name),
        ("last_name", "Ruiz"),
        ("company", "Kites"),
        ("password", PASSWORD),
    ] {
        browser.fill(field, text).await;
    }
    browser.press("Join Kites").await;
}

/// What the mails folder holds for somebody: the link in the newest letter.
async fn link_to(app: &TestApp, email: &str) -> String {
    let sender = mail::Sender::open(&app.app.config).unwrap();
    mail::send_due(&app.app, &sender).await.unwrap();
    let folder = app.app.config.data.dir.join("mails");
    let letters = std::fs::read_dir(folder).unwrap().map(|letter| {
        let path = letter.unwrap().path();
        std::fs::read_to_string(path).unwrap()
    });
    let letters: Vec<_> = letters.filter(|letter| letter.contains(email)).collect();
    let letter = letters
        .last()
        .expect("a letter was sent")
        .replace("=\r\n", "");
    let letter = letter.replace("=3D", "=");
    let start = letter.find("http").unwrap();
    let end = letter[start..].find(char::is_whitespace).unwrap();
    letter[start..start + end].to_owned()
}

/// Bo: invited by Ana, come in as a member, then made a manager.
async fn joined_and_promoted(app: &TestApp, base: &str, ana: &Browser) -> Browser {
    ana.go(&format!("{base}/dashboard/team")).await;
    ana.fill("emails", "bo@kites.test").await;
    ana.press("Invite").await;
    ana.reads("Invited: a letter with the link is on its way.")
        .await;
    looked_at(ana, "team").await;
    let bo = Browser::open().await;
    accept(&bo, base, &link_to(app, "bo@kites.test").await, "Bo").await;
    bo.reads("No callbacks yet").await;
    bo.go(&format!("{base}/dashboard/team")).await;
    bo.reads("Only your admin changes these.").await;
    assert!(
        !bo.text().await.contains("Invite Member"),
        "a member may not"
    );
    looked_at(&bo, "team-member").await;
    ana.go(&format!("{base}/dashboard/team")).await;
    let role = ana.find("select[aria-label='Role of bo@kites.test']").await;
    role.select_by_value("manager").await.unwrap();
    ana.press("Change").await;
    ana.reads("The role is changed").await;
    // The session has ended with the role.
    bo.go(&format!("{base}/dashboard/team")).await;
    bo.reads("Sign in").await;
    bo.fill("email", "bo@kites.test").await;
    bo.fill("password", PASSWORD).await;
    bo.press("Sign in").await;
    bo.reads("Invite Member").await;
    bo
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_runs_its_callbacks_without_writing_code() {
    let app = TestApp::start().await;
    let base = serve(&app).await;
    let ana = admin(&app, &base).await;
    looked_at(&ana, "overview-empty").await;
    for room in ["callbacks", "endpoints", "replays"] {
        ana.go(&format!("{base}/dashboard/{room}")).await;
        looked_at(&ana, &format!("{room}-empty")).await;
    }

    let bo = joined_and_promoted(&app, &base, &ana).await;

    // A key, revealed once.
    ana.go(&format!("{base}/dashboard/keys")).await;
    ana.press("Add live key").await;
    ana.reads("Added: reveal it to copy it.").await;
    looked_at(&ana, "keys").await;
    ana.press("Reveal").await;
    let key = ana.find(".secret code").await.text().await.unwrap();
    let owner = app.app.records.key_owner(&key).await.unwrap();
    let team = owner.expect("the key is good").team;

    // Where callbacks go: wrong, then right, then tried.
    let endpoint = Endpoint::answering([500, 503]).await;
    ana.go(&format!("{base}/dashboard/team")).await;
    ana.fill("default_callback_url", "ftp://kites.test").await;
    ana.press("Save").await;
    ana.reads("must start with https://").await;
    looked_at(&ana, "team-wrong").await;
    ana.fill("default_callback_url", &endpoint.url()).await;
    ana.fill("retries_max", "0").await;
    ana.press("Save").await;
    ana.reads("Saved.").await;
    ana.press("Send test callback").await;
    ana.reads("Answered 500").await;
    looked_at(&ana, "sample").await;

    // It fails, and whoever watches sees it.
    ana.go(&format!("{base}/dashboard/callbacks")).await;
    bo.go(&format!("{base}/dashboard/callbacks")).await;
    app.submit("e1", json!({"team_id": &*team})).await;
    app.app.forget_team(&team);
    app.run_due().await;
    ana.reads("503 in").await;
    bo.reads("503 in").await;
    looked_at(&ana, "callbacks").await;
    ana.press("14 Nov").await;
    ana.reads("What happened").await;
    looked_at(&ana, "callback").await;

    // Mended, replayed, delivered.
    endpoint.answer_next([200]);
    ana.go(&format!("{base}/dashboard/callbacks")).await;
    ana.press("Replay what was given up").await;
    ana.reads("1 callback would be sent again.").await;
    ana.press("Send 1 again").await;
    ana.reads("0 of 1 sent again").await;
    dead_letters::step_all(&app.app).await.unwrap();
    ana.reads("1 of 1 sent again").await;
    delivery::rebuild::take_unqueued(&app.app).await.unwrap();
    app.run_due().await;
    bo.reads("200 in").await;
    ana.go(&format!("{base}/dashboard/endpoints")).await;
    ana.reads("1 of 1 good").await;
    looked_at(&ana, "endpoints").await;
    ana.go(&format!("{base}/dashboard/audit")).await;
    ana.reads("person ana@kites.test").await;
    looked_at(&ana, "audit").await;
    ana.go(&format!("{base}/dashboard/profile")).await;
    looked_at(&ana, "profile").await;
    ana.press("ana@kites.test").await;
    ana.press("Sign out").await;
    ana.reads("You are signed out.").await;
    looked_at(&ana, "sign-in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_made_and_its_parameters_edited() {
    let app = TestApp::start().await;
    let base = serve(&app).await;
    let ana = admin(&app, &base).await;
    for room in ["tasks", "projects", "batches"] {
        ana.go(&format!("{base}/dashboard/{room}")).await;
        ana.reads(&format!("No {room} yet")).await;
        looked_at(&ana, &format!("{room}-empty")).await;
    }
    ana.go(&format!("{base}/dashboard/projects")).await;
    ana.fill("name", "birds / 2").await;
    ana.press("Make the project").await;
    ana.reads("version 0").await;
    ana.fill("params", "{\"instruction\": 5").await;
    ana.press("Save as a new version").await;
    ana.reads("must be a JSON object").await;
    ana.fill("params", "{\"instruction\": \"Pick one.\"}").await;
    ana.press("Save as a new version").await;
    ana.reads("version 1").await;
    looked_at(&ana, "project").await;
    ana.reads("birds / 2").await;
}
