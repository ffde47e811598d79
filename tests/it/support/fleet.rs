//! Several processes of the real binary on one PostgreSQL and one Redis, and the sum at
//! the end: what was promised has arrived, what came twice is counted.

use super::endpoint::Endpoint;
use super::load::{BUSY, Load};
use super::postgres::Postgres;
use super::process::{Gateway, Home};
use ringback::callback::State;
use ringback::config::Config;
use ringback::journal::Journal;
use ringback::metrics::Metrics;
use ringback::queue::fair::Limits;
use ringback::queue::redis::{RedisQueue, RedisSettings};
use serde_json::json;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const APIS: usize = 2;
const WORKERS: usize = 2;
/// Of each worker.
pub(crate) const SLOTS: usize = 32;
/// Those of the load: enough to be in several shards.
const TEAMS: usize = 4;
/// Its endpoint hangs until it is let go, so something of it always waits.
pub(crate) const BACKLOG: &str = "backlog";
/// So that some attempts are always in flight.
const THINKS_FOR: Duration = Duration::from_millis(30);
/// Leases that end while a test runs: the shortest that are legal beside this budget of an
/// attempt.
pub(crate) const SHORT_LEASES: &str = "queue.lease_ms = 8000\ndelivery.attempt_timeout_ms = 3000\n\
    delivery.connect_timeout_ms = 1000\n";
/// Between two looks at the same thing.
const POLL: Duration = Duration::from_millis(100);
/// Only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Fleet {
    pub(crate) home: Home,
    pub(crate) apis: Vec<Gateway>,
    pub(crate) workers: Vec<Gateway>,
    /// Where the load's callbacks go.
    pub(crate) receiver: Endpoint,
    /// Where those of [`BACKLOG`] go.
    pub(crate) backlog: Endpoint,
    queue_url: String,
}

impl Fleet {
    /// Two API processes and two workers on a new database and the Redis of this URL, with
    /// teams whose endpoint answers well.
    pub(crate) async fn start(queue_url: &str, settings: &str) -> Self {
        let store_url = Postgres::shared().await.database().await;
        Self::start_on(&store_url, queue_url, settings).await
    }

    pub(crate) async fn start_on(store_url: &str, queue_url: &str, settings: &str) -> Self {
        let home = Home::make(&format!(
            "store.url = \"{store_url}\"\nstore.connections_max = 10\n\
             queue.url = \"{queue_url}\"\nqueue.slots = {SLOTS}\n{settings}"
        ));
        let receiver = Endpoint::answering([200]).await;
        receiver.think_for(THINKS_FOR);
        let fleet = Self {
            apis: (0..APIS).map(|_| home.serve_as("api")).collect(),
            workers: (0..WORKERS).map(|_| home.serve_as("worker")).collect(),
            home,
            backlog: Endpoint::hanging().await,
            receiver,
            queue_url: queue_url.to_owned(),
        };
        for team in Self::teams() {
            fleet.put_team(&team, &fleet.receiver).await;
        }
        fleet.put_team(BACKLOG, &fleet.backlog).await;
        fleet
    }

    /// What its processes warned of.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let processes = self.apis.iter().chain(&self.workers);
        processes.flat_map(Gateway::warnings).collect()
    }

    /// Those of the load.
    pub(crate) fn teams() -> Vec<String> {
        (0..TEAMS).map(|n| format!("team_{n}")).collect()
    }

    pub(crate) async fn put_team(&self, team: &str, endpoint: &Endpoint) {
        let body = json!({"default_callback_url": endpoint.url()});
        self.apis[0].put_team_named(team, body).await;
    }

    /// Producers begin to hand in results for the teams of the load.
    pub(crate) fn load(&self) -> Load {
        self.load_at(BUSY)
    }

    pub(crate) fn load_at(&self, pace: Duration) -> Load {
        Load::start(self.api_urls(), &self.home.key, Self::teams(), pace)
    }

    pub(crate) fn api_urls(&self) -> Vec<String> {
        self.apis.iter().map(|api| api.api.clone()).collect()
    }

    /// Hands in results for [`BACKLOG`]; those with this name are new.
    pub(crate) async fn hand_in_backlog(&self, name: &str, count: usize) -> HashSet<String> {
        let events: Vec<_> = (0..count).map(|n| format!("{name}-{n}")).collect();
        let taken = self.apis[0].hand_in_for(BACKLOG, &events).await;
        let taken: HashSet<_> = taken.expect("it is accepted").into_iter().collect();
        assert_eq!(taken.len(), count);
        taken
    }

    /// Returns when everything promised has arrived, the journal says so, and the queue
    /// holds nothing and is sound. `entries` counts what is in the queue. How many
    /// callbacks came more than once, each counted as often as it came too much.
    pub(crate) async fn settle_up(
        &self,
        accepted: &HashSet<String>,
        entries: impl Fn() -> usize,
    ) -> usize {
        self.arrive(accepted).await;
        let journal = self.journal().await;
        let deadline = Instant::now() + PATIENCE;
        let counts = loop {
            let counts = journal.counts().await.unwrap();
            let open = [State::Pending, State::Held].map(|state| counts.by_state.get(&state));
            let open: i64 = open.into_iter().flatten().sum();
            if open == 0 {
                break counts;
            }
            assert!(Instant::now() < deadline, "still open: {counts:?}");
            tokio::time::sleep(POLL).await;
        };
        assert_eq!(counts.imbalance(), 0, "{counts:?}");
        let delivered = i64::try_from(accepted.len()).unwrap();
        assert!(
            counts.by_state[&State::Delivered] >= delivered,
            "{delivered} accepted, {counts:?}"
        );
        let emptied = async {
            while entries() > 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        let emptied = tokio::time::timeout(PATIENCE, emptied).await;
        emptied.unwrap_or_else(|_| panic!("{} entries stay in the queue", entries()));
        assert_eq!(self.queue().await.check(false).await.unwrap(), [""; 0]);
        let receivers = [&self.receiver, &self.backlog];
        let arrivals = receivers.map(Endpoint::arrivals);
        let counts = arrivals.iter().flat_map(|arrivals| arrivals.values());
        counts.map(|count| count - 1).sum()
    }

    async fn arrive(&self, accepted: &HashSet<String>) {
        let mut missing = accepted.clone();
        let mut looked_at = [(&self.receiver, 0), (&self.backlog, 0)];
        let mut deadline = Instant::now() + PATIENCE;
        loop {
            let before = missing.len();
            for (endpoint, from) in &mut looked_at {
                for id in endpoint.ids_from(from) {
                    missing.remove(&id);
                }
            }
            let Some(id) = missing.iter().next() else {
                return;
            };
            if missing.len() < before {
                deadline = Instant::now() + PATIENCE;
            }
            if Instant::now() > deadline {
                let told = self.home.run(&["callbacks", "explain", id]);
                let told = String::from_utf8_lossy(&told.stdout).into_owned();
                panic!("{} are lost, among them\n{told}", missing.len());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) async fn journal(&self) -> Journal {
        let config = Config::load(Some(&self.home.config())).unwrap();
        Journal::open(&config, Metrics::new()).await.unwrap()
    }

    /// The queue as one sees it who never claims.
    async fn queue(&self) -> RedisQueue {
        let settings = RedisSettings {
            url: self.queue_url.clone(),
            tls_ca_file: None,
            prefix: "ringback".to_owned(),
            shards: 16,
            slots: None,
            limits: Limits::default(),
            metrics: Metrics::new(),
        };
        let clock = ringback::clock::Clock::system();
        RedisQueue::open(settings, clock).await.unwrap()
    }
}
