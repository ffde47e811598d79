//! Everything that an operator has: an API process and a worker on PostgreSQL and Redis, an
//! embedded process on a small disk, and a Prometheus that scrapes them all.

use crate::support::endpoint::Endpoint;
use crate::support::postgres::Postgres;
use crate::support::process::{Gateway, Home};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use ringback::clock::Clock;
use serde_json::json;
use std::path::Path;

/// Teams that a fault is given to.
pub(super) const TEAMS: [&str; 3] = ["team_a", "team_b", "team_c"];

pub(super) struct Stage {
    pub(super) prometheus: Prometheus,
    pub(super) postgres: Postgres,
    pub(super) store_url: String,
    pub(super) redis: Redis,
    pub(super) home: Home,
    pub(super) api: Gateway,
    pub(super) worker: Gateway,
    /// Embedded, on a disk of 80 MiB.
    pub(super) small: Gateway,
    pub(super) small_home: Home,
    /// Of every team.
    pub(super) receiver: Endpoint,
    /// When it began, in seconds since 1970.
    pub(super) start_s: u64,
    events: usize,
}

/// The rules with short spans, so that a fault is seen within seconds: every `for` is 1 s,
/// every range 10 s, and what may be late may be late by less.
fn quick(rules: &str) -> String {
    let replaced = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "the rules have no {from:?} any more");
        text.replace(from, to)
    };
    let lines = rules.lines().map(|line| {
        let is_span = line.trim_start().starts_with("for:");
        if is_span { "        for: 1s" } else { line }
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for (from, to) in [
        ("[5m]", "[10s]"),
        ("[10m]", "[10s]"),
        ("_due_seconds) > 300", "_due_seconds) > 3"),
        ("[10s]))) > 60", "[10s]))) > 2"),
    ] {
        text = replaced(text, from, to);
    }
    text
}

impl Stage {
    pub(super) async fn set(trusted: &Path) -> Self {
        let rules = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/alerts/ringback.yml"),
        );
        let prometheus = Prometheus::start(&quick(&rules.unwrap())).await;
        let (postgres, redis) = (Postgres::own().await, Redis::start());
        let store_url = postgres.database().await;
        let home = Home::make(&format!(
            "store.url = \"{store_url}\"\nstore.connections_max = 10\nqueue.url = \"{}\"\n\
             queue.slots = 16\nqueue.lease_ms = 8000\ndelivery.attempt_timeout_ms = 3000\n\
             delivery.connect_timeout_ms = 1000\ndelivery.extra_ca_file = \"{}\"\n\
             retry.first_delay_ms = 1000\nretry.factor = 1.0\noperator.teams_named_max = 5\n",
            redis.url(),
            trusted.display()
        ));
        let small_home = Home::make("");
        let stage = Self {
            api: home.serve_as("api"),
            worker: home.serve_as("worker"),
            small: small_home.serve_on_small_disk(80),
            receiver: Endpoint::answering([200]).await,
            start_s: now_s(),
            events: 0,
            prometheus,
            postgres,
            store_url,
            redis,
            home,
            small_home,
        };
        for team in TEAMS {
            stage.put_team(team, &stage.receiver.url()).await;
        }
        stage.scrape().await;
        stage
    }

    pub(super) async fn put_team(&self, team: &str, url: &str) {
        let body = json!({"default_callback_url": url});
        self.api.put_team_named(team, body).await;
    }

    /// Prometheus scrapes all processes, as they are now.
    pub(super) async fn scrape(&self) {
        let all = [&self.api, &self.worker, &self.small];
        let targets = all.map(|process| process.operator.as_str());
        self.prometheus.scrape(&targets).await;
    }

    /// Hands in so many results for a team. Whether they were taken.
    pub(super) async fn hand_in(&mut self, team: &str, count: usize) -> bool {
        let events: Vec<_> = (0..count)
            .map(|n| format!("e{}", self.events + n))
            .collect();
        self.events += count;
        self.api.hand_in_for(team, &events).await.is_some()
    }

    /// Another worker in the place of the one that runs.
    pub(super) async fn restart_worker(&mut self) {
        let worker = self.home.serve_as("worker");
        std::mem::replace(&mut self.worker, worker).kill();
        self.scrape().await;
    }
}

pub(super) fn now_s() -> u64 {
    Clock::system().now() / 1000
}
