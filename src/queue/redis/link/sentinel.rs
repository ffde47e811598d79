//! Which server is the master now: what most sentinels say, tried in that order. Keeps
//! nothing: after a failover the sentinels are asked again.

use super::dial::{DialError, Dialer};
use super::url::Address;
use futures_util::future::join_all;
use redis::{FromRedisValue, Value};

pub(super) struct Sentinels {
    /// The name under which they watch the master.
    master: String,
    hosts: Vec<Address>,
    dialer: Dialer,
}

impl Sentinels {
    /// `dialer` has the sentinels' own login.
    pub(super) fn new(master: String, hosts: Vec<Address>, dialer: Dialer) -> Self {
        Self {
            master,
            hosts,
            dialer,
        }
    }

    /// Where the master may be, the most likely place first. All sentinels are asked at
    /// once: one that is down, or cut off together with an old master, must not decide.
    pub(super) async fn masters(&self) -> Result<Vec<Address>, DialError> {
        let answers = join_all(self.hosts.iter().map(|host| self.ask(host))).await;
        let mut votes: Vec<(Address, u32)> = Vec::new();
        let mut last_error = None;
        for answer in answers {
            match answer {
                Ok(address) => match votes.iter_mut().find(|(known, _)| *known == address) {
                    Some((_, count)) => *count += 1,
                    None => votes.push((address, 1)),
                },
                // A refusal is worth more than a sentinel that is merely away.
                Err(error @ DialError::Refused(_)) => last_error = Some(error),
                Err(error) => last_error = last_error.or(Some(error)),
            }
        }
        votes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        match last_error {
            Some(error) if votes.is_empty() => Err(error),
            _ => Ok(votes.into_iter().map(|(address, _)| address).collect()),
        }
    }

    async fn ask(&self, host: &Address) -> Result<Address, DialError> {
        let late = || DialError::Unreachable(format!("sentinel {host} does not answer in time"));
        let asked = async {
            let mut dialled = self.dialer.dial(host, None).await?;
            let mut question = redis::pipe();
            question
                .cmd("SENTINEL")
                .arg("get-master-addr-by-name")
                .arg(&self.master);
            let answer = dialled.ask(&question).await?;
            self.address_in(host, answer)
        };
        tokio::time::timeout(self.dialer.connect_timeout, asked)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    fn address_in(&self, host: &Address, answer: Vec<Value>) -> Result<Address, DialError> {
        let answer = answer.into_iter().next().unwrap_or_default();
        if answer == Value::Nil {
            let master = &self.master;
            return Err(DialError::Refused(format!(
                "queue.url: sentinel {host} knows no master {master:?}: correct the name"
            )));
        }
        <(String, u16)>::from_redis_value(answer)
            .map(|(host, port)| Address { host, port })
            .map_err(|error| DialError::Unreachable(format!("sentinel {host}: {error}")))
    }
}
