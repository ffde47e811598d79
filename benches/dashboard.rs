//! How long the server takes for every page of the dashboard and how many bytes it sends, for a
//! team with a million callbacks and a million tasks among others:
//! `cargo bench --bench dashboard`, `-- --quick` for twenty thousand. On SQLite files and on a
//! PostgreSQL server that this program starts. Ends with a failure where a page's p99 is 20 ms
//! or more, or a page has 50 KB or more.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the numbers are for people")]

#[path = "dashboard/callbacks.rs"]
mod callbacks;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/postgres.rs"]
mod postgres;
#[path = "records/rows.rs"]
mod rows;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use callbacks::{NOW, TEAM};
use http_body_util::BodyExt;
use postgres::Postgres;
use ringback::access::Role;
use ringback::app::{App, Role as Process};
use ringback::clock::Clock;
use ringback::config::Config;
use ringback::dashboard;
use ringback::records::invites::{Invite, NewInvite};
use ringback::records::sessions::Origin;
use ringback::records::users::{Profile, Status, User};
use ringback::shutdown::Shutdown;
use std::process::ExitCode;
use std::time::Instant;
use tower_service::Service;

const MANY: u64 = 1_000_000;
const FEW: u64 = 20_000;
const ROUNDS: usize = 300;
const ROUNDS_QUICK: usize = 30;
const BAR_MS: f64 = 20.0;
const BAR_BYTES: usize = 50_000;

#[tokio::main]
async fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (n, rounds) = if quick {
        (FEW, ROUNDS_QUICK)
    } else {
        (MANY, ROUNDS)
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    config.data.dir = folder.path().join("sqlite");
    // Nobody else asks.
    config.api.caller_requests_burst = u32::MAX;
    let file = config.data.dir.join("records.db");
    let url = format!("sqlite://{}", file.display());
    let in_file = measure("sqlite", config.clone(), &url, (n, rounds)).await;
    let server = Postgres::own().await;
    let url = server.database().await;
    config.data.dir = folder.path().join("postgres");
    config.store.url = url.as_str().into();
    let in_server = measure("postgres", config, url.as_str(), (n, rounds)).await;
    if in_file && in_server {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// An admin of the team who is signed in; the session's token.
async fn admin(app: &App) -> String {
    let (email, records) = ("ana@a.test", &app.records);
    let invite = Invite {
        id: "invite".to_owned(),
        team: TEAM.to_owned(),
        email: email.to_owned(),
        role: Role::Admin,
        created_ms: NOW,
        expires_ms: NOW + 1000,
    };
    let new = NewInvite {
        invite,
        token: "token".to_owned(),
        mail: None,
    };
    records.add_invites(&[new]).await.unwrap();
    let user = User {
        id: "user".to_owned(),
        team: TEAM.to_owned(),
        email: email.to_owned(),
        role: Role::Admin,
        status: Status::Active,
        profile: Profile::default(),
        created_ms: NOW,
    };
    records
        .accept_invite(&user, "$argon2id$none")
        .await
        .unwrap();
    let origin = Origin::default();
    let until = NOW + 86_400_000;
    records
        .add_session("user", &origin, NOW, until)
        .await
        .unwrap()
}

/// Every page, and the lists with each filter; `{middle}` is a callback in the middle of all.
const PAGES: &[(&str, &str)] = &[
    ("overview, a day", "overview"),
    ("overview, a week", "overview?range=week"),
    ("callbacks", "callbacks"),
    ("callbacks, from the middle", "callbacks?before={middle}"),
    ("callbacks, delivered", "callbacks?state=delivered"),
    ("callbacks, given up", "callbacks?state=dead"),
    ("callbacks, held: there are none", "callbacks?state=held"),
    ("callbacks, cancelled: few", "callbacks?state=cancelled"),
    ("callbacks, live", "callbacks?mode=live"),
    ("callbacks, test: few", "callbacks?mode=test"),
    ("callbacks, answered 503", "callbacks?status=503"),
    ("callbacks, answered 404: few", "callbacks?status=404"),
    ("callbacks, answered 201: none", "callbacks?status=201"),
    ("callbacks, no answer", "callbacks?status=none"),
    (
        "callbacks, 503 and given up",
        "callbacks?status=503&state=dead",
    ),
    (
        "callbacks, 503 and waiting: few",
        "callbacks?status=503&state=pending",
    ),
    ("callbacks, test and 503", "callbacks?mode=test&status=503"),
    (
        "callbacks, an hour",
        "callbacks?from=2023-11-14T10:00&until=2023-11-14T11:00",
    ),
    (
        "callbacks, an hour, given up",
        "callbacks?from=2023-11-14T10:00&until=2023-11-14T11:00&state=dead",
    ),
    ("callbacks, of a task", "callbacks?task=task-77"),
    ("one callback", "callbacks/{middle}"),
    ("replay", "replays?status=404"),
    ("endpoints", "endpoints"),
    ("tasks", "tasks"),
    ("tasks, a rare status", "tasks?status=canceled"),
    ("tasks, of a project", "tasks?project=project+7"),
    ("tasks, of a batch", "tasks?batch=batch+77"),
    ("one task", "tasks/{task}"),
    ("projects", "projects"),
    ("batches", "batches"),
    ("one batch", "batches/batch%2077"),
    ("team", "team"),
    ("keys", "keys"),
    ("audit log", "audit"),
    ("profile", "profile"),
];

/// Returns whether every page kept the bars.
async fn measure(name: &str, config: Config, url: &str, (n, rounds): (u64, usize)) -> bool {
    let clock = Clock::standing(NOW);
    let app = App::open(config, Process::All, clock, Shutdown::new())
        .await
        .unwrap();
    let started = Instant::now();
    app.records.add_team(TEAM, "Team A", NOW).await.unwrap();
    let token = admin(&app).await;
    rows::fill(url, n).await;
    let middle = callbacks::fill(&app, n).await;
    callbacks::settle(url).await;
    println!(
        "{name}: {n} callbacks, {n} tasks, filled in {:.0?}",
        started.elapsed()
    );
    println!(
        "{:<34} {:>8} {:>8} {:>8}",
        "page", "p50 ms", "p99 ms", "bytes"
    );
    let (mut routes, mut kept) = (dashboard::routes(app.clone()), true);
    let task = rows::Row::new(n / 2).id;
    for (page, path) in PAGES {
        let path = path.replace("{middle}", &middle).replace("{task}", &task);
        let (mut times, mut bytes) = (Vec::with_capacity(rounds), 0);
        for _ in 0..rounds {
            let started = Instant::now();
            bytes = get(&mut routes, &path, &token).await;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_unstable_by(f64::total_cmp);
        let (p50, p99) = (times[rounds / 2], times[rounds * 99 / 100]);
        let verdict = if p99 < BAR_MS && bytes < BAR_BYTES {
            ""
        } else {
            "  too much"
        };
        kept &= verdict.is_empty();
        println!("{page:<34} {p50:>8.2} {p99:>8.2} {bytes:>8}{verdict}");
    }
    app.journal.close().await;
    app.records.close().await;
    kept
}

/// Loads a page; returns how many bytes its answer has, headers and all.
async fn get(routes: &mut Router, path: &str, token: &str) -> usize {
    let request = Request::builder()
        .uri(format!("/dashboard/{path}"))
        .header("cookie", format!("__Host-ringback={token}"))
        .body(Body::empty())
        .unwrap();
    let (head, body) = routes.call(request).await.unwrap().into_parts();
    assert_eq!(head.status, StatusCode::OK, "{path}");
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    headers.sum::<usize>() + body.collect().await.unwrap().to_bytes().len()
}
