//! What watching costs: `cargo bench --bench operators`. How long a scrape takes with a
//! million callbacks pending in ten thousand lanes, in memory and in Redis, and what is
//! counted and said for one callback from its acceptance to its end.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the table is for people")]

#[expect(dead_code, reason = "another bench uses more of it")]
#[path = "queue/server.rs"]
mod redis;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use redis::Redis;
use ringback::api;
use ringback::app::{App, Role};
use ringback::callback::diagnosis::{ALL, Diagnosis};
use ringback::callback::{CallbackId, State, TaskKey, TeamId};
use ringback::clock::Clock;
use ringback::config::Config;
use ringback::metrics::Metrics;
use ringback::metrics::labels::{ResultAnswer, Turn, VerdictKind};
use ringback::queue::{Entry, Origin};
use ringback::shutdown::Shutdown;
use ringback::telemetry::LogFilter;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_service::Service;
use uuid::Uuid;

const PENDING: usize = 1_000_000;
const LANES: usize = 10_000;
const LANES_OF_A_TEAM: usize = 100;
const SCRAPES: usize = 50;
const LIVES: u32 = 1_000_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // Cargo adds `--bench` when it measures; without it this is only a test that it runs.
    let measures = std::env::args().any(|arg| arg == "--bench");
    let pending = if measures { PENDING } else { 1000 };
    println!("scrape, {pending} pending, {LANES} lanes: median, slowest");
    runtime.block_on(scrape("memory", "memory:", pending));
    let redis = Redis::start();
    runtime.block_on(scrape("redis", &redis.url(), pending));
    println!("counted for one callback: {:?}", counted());
}

async fn scrape(name: &str, queue_url: &str, pending: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    folder.path().clone_into(&mut config.data.dir);
    config.queue.url = queue_url.into();
    let app = App::open(config, Role::All, Clock::system(), Shutdown::new()).await;
    let app = app.unwrap();
    let token = app.queue.begin_rebuild().await.unwrap().unwrap();
    let entries: Vec<Entry> = (0..pending).map(|n| entry(n, app.clock.now())).collect();
    for page in entries.chunks(4096) {
        let pushed = app.queue.push_rebuilt(token, page.to_vec()).await;
        assert_eq!(pushed.unwrap(), []);
    }
    assert!(app.queue.end_rebuild(token).await.unwrap());
    let mut routes = api::operator_routes(app, LogFilter::unchanging());
    let mut took = Vec::new();
    for _ in 0..SCRAPES {
        let started = Instant::now();
        let request = Request::builder().uri("/metrics").body(Body::empty());
        let answer = routes.call(request.unwrap()).await.unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        took.push(started.elapsed());
        let lanes = format!("ringback_lanes_known {}", LANES.min(pending));
        assert!(String::from_utf8_lossy(&text).contains(&lanes));
    }
    took.sort();
    println!(
        "  {name:8} {:?}, {:?}",
        took[SCRAPES / 2],
        took[SCRAPES - 1]
    );
}

fn entry(n: usize, now: u64) -> Entry {
    let lane = n % LANES;
    let team: TeamId = format!("team_{}", lane / LANES_OF_A_TEAM).into();
    let origin: Origin = format!("https://host{lane}.example").into();
    let number = u128::try_from(n + 1).unwrap();
    Entry {
        id: CallbackId(Uuid::from_u128(number)),
        team,
        origin,
        task: TaskKey(number),
        due: now,
        latest_only: false,
        held: false,
    }
}

/// Everything that is counted on the way of one callback that is delivered at once.
fn counted() -> Duration {
    let metrics = Metrics::new();
    let (team, delivered): (TeamId, Diagnosis) = (Arc::from("team"), ALL[0]);
    let started = Instant::now();
    for _ in 0..LIVES {
        let metrics = black_box(&metrics);
        metrics.results_total.of(ResultAnswer::Accepted).inc();
        metrics.journal_waiting.inc();
        metrics.journal_waiting.dec();
        metrics.claim_late_seconds.of(Turn::First).observe(0.002);
        metrics.first_attempt_seconds.observe(0.002);
        metrics.attempts_in_flight.inc();
        metrics.attempts_total.of(delivered).inc();
        metrics.verdicts_total.of(VerdictKind::Delivered).inc();
        metrics.attempted(&team, true);
        metrics.attempt_seconds.observe(0.01);
        metrics.delivery_seconds.observe(0.02);
        metrics.attempts_in_flight.dec();
        metrics.callbacks_settled_total.of(State::Delivered).inc();
        tracing::debug!(target: "ringback::attempt", "not logged");
    }
    started.elapsed() / LIVES
}
