//! A master, its replica, and three sentinels that promote it within two seconds.
//! Servers and sentinels have different passwords.

use super::server::{Program, Server};
use super::{PATIENCE, command, transaction, try_command, until};
use crate::support::authority::Authority;
use redis::{FromRedisValue, Value};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

const PASSWORD: &str = "server-password";
const SENTINEL_PASSWORD: &str = "sentinel-password";
const MASTER_NAME: &str = "ringback";

pub(crate) struct Sentinels {
    /// The first master, then its replica.
    servers: [Server; 2],
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Returns when the replica follows and the sentinels know it and each other.
    pub(crate) fn start(program: Program) -> Self {
        Self::start_with(program, None)
    }

    /// All of them speak TLS, among themselves as well.
    pub(crate) fn with_tls(authority: &Authority) -> Self {
        Self::start_with(Program::Redis, Some(authority))
    }

    fn start_with(program: Program, tls: Option<&Authority>) -> Self {
        let arguments = [
            ["--requirepass", PASSWORD],
            ["--masterauth", PASSWORD],
            // A master would wait 5 s for more replicas before it copies.
            ["--repl-diskless-sync-delay", "0"],
        ];
        let arguments = arguments.as_flattened();
        let master = Server::start(program, arguments, tls);
        let master_port = master.address().port().to_string();
        let replica_of = ["--replicaof", "127.0.0.1", &master_port];
        let replica = Server::start(program, &[arguments, &replica_of].concat(), tls);
        let settings = format!(
            "sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} 2\n\
             sentinel auth-pass {MASTER_NAME} {PASSWORD}\n\
             sentinel down-after-milliseconds {MASTER_NAME} 500\n\
             sentinel failover-timeout {MASTER_NAME} 2000\n\
             requirepass {SENTINEL_PASSWORD}\n\
             sentinel sentinel-pass {SENTINEL_PASSWORD}\n"
        );
        let sentinels = (0..3).map(|_| Server::start_sentinel(program, &settings, tls));
        let this = Self {
            servers: [master, replica],
            sentinels: sentinels.collect(),
        };
        until("the replica follows", || this.follows());
        // They greet each other every two seconds, which is long at the start.
        this.greet_every("100");
        until("the sentinels know everybody", || {
            this.sentinels.iter().all(knows_everybody)
        });
        this.greet_every("2000");
        this
    }

    fn greet_every(&self, milliseconds: &str) {
        for sentinel in &self.sentinels {
            let words = ["SENTINEL", "DEBUG", "PUBLISH-PERIOD", milliseconds];
            command(sentinel.port, Some(SENTINEL_PASSWORD), &words);
        }
    }

    /// For `queue.url`.
    pub(crate) fn url(&self) -> String {
        self.url_with(PASSWORD, SENTINEL_PASSWORD, MASTER_NAME)
    }

    pub(crate) fn url_with(&self, password: &str, sentinel_password: &str, name: &str) -> String {
        let hosts = self.sentinels.iter();
        let hosts: Vec<String> = hosts.map(|host| host.address().to_string()).collect();
        let scheme = self.sentinels[0].scheme();
        format!(
            "{scheme}-sentinel://:{password}@{}/{name}?sentinel_password={sentinel_password}",
            hosts.join(",")
        )
    }

    /// One command on the first master (0) or its replica (1).
    pub(crate) fn command(&self, server: usize, words: &[&str]) -> Value {
        command(self.servers[server].port, Some(PASSWORD), words)
    }

    /// Several commands that nothing comes between, on the first master (0) or its replica (1).
    pub(crate) fn transaction(&self, server: usize, commands: &[Vec<String>]) -> Vec<Value> {
        transaction(self.servers[server].port, Some(PASSWORD), commands)
    }

    pub(crate) fn address(&self, server: usize) -> SocketAddr {
        self.servers[server].address()
    }

    /// kill -9. The other is promoted.
    pub(crate) fn kill(&mut self, server: usize) {
        self.servers[server].kill();
    }

    /// Starts it on the same port, empty, as what its arguments say it is.
    pub(crate) fn restart(&mut self, server: usize) {
        self.servers[server].restart();
    }

    /// kill -9 of a sentinel, 0 to 2.
    pub(crate) fn kill_sentinel(&mut self, sentinel: usize) {
        self.sentinels[sentinel].kill();
    }

    /// Returns when the replica is the master.
    pub(crate) async fn until_promoted(&self) {
        let promoted = async {
            let master = Value::BulkString(b"master".to_vec());
            // A server that becomes a master closes connections: no answer is "not yet".
            let role = || try_command(self.servers[1].port, Some(PASSWORD), &["ROLE"]);
            while !matches!(role(), Ok(Value::Array(role)) if role[0] == master) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let promoted = tokio::time::timeout(6 * PATIENCE, promoted).await;
        promoted.expect("the replica is promoted");
    }

    /// The replica follows by way of this address, such as a proxy's. The sentinels would
    /// correct it after four times the period of their greetings.
    pub(crate) fn follow_through(&self, address: SocketAddr) {
        self.greet_every("60000");
        let port = address.port().to_string();
        self.command(1, &["REPLICAOF", "127.0.0.1", &port]);
        until("the replica follows again", || self.follows());
    }

    /// As an operator changes the parts by hand: the replica becomes the master and the
    /// sentinels are told. No connection is closed.
    pub(crate) fn swap_by_hand(&self) {
        let new = self.address(1).port().to_string();
        self.command(1, &["REPLICAOF", "NO", "ONE"]);
        self.command(0, &["REPLICAOF", "127.0.0.1", &new]);
        until("the old master follows", || {
            let role = self.command(0, &["ROLE"]);
            matches!(role, Value::Array(role) if role[0] == Value::BulkString(b"slave".to_vec()))
        });
        for sentinel in &self.sentinels {
            let tell = |words: &[&str]| command(sentinel.port, Some(SENTINEL_PASSWORD), words);
            tell(&["SENTINEL", "REMOVE", MASTER_NAME]);
            tell(&["SENTINEL", "MONITOR", MASTER_NAME, "127.0.0.1", &new, "2"]);
            tell(&["SENTINEL", "SET", MASTER_NAME, "auth-pass", PASSWORD]);
        }
    }

    fn follows(&self) -> bool {
        let info = String::from_redis_value(self.command(1, &["INFO", "replication"])).unwrap();
        info.lines().any(|line| line == "master_link_status:up")
    }
}

fn knows_everybody(sentinel: &Server) -> bool {
    let words = ["SENTINEL", "MASTER", MASTER_NAME];
    let answer = command(sentinel.port, Some(SENTINEL_PASSWORD), &words);
    let figures = HashMap::<String, String>::from_redis_value(answer).unwrap();
    figures["num-slaves"] == "1" && figures["num-other-sentinels"] == "2"
}
