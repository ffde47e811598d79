//! Looks at the servers behind `queue.url`, for whoever wants to know whether a gateway could
//! use them. Changes nothing, not even the queue's own keys.

use crate::queue::redis::link::{Link, LinkError, LinkOptions};
use redis::FromRedisValue;
use std::path::PathBuf;

/// One master as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `Redis` or `Valkey`.
    pub name: &'static str,
    /// Such as `7.2.4`.
    pub version: String,
    /// Whether the Redis it is, or is compatible with, is 7 or newer.
    pub is_new_enough: bool,
    /// Bytes it may use; none without a limit.
    pub memory_bytes_max: Option<u64>,
    /// What it does at that limit, such as `noeviction`.
    pub policy: String,
}

impl Server {
    /// Whether it may throw entries of the queue away when its memory is full.
    #[must_use]
    pub fn evicts(&self) -> bool {
        self.policy != "noeviction"
    }
}

/// Asks every master.
///
/// # Errors
/// [`LinkError`] when one does not answer or the settings are wrong.
pub async fn probe(url: &str, tls_ca_file: Option<PathBuf>) -> Result<Vec<Server>, LinkError> {
    let options = LinkOptions {
        tls_ca_file,
        ..LinkOptions::default()
    };
    let link = Link::open(url, options).await?;
    let mut servers = Vec::new();
    for told in link.command(&["INFO"]).await {
        let text = String::from_redis_value(told?)
            .map_err(|error| LinkError::Unavailable(error.to_string()))?;
        servers.push(read(&text));
    }
    Ok(servers)
}

fn read(info: &str) -> Server {
    let figure = |name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let compatible = figure("redis_version").unwrap_or_default();
    let (name, version) = match figure("valkey_version") {
        Some(version) => ("Valkey", version),
        None => ("Redis", compatible),
    };
    let major = compatible.split('.').next().and_then(|it| it.parse().ok());
    let memory = figure("maxmemory").and_then(|it| it.parse().ok());
    Server {
        name,
        version: version.to_owned(),
        is_new_enough: major.is_some_and(|major: u32| major >= 7),
        memory_bytes_max: memory.filter(|bytes| *bytes > 0),
        policy: figure("maxmemory_policy").unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn versions_are_compared_by_what_they_are_compatible_with() {
        let old = read("redis_version:6.2.14\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n");
        assert!(!old.is_new_enough && !old.evicts());
        assert_eq!(old.memory_bytes_max, None);
        let valkey = read(
            "redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nmaxmemory:1048576\r\n\
             maxmemory_policy:allkeys-lru\r\n",
        );
        assert!(valkey.is_new_enough && valkey.evicts());
        assert_eq!((valkey.name, &*valkey.version), ("Valkey", "8.1.1"));
        assert_eq!(valkey.memory_bytes_max, Some(1_048_576));
        assert!(!read("").is_new_enough);
    }
}
