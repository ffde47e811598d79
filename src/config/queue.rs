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
        if !(1..=SHARDS_MAX).contains(&self.redis_shards) {
            problems.push(format!("queue.redis_shards must be from 1 to {SHARDS_MAX}"));
        }
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if self.redis_prefix.is_empty() || !self.redis_prefix.bytes().all(is_legal) {
            problems.push("queue.redis_prefix must be of a-z, A-Z, 0-9, _ - . and :".to_owned());
        }
        problems
    }
}
