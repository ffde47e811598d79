//! An embedded installation, the database that it moves to, and the gateways that run there
//! afterwards.

use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::process::{Gateway, Home, ringback};
use crate::support::redis::Redis;
use ringback::callback::{Callback, IdSequence, Mode};
use ringback::config::Config;
use ringback::journal::{Appended, Journal, NewCallback};
use ringback::metrics::Metrics;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Moving {
    pub(crate) old: Home,
    /// On the database; with a data folder of its own and the old one's key.
    pub(crate) new: Home,
    pub(crate) database: String,
    _redis: Redis,
}

impl Moving {
    /// An installation with no more than a producer, and an empty database. `settings` is
    /// more TOML for the old gateway and the new ones.
    pub(crate) async fn make(settings: &str) -> Self {
        let database = Postgres::shared().await.database().await;
        let old = Home::make(settings);
        let redis = Redis::start();
        let mut new = Home::make_config(&format!(
            "store.url = \"{database}\"\nqueue.url = \"{}\"\ndata.vault_key_file = \"{}\"\n{settings}",
            redis.url(),
            old.data().join("vault.key").display(),
        ));
        new.key.clone_from(&old.key);
        Self {
            old,
            new,
            database,
            _redis: redis,
        }
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let from = format!("sqlite:{}", self.old.data().display());
        let mut command = ringback(&["migrate-store", "--from", &from, "--to", &self.database]);
        command.args(more);
        command
    }

    /// The command to its end.
    pub(crate) async fn migrate(&self, more: &[&str]) -> Output {
        let mut command = self.command(more);
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = running.await.unwrap();
        let (told, refused) = (text(&output.stdout), text(&output.stderr));
        assert!(
            !format!("{told}{refused}").contains(PASSWORD),
            "{told}{refused}"
        );
        output
    }

    /// The command to its good end; what it said.
    pub(crate) async fn migrated(&self, more: &[&str]) -> String {
        let output = self.migrate(more).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The command to its bad end; why.
    pub(crate) async fn refused(&self, more: &[&str]) -> String {
        let output = self.migrate(more).await;
        assert!(!output.status.success(), "{}", text(&output.stdout));
        text(&output.stderr)
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.old.data().join("moved").exists()
    }

    /// Why no gateway starts.
    pub(crate) fn refused_gateway(home: &Home) -> String {
        let output = home.run(&["serve"]);
        assert!(!output.status.success());
        text(&output.stderr)
    }

    /// Callbacks as nobody has attempted them, straight into the old journal.
    pub(crate) async fn fill(&self, callbacks: usize) {
        let settings = std::fs::read_to_string(self.old.config()).unwrap();
        let config = Config::build(Some(("old", &settings)), std::iter::empty()).unwrap();
        let journal = Journal::open(&config, Metrics::new()).await.unwrap();
        let mut ids = IdSequence::after(journal.last_id().await.unwrap());
        let new: Vec<_> = (0..callbacks).map(|_| callback(&mut ids)).collect();
        for batch in new.chunks(1000) {
            let answers = journal.append(batch.to_vec()).await.unwrap();
            assert!(answers.iter().all(|answer| *answer == Appended::New));
        }
        journal.close().await;
    }

    /// Callbacks that have arrived; none while there is no table for them.
    pub(crate) async fn copied(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        let copied = sqlx::query_scalar("SELECT count(*) FROM results");
        copied.fetch_one(&mut connection).await.unwrap_or(0)
    }

    /// One number from the database.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
}

fn callback(ids: &mut IdSequence) -> NewCallback {
    let id = ids.next(1_700_000_000_000, rand::random());
    NewCallback {
        callback: Arc::new(Callback {
            id,
            team: "nobody".into(),
            event_id: id.to_string(),
            task_id: id.to_string(),
            project: None,
            mode: Mode::Live,
            url: None,
            trace: None,
            body: vec![b'x'; 1000].into(),
            attempts: 0,
            forgiven: 0,
        }),
        digest: [7; 32],
        held: None,
    }
}

/// A call of the API; its answer must be a good one.
pub(crate) async fn call(
    gateway: &Gateway,
    key: &str,
    (method, path): (&str, &str),
    body: Value,
) -> Value {
    let client = reqwest::Client::new();
    let request = client.request(
        method.parse().unwrap(),
        format!("{}/internal/v1/{path}", gateway.api),
    );
    let request = request
        .bearer_auth(key)
        .header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

/// Polls until it holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let hang = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < hang, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Stops it in good order.
pub(crate) async fn stop(gateway: Gateway) {
    gateway.signal("TERM");
    assert!(gateway.ended().await.success());
}
