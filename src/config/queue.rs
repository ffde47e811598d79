//! Which queue `[queue]` means.

use crate::config::Queue;

const REDIS: [&str; 6] = [
    "redis",
    "rediss",
    "redis-sentinel",
    "rediss-sentinel",
    "redis-cluster",
    "rediss-cluster",
];
/// Enough to spread over the nodes of any cluster that one queue needs.
const SHARDS_OF_A_CLUSTER: usize = 16;
/// More would only make batches smaller.
const SHARDS_MAX: u32 = 1024;

impl Queue {
    /// The server's URL, if it is Redis; else the memory of this process is meant.
    #[must_use]
    pub fn redis_url(&self) -> Option<&str> {
        REDIS
            .contains(&self.url.scheme())
            .then(|| self.url.reveal())
    }

    /// Parts of the queue in Redis.
    #[must_use]
    pub fn redis_shards(&self) -> usize {
        match self.redis_shards {
            0 if self.url.scheme().ends_with("-cluster") => SHARDS_OF_A_CLUSTER,
            0 => 1,
            shards => shards as usize,
        }
    }

    /// Every broken rule. Tells of the URL only what holds no password.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.redis_url().is_none() && self.url.reveal() != "memory:" {
            problems.push(format!(
                "queue.url must be \"memory:\" or start with redis://, rediss://, \
                 redis-sentinel:// or redis-cluster://; it starts with {:?}",
                self.url.scheme()
            ));
        }
        if self.redis_shards > SHARDS_MAX {
            problems.push(format!(
                "queue.redis_shards must be from 0 (automatic) to {SHARDS_MAX}"
            ));
        }
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if self.redis_prefix.is_empty() || !self.redis_prefix.bytes().all(is_legal) {
            problems.push("queue.redis_prefix must be of a-z, A-Z, 0-9, _ - . and :".to_owned());
        }
        problems
    }
}
