//! The distributed shape: one process for the API and some workers, on PostgreSQL and
//! Redis servers of the bench's own.

use super::gateway::{Gateway, process_cpu_us};
use super::load::Client;
use super::postgres::Postgres;
use super::redis::Redis;
use std::sync::Arc;

pub(crate) struct Fleet {
    pub(crate) gateway: Arc<Gateway>,
    postgres: Postgres,
    redis: Redis,
}

/// Processor time since the start, microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) gateway: u64,
    pub(crate) redis: u64,
    pub(crate) postgres: u64,
    /// What Redis itself counts as spent in scripts.
    pub(crate) scripts: u64,
}

impl Fleet {
    pub(crate) async fn start(client: &Client, workers: usize) -> Self {
        let postgres = Postgres::own().await;
        let redis = Redis::start();
        let settings = format!(
            "store.url = \"{}\"\nqueue.url = \"{}\"\n",
            postgres.database().await,
            redis.url()
        );
        let gateway = Arc::new(Gateway::start_fleet(client, &settings, workers));
        Self {
            gateway,
            postgres,
            redis,
        }
    }

    pub(crate) fn spent(&self) -> Spent {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "microseconds since a start"
        )]
        let scripts = self.redis.script_us() as u64;
        Spent {
            gateway: self.gateway.cpu_us(),
            redis: process_cpu_us(self.redis.pid()),
            postgres: family_cpu_us(self.postgres.pid()),
            scripts,
        }
    }
}

/// Of a process and its children.
fn family_cpu_us(parent: u32) -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        after_name.split(' ').nth(1) == Some(parent.to_string().as_str())
    };
    let children = ids.filter(is_child).map(process_cpu_us);
    process_cpu_us(parent) + children.sum::<u64>()
}
