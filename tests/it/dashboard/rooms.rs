//! Every page with something on it: nothing in anybody's way, everything within reach of the
//! keyboard, and each role with what is theirs.

use super::{Browser, PASSWORD, admin, looked_at, serve};
use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::key::Key;
use ringback::access::Role;
use ringback::callback::Mode;
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

/// A team with projects, tasks, a batch and a day of deliveries, good and bad.
struct Team<'a> {
    app: &'a TestApp,
    id: String,
    key: String,
}

impl<'a> Team<'a> {
    async fn of(app: &'a TestApp) -> Self {
        let user = app.app.records.user_by_email("ana@kites.test").await;
        let id = user.unwrap().expect("she has accepted").team;
        let key = app.app.records.add_api_key(&id, Mode::Live, 1).await;
        Self {
            key: key.unwrap(),
            app,
            id,
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.app.call_as(&self.key, "POST", path, body).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        answer.body
    }

    /// Returns the ids of a task and of a callback that was given up.
    async fn fill(&self, endpoint: &Endpoint) -> (String, String) {
        let default = json!({"default_callback_url": endpoint.url()});
        let path = format!("/internal/v1/teams/{}", self.id);
        self.app.call("PUT", &path, default).await;
        for name in ["birds", "kites in the wind"] {
            let project = json!({"name": name, "type": "categorization"});
            self.post("/v1/projects", project).await;
        }
        let batch = json!({"project": "birds", "name": "autumn / 1", "callback": endpoint.url()});
        self.post("/v1/batches", batch).await;
        let mut first = String::new();
        for n in 0..4 {
            let task = json!({
                "instruction": "Red or blue?", "attachment_type": "text", "attachment": "tomato",
                "categories": ["red", "blue"], "project": "birds", "batch": "autumn / 1",
            });
            let made = self.post("/v1/task/categorization", task).await;
            let id = made["task_id"].as_str().unwrap().to_owned();
            if n < 3 {
                let change = json!({"team_id": self.id, "task_id": id, "status": "completed",
                                    "response": {"category": "red"}});
                self.app.submit(&format!("task-{n}"), change).await;
            }
            first = id;
        }
        self.app.run_due().await;
        let mut dead = String::new();
        for n in 0..30 {
            self.app.clock.advance_ms(HOUR_MS / 2);
            let id = self
                .app
                .submit(&format!("e{n}"), json!({"team_id": self.id}))
                .await;
            self.app.run_due().await;
            if n % 10 == 9 {
                dead = id.to_string();
            }
        }
        (first, dead)
    }
}

/// Answers as an endpoint that is mostly well does.
fn answers() -> Vec<u16> {
    let mut answers = vec![200; 3];
    for n in 0..30 {
        answers.push(if n % 10 == 9 { 503 } else { 200 });
    }
    answers
}

/// Follows Tab through the page from its top: what got the focus, in order. Each must show it.
async fn tabbed(browser: &Browser, page: &str) -> Vec<u64> {
    let number = "const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), \
                  select, textarea, summary')].filter(it => it.checkVisibility() && !it.disabled); \
                  const it = document.activeElement; const style = getComputedStyle(it); \
                  return [all.indexOf(it), all.length, style.outlineStyle !== 'none' && \
                  parseFloat(style.outlineWidth) >= 2];";
    let mut reached = Vec::new();
    browser
        .client
        .execute(
            "document.activeElement.blur(); window.scrollTo(0, 0)",
            Vec::new(),
        )
        .await
        .unwrap();
    loop {
        browser.key(Key::Tab).await;
        let told = browser.client.execute(number, Vec::new()).await.unwrap();
        let (at, all): (i64, u64) = (told[0].as_i64().unwrap(), told[1].as_u64().unwrap());
        let Ok(at) = u64::try_from(at) else {
            // Out of the page, or at its end.
            assert_eq!(
                reached.len() as u64,
                all,
                "not everything is reached on {page}"
            );
            return reached;
        };
        assert!(
            told[2].as_bool().unwrap(),
            "no visible focus at {at} on {page}"
        );
        if reached.last() == Some(&at) {
            continue; // a time has several parts
        }
        if reached.contains(&at) {
            assert_eq!(
                reached.len() as u64,
                all,
                "not everything is reached on {page}"
            );
            return reached;
        }
        reached.push(at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_room_with_something_in_it_is_in_nobodys_way_and_within_reach_of_the_keyboard() {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let base = serve(&app).await;
    let ana = admin(&app, &base).await;
    let team = Team::of(&app).await;
    let endpoint = Endpoint::answering(answers()).await;
    let (task, dead) = team.fill(&endpoint).await;
    let pages = [
        ("overview", "overview"),
        ("overview?range=week", "overview-week"),
        ("callbacks", "callbacks-filled"),
        (&format!("callbacks/{dead}"), "callback-dead"),
        ("replays", "replays-filled"),
        ("endpoints", "endpoints-filled"),
        ("tasks", "tasks"),
        (&format!("tasks/{task}"), "task"),
        ("projects", "projects"),
        ("projects/birds", "project-filled"),
        ("batches", "batches"),
        ("batches/autumn%20%2F%201", "batch"),
        ("team", "team-filled"),
        ("keys", "keys-filled"),
        ("audit", "audit-filled"),
        ("profile", "profile-filled"),
    ];
    for (page, name) in pages {
        ana.go(&format!("{base}/dashboard/{page}")).await;
        looked_at(&ana, name).await;
        tabbed(&ana, name).await;
        is_within(&ana, name).await;
    }
    ana.go(&format!("{base}/dashboard/overview")).await;
    ana.reads("Delivered and failed").await;
    let table = ana.find("#chart-table tbody").await;
    let rows = table.find_all(Locator::Css("tr")).await.unwrap();
    assert_eq!(rows.len(), 24);
}

/// No page is wider than a phone's screen.
async fn is_within(browser: &Browser, name: &str) {
    browser.client.set_window_size(360, 780).await.unwrap();
    let wider =
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]";
    let told = browser.client.execute(wider, Vec::new()).await.unwrap();
    let (has, may) = (told[0].as_u64().unwrap(), told[1].as_u64().unwrap());
    assert!(has <= may, "{name} is {has} wide of {may}");
    browser.client.set_window_size(1280, 900).await.unwrap();
}

/// What the list at the left offers.
async fn rooms(browser: &Browser) -> Vec<String> {
    browser.find("nav").await;
    let links = browser
        .client
        .find_all(Locator::Css(".rooms a"))
        .await
        .unwrap();
    let mut rooms = Vec::new();
    for link in links {
        rooms.push(link.text().await.unwrap());
    }
    rooms
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_side_by_side_show_each_role_what_is_theirs() {
    const WORK: [&str; 6] = [
        "Overview",
        "Callbacks",
        "Endpoints",
        "Tasks",
        "Projects",
        "Batches",
    ];
    let app = TestApp::start().await;
    let base = serve(&app).await;
    let ana = admin(&app, &base).await;
    let team = Team::of(&app).await.id;
    let mut browsers = vec![];
    for (role, email, account) in [
        (Role::Labeler, "lee@kites.test", ["Your team"].as_slice()),
        (Role::Member, "mel@kites.test", &["Your team", "API keys"]),
        (
            Role::Manager,
            "max@kites.test",
            &["Your team", "API keys", "Audit log"],
        ),
    ] {
        app.joins_with_password(&team, email, role).await;
        let browser = Browser::open().await;
        browser.go(&format!("{base}/dashboard/sign-in")).await;
        browser.fill("email", email).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        browser.reads("Your team").await;
        let seen = rooms(&browser).await;
        let has = |room: &&str| seen.iter().any(|it| it == room);
        assert!(account.iter().all(has), "{role:?}: {seen:?}");
        assert!(WORK.iter().all(|room| has(room) == (role != Role::Labeler)));
        let others = ["API keys", "Audit log"];
        let mut others = others.iter().filter(|room| !account.contains(room));
        assert!(!others.any(has), "{role:?}: {seen:?}");
        browsers.push(browser);
    }
    // All at once: what one of them may not is refused by the page itself, too.
    let [lee, mel, max] = &browsers[..] else {
        panic!()
    };
    for (browser, room) in [(lee, "callbacks"), (lee, "keys"), (mel, "audit")] {
        browser.go(&format!("{base}/dashboard/{room}")).await;
        browser.reads("your role does not permit this").await;
    }
    max.go(&format!("{base}/dashboard/team")).await;
    max.reads("Invite Member").await;
    max.reads("Only your admin changes these.").await;
    // Their sessions are listed for themselves and end from there.
    let other = Browser::open().await;
    other.go(&format!("{base}/dashboard/sign-in")).await;
    other.fill("email", "max@kites.test").await;
    other.fill("password", PASSWORD).await;
    other.press("Sign in").await;
    other.reads("Overview").await;
    max.go(&format!("{base}/dashboard/profile")).await;
    max.press("Sign out there").await;
    max.reads("Signed out there.").await;
    app.app.forget_callers();
    other.go(&format!("{base}/dashboard/team")).await;
    other.reads("Forgot your password?").await;
    ana.go(&format!("{base}/dashboard/team")).await;
    ana.reads("max@kites.test").await;
}

/// Brings the live part new HTML, as an event does. Says what it then shows.
async fn offered(browser: &Browser, html: &str) -> String {
    let script = "const part = document.getElementById('part'); replace(part, arguments[0]); \
                  return part.innerText";
    let shown = browser.client.execute(script, vec![json!(html)]).await;
    shown.unwrap().as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_part_waits_for_who_presses_something_on_it_or_would_lose_the_focus() {
    let app = TestApp::start().await;
    let base = serve(&app).await;
    let ana = admin(&app, &base).await;
    let part = "document.body.innerHTML = '<div id=part><button>Replay</button></div>'";
    ana.client.execute(part, Vec::new()).await.unwrap();
    let button = ana.find("#part button").await;
    let held = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveToElement {
            element: button,
            duration: None,
            x: 0.0,
            y: 0.0,
        })
        .then(PointerAction::Down {
            button: MOUSE_BUTTON_LEFT,
        });
    ana.client.perform_actions(held).await.unwrap();
    let shown = offered(&ana, "<button>Replay</button> two").await;
    assert_eq!(shown, "Replay", "it is being pressed");
    ana.client.release_actions().await.unwrap();
    ana.reads("Replay two").await;
    let shown = offered(&ana, "<button>Replay</button> three").await;
    assert_eq!(shown, "Replay three", "the focus stays where it is");
    let shown = offered(&ana, "<button>Drop</button>").await;
    assert_eq!(shown, "Replay three", "what has the focus would go");
    ana.key(Key::Tab).await;
    ana.reads("Drop").await;
}
