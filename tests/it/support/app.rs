//! A gateway in this process: real journal, records, queue, router and worker, a clock
//! that stands still, and endpoints on loopback.

use super::endpoint::Endpoint;
use super::redis::Redis;
use super::store::configs;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use ringback::api;
use ringback::app::{App, Role};
use ringback::callback::{CallbackId, State};
use ringback::clock::Clock;
use ringback::config::Config;
use ringback::delivery;
use ringback::delivery::attempt;
use ringback::delivery::client::{Client, ClientSettings};
use ringback::delivery::settle::Finished;
use ringback::delivery::transports::Transports;
use ringback::mail::Sender;
use ringback::queue::Claim;
use ringback::shutdown::Shutdown;
use serde_json::{Value, json};
use tower_service::Service;

pub(crate) const TEAM: &str = "team_a";
/// 14 November 2023; any time will do.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    transports: Transports,
    key: String,
    folder: tempfile::TempDir,
    /// The queue of the distributed shape.
    redis: Option<Redis>,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With some settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        Self::open(folder, config, Clock::standing(START_MS), None).await
    }

    /// One of either shape, with some settings changed: SQLite and the queue in memory,
    /// PostgreSQL and the queue in Redis.
    pub(crate) async fn in_both_shapes(change: impl Fn(&mut Config)) -> Vec<Self> {
        let mut apps = Vec::new();
        for (_, mut config, folder) in configs().await {
            change(&mut config);
            let redis = config.store.postgres_url().map(|_| Redis::start());
            if let Some(redis) = &redis {
                config.queue.url = redis.url().as_str().into();
            }
            apps.push(Self::open(folder, config, Clock::standing(START_MS), redis).await);
        }
        apps
    }

    /// Closes everything without settling anything and opens it again.
    pub(crate) async fn restart(self) -> Self {
        let (config, clock) = (self.app.config.as_ref().clone(), self.clock.clone());
        self.app.journal.close().await;
        self.app.records.close().await;
        let Self {
            app,
            folder,
            transports,
            redis,
            ..
        } = self;
        drop((app, transports));
        Self::open(folder, config, clock, redis).await
    }

    async fn open(
        folder: tempfile::TempDir,
        config: Config,
        clock: Clock,
        redis: Option<Redis>,
    ) -> Self {
        // Boxed: what it holds while it opens would make every test's future large.
        let opening = App::open(config, Role::All, clock.clone(), Shutdown::new());
        let app = Box::pin(opening).await.unwrap();
        let client = Client::new(ClientSettings {
            guard: app.guard.clone(),
            ..ClientSettings::default()
        });
        let transports = Transports {
            http: client.unwrap(),
            mail: Sender::open(&app.config).unwrap(),
        };
        let name = format!("producer-{}", rand::random::<u64>());
        let key = app.records.add_producer(&name, START_MS).await.unwrap();
        if app.records.team(TEAM).await.unwrap().is_none() {
            app.records
                .add_team(TEAM, "Team A", START_MS)
                .await
                .unwrap();
        }
        delivery::rebuild::fill(&app).await;
        Self {
            app,
            clock,
            transports,
            key,
            folder,
            redis,
        }
    }

    /// A call with the producer's key.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, "application/json", body, Some(&self.key))
            .await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
        key: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.request(request.body(body.into()).unwrap()).await
    }

    /// Any request, through the router.
    pub(crate) async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.routes().call(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: head.status,
            retry_after: head
                .headers
                .get("retry-after")
                .map(|value| value.to_str().unwrap().to_owned()),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// What a server would serve.
    pub(crate) fn routes(&self) -> Router {
        api::routes(self.app.clone())
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Hands in one result for the team; `change` is merged into it. Returns its id.
    pub(crate) async fn submit(&self, event: &str, change: Value) -> CallbackId {
        let answer = self
            .call("POST", "/internal/v1/results", result(event, change))
            .await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        CallbackId(
            answer.body["callback_id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
        )
    }

    pub(crate) async fn set_default(&self, endpoint: &Endpoint) -> Answer {
        let body = json!({"default_callback_url": endpoint.url()});
        self.call("PUT", &format!("/internal/v1/teams/{TEAM}"), body)
            .await
    }

    /// From now on mail goes to the server at this port of loopback.
    pub(crate) fn mails_through(&mut self, port: u16) {
        let mut config = self.app.config.as_ref().clone();
        config.mail.url = format!("smtp://127.0.0.1:{port}").as_str().into();
        self.transports.mail = Sender::open(&config).unwrap();
    }

    /// Attempts whatever is due now, to the end.
    pub(crate) async fn run_due(&self) {
        delivery::run_due(&self.app, &self.transports).await;
    }

    /// One claim's attempt, without settling it.
    pub(crate) async fn attempt(&self, claim: Claim) -> Finished {
        let loaded = self.app.journal.load_open(&[claim.entry.id]).await;
        let callback = loaded.unwrap().pop().expect("it is open");
        attempt::run(&self.app, &self.transports, claim, &callback).await
    }

    /// Advances the clock to the next due time again and again until nothing is left to do.
    pub(crate) async fn run_to_the_end(&self) {
        self.run_due().await;
        while let Some(due) = self.app.queue.next_due().await.unwrap() {
            self.clock.advance_ms(due.saturating_sub(self.clock.now()));
            self.run_due().await;
        }
    }

    pub(crate) async fn state(&self, id: CallbackId) -> State {
        self.app
            .journal
            .detail(id)
            .await
            .unwrap()
            .expect("accepted")
            .state
    }

    pub(crate) async fn explain(&self, id: CallbackId) -> Value {
        let path = format!("/internal/v1/callbacks/{id}/explain");
        self.call("GET", &path, Value::Null).await.body
    }
}

pub(crate) fn config(folder: &tempfile::TempDir) -> Config {
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    folder.path().clone_into(&mut config.data.dir);
    config.delivery.private_networks_allowed = vec!["127.0.0.0/8".parse().unwrap()];
    config
}

/// A legal result; `change` is merged into it.
pub(crate) fn result(event: &str, change: Value) -> Value {
    let mut result = json!({
        "event_id": event, "team_id": TEAM, "task_id": format!("task-{event}"), "mode": "live",
        "status": "completed", "response": {"annotations": []},
    });
    if let Value::Object(change) = change {
        for (key, value) in change {
            result[key] = value;
        }
    }
    result
}
