//! A cluster of three masters. Each knows a password; when one is away, the others go on.

use super::server::{Program, Server};
use super::{command, until};
use crate::support::authority::Authority;
use redis::{FromRedisValue, Value};

const PASSWORD: &str = "cluster-password";

/// The first and last slot of each node.
const RANGES: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

pub(crate) struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Returns when every node serves every slot.
    pub(crate) fn start(program: Program) -> Self {
        Self::start_with(program, None)
    }

    /// Speaks TLS to clients and among its nodes.
    pub(crate) fn with_tls(authority: &Authority) -> Self {
        Self::start_with(Program::Redis, Some(authority))
    }

    fn start_with(program: Program, tls: Option<&Authority>) -> Self {
        let arguments = [
            ["--cluster-enabled", "yes"],
            ["--cluster-node-timeout", "1000"],
            ["--cluster-require-full-coverage", "no"],
            ["--requirepass", PASSWORD],
            ["--masterauth", PASSWORD],
        ];
        let start = |_| Server::start(program, arguments.as_flattened(), tls);
        let cluster = Self {
            nodes: RANGES.iter().map(start).collect(),
        };
        let first_port = cluster.nodes[0].address().port().to_string();
        for (index, (first, last)) in RANGES.into_iter().enumerate() {
            let [first, last] = [first, last].map(|slot| slot.to_string());
            // Else all claim the same epoch and have to settle that first.
            let epoch = (index + 1).to_string();
            cluster.command(index, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            cluster.command(index, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            if index > 0 {
                cluster.command(index, &["CLUSTER", "MEET", "127.0.0.1", &first_port]);
            }
        }
        until("every node knows the cluster", || {
            (0..3).all(|node| cluster.is_whole_to(node))
        });
        cluster
    }

    fn is_whole_to(&self, node: usize) -> bool {
        let info = String::from_redis_value(self.command(node, &["CLUSTER", "INFO"])).unwrap();
        let is = |line: &str| info.lines().any(|told| told == line);
        is("cluster_state:ok") && is("cluster_slots_ok:16384") && is("cluster_size:3")
    }

    /// For `queue.url`: two nodes, from which the third must be learned.
    pub(crate) fn url(&self) -> String {
        let [a, b] = [0, 1].map(|node| self.nodes[node].address());
        let scheme = self.nodes[0].scheme();
        format!("{scheme}-cluster://:{PASSWORD}@{a},{b}")
    }

    /// One command on one node, 0 to 2.
    pub(crate) fn command(&self, node: usize, words: &[&str]) -> Value {
        command(self.nodes[node].port, Some(PASSWORD), words)
    }

    /// Which node, 0 to 2, serves this key.
    pub(crate) fn node_of(&self, key: &str) -> usize {
        let slot = i64::from_redis_value(self.command(0, &["CLUSTER", "KEYSLOT", key])).unwrap();
        let is_in = |(first, last)| (i64::from(first)..=i64::from(last)).contains(&slot);
        RANGES.into_iter().position(is_in).unwrap()
    }

    /// Begins to move a key's slot: keys that are not there yet are asked for at `to`.
    pub(crate) fn begin_to_move(&self, key: &str, to: usize) {
        let from = self.node_of(key);
        let slot = self.slot(key);
        let [from_id, to_id] = [from, to].map(|node| self.id(node));
        self.command(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        self.command(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    }

    /// Every node hears that the slot is there now.
    pub(crate) fn finish_moving(&self, key: &str, to: usize) {
        let slot = self.slot(key);
        let id = self.id(to);
        // The new owner first, as the cluster specification wants it.
        for node in [to].into_iter().chain((0..3).filter(|node| *node != to)) {
            self.command(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
    }

    fn slot(&self, key: &str) -> String {
        let slot = self.command(0, &["CLUSTER", "KEYSLOT", key]);
        i64::from_redis_value(slot).unwrap().to_string()
    }

    fn id(&self, node: usize) -> String {
        String::from_redis_value(self.command(node, &["CLUSTER", "MYID"])).unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts it on the same port, empty. It remembers the cluster.
    pub(crate) fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
    }
}
