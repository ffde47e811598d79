//! The distributed shape: one process for the API and some workers, on PostgreSQL and
//! Redis servers of the bench's own.

use super::gateway::{Gateway, process_cpu_us};
use super::load::Client;
use super::postgres::Postgres;
use super::redis::Redis;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;

pub(crate) struct Fleet {
    pub(crate) gateway: Arc<Gateway>,
    database: String,
    postgres_id: u32,
    redis: Redis,
    _postgres: Postgres,
}

/// Since the start; processor time in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) gateway: u64,
    pub(crate) redis: u64,
    pub(crate) postgres: u64,
    /// What Redis itself counts as spent in scripts.
    pub(crate) scripts: u64,
    /// Bytes of PostgreSQL's log.
    pub(crate) log_bytes: u64,
}

impl Fleet {
    pub(crate) async fn start(client: &Client, workers: usize) -> Self {
        let postgres = Postgres::own().await;
        let redis = Redis::start();
        let database = postgres.database().await;
        let settings = format!(
            "store.url = \"{database}\"\nqueue.url = \"{}\"\n",
            redis.url()
        );
        let gateway = Arc::new(Gateway::start_fleet(client, &settings, workers));
        Self {
            gateway,
            postgres_id: server_of(&database).await,
            database,
            redis,
            _postgres: postgres,
        }
    }

    pub(crate) async fn spent(&self) -> Spent {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "microseconds since a start"
        )]
        let scripts = self.redis.script_us() as u64;
        Spent {
            gateway: self.gateway.cpu_us(),
            redis: process_cpu_us(self.redis.pid()),
            postgres: family_cpu_us(self.postgres_id),
            scripts,
            log_bytes: log_bytes(&self.database).await,
        }
    }
}

async fn log_bytes(database: &str) -> u64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    let bytes: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    bytes.cast_unsigned()
}

/// The process whose children serve the connections.
async fn server_of(database: &str) -> u32 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let id: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    parent_of(id.cast_unsigned()).expect("a backend has a parent")
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let after_name = stat.rsplit(") ").next()?;
    after_name.split(' ').nth(1)?.parse().ok()
}

/// Of a process and its children.
fn family_cpu_us(parent: u32) -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = ids.filter(|&id| parent_of(id) == Some(parent));
    process_cpu_us(parent) + children.map(process_cpu_us).sum::<u64>()
}
