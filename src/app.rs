//! The opened parts that handlers and workers share. Below every handler, so that
//! routers and state never import each other.

pub mod append;
mod audit;
pub mod error;
mod fresh;
mod hot;
mod limits;
mod rates;
pub mod settings;
pub mod tally;

use crate::app::audit::Audit;
use crate::app::error::OpenError;
use crate::app::fresh::Fresh;
use crate::app::hot::HotBodies;
use crate::app::rates::Rates;
use crate::app::settings::{Settings, TeamSettings};
use crate::app::tally::Tally;
use crate::blobs::Blobs;
use crate::callback::address::Guard;
use crate::callback::retry::Policy;
use crate::callback::{CANCELLED_SUPERSEDED, Callback, CallbackId, IdSequence, TeamId};
use crate::clock::Clock;
use crate::cloud::Clouds;
use crate::config::Config;
use crate::folder;
use crate::journal::{Journal, JournalError};
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::queue::fair::Limits;
use crate::queue::memory::MemoryQueue;
use crate::queue::redis::link::LinkError;
use crate::queue::redis::{RedisQueue, RedisSettings};
use crate::queue::{Entry, Queue, QueueError};
use crate::records::api_keys::KeyOwner;
use crate::records::audit::AuditEntry;
use crate::records::sessions::Person;
use crate::records::{Records, RecordsError};
use crate::shutdown::Shutdown;
use crate::telemetry::spans::Spans;
use crate::vault::Vault;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A key that was removed is refused after this at the latest.
const KEYS_FRESH_FOR: Duration = Duration::from_secs(1);
/// How often a session's use is written down.
const SEEN_EVERY_MS: u64 = 60_000;
/// A team's queue may be overfilled by what comes within this.
const DEPTH_FRESH_FOR: Duration = Duration::from_secs(1);

/// What a process does of what a gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both.
    All,
    /// Serves the API.
    Api,
    /// Delivers.
    Worker,
}

impl Role {
    /// As the command line calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// Everything that is open; clones share it.
#[derive(Clone)]
pub struct App {
    /// The settings in force.
    pub config: Arc<Config>,
    /// The only source of time.
    pub clock: Clock,
    /// Counted as it happens.
    pub metrics: Metrics,
    /// The truth about callbacks.
    pub journal: Journal,
    /// Teams, keys, producers, projects.
    pub records: Records,
    /// Buckets of customers.
    pub clouds: Clouds,
    /// Where uploaded files are; none where files are not kept.
    pub blobs: Option<Blobs>,
    /// Where spans go.
    pub spans: Spans,
    /// What is due next.
    pub queue: Arc<dyn Queue>,
    /// When to stop.
    pub shutdown: Shutdown,
    /// Which addresses may be dialled.
    pub guard: Guard,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// Told when a letter was put into the outbox.
    pub mail_written: Arc<Notify>,
    /// Told when this process made a task that waits for the labelling side.
    pub task_waits: Arc<Notify>,
    /// Counted for charts.
    pub tally: Tally,
    settings: Settings,
    people: Fresh<Arc<Person>>,
    producers: Fresh<Arc<str>>,
    key_owners: Fresh<Arc<KeyOwner>>,
    audit: Audit,
    rates: Rates,
    /// None where asking costs nothing.
    depths: Option<Fresh<u64>>,
    /// None where another process may make the first attempt: its copy would be old then.
    hot: Option<Arc<HotBodies>>,
    ids: Arc<Mutex<IdSequence>>,
    /// Held for the life of the process: two gateways on one folder would deliver twice.
    /// None where the store is made for several.
    _lock: Option<Arc<folder::Lock>>,
}

impl App {
    /// Opens everything in `config.data.dir`, made if missing, or in the database that
    /// `config.store` names.
    ///
    /// # Errors
    /// [`OpenError`] names the folder, the file or the setting.
    pub async fn open(
        config: Config,
        role: Role,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Result<Self, OpenError> {
        let embedded = config.store.postgres_url().is_none();
        let lock = embedded
            .then(|| folder::lock(&config.data.dir))
            .transpose()?;
        let metrics = Metrics::new();
        let mode = if embedded { "embedded" } else { "distributed" };
        metrics.build_info.say(role.as_str(), mode);
        let vault = Vault::open(&config.vault_key_path())?;
        let records = Records::open(&config, vault).await?;
        let journal = Journal::open(&config, metrics.clone()).await?;
        let ids = IdSequence::after(journal.last_id().await?);
        Ok(Self {
            settings: Settings::new(records.clone(), default_policy(&config)),
            passwords: Passwords::new(),
            mail_written: Arc::default(),
            people: Fresh::new(KEYS_FRESH_FOR),
            producers: Fresh::new(KEYS_FRESH_FOR),
            key_owners: Fresh::new(KEYS_FRESH_FOR),
            depths: config
                .queue
                .redis_url()
                .map(|_| Fresh::new(DEPTH_FRESH_FOR)),
            audit: Audit::start(records.clone()),
            rates: Rates::new(&config.api),
            guard: Guard::new(config.delivery.private_networks_allowed.clone()),
            task_waits: Arc::default(),
            tally: Tally::default(),
            hot: hot::open(&config),
            ids: Arc::new(Mutex::new(ids)),
            blobs: Blobs::open(&config)?,
            clouds: Clouds::open(&config)?,
            spans: Spans::open(&config.traces, metrics.clone())?,
            queue: open_queue(&config, role, clock.clone(), metrics.clone()).await?,
            config: Arc::new(config),
            _lock: lock.map(Arc::new),
            clock,
            metrics,
            journal,
            records,
            shutdown,
        })
    }

    /// A fresh callback id, greater than every one before.
    #[must_use]
    pub fn next_id(&self) -> CallbackId {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.next(self.clock.now(), rand::random())
    }

    /// A team's settings, at most 5 s old. `None`: there is no such team.
    ///
    /// # Errors
    /// [`RecordsError`] when the records do not answer.
    pub async fn team(&self, team: &str) -> Result<Option<Arc<TeamSettings>>, RecordsError> {
        self.settings.get(team).await
    }

    /// The next [`App::team`] reads the records: call it after a change.
    pub fn forget_team(&self, team: &str) {
        self.settings.forget(team);
    }

    /// The producer whose key this is, as it was at most 1 s ago.
    ///
    /// # Errors
    /// [`RecordsError`] when the records do not answer.
    pub async fn producer_of(&self, key: &str) -> Result<Option<Arc<str>>, RecordsError> {
        let digest = self.records.digest(key);
        if let Some(name) = self.producers.get(&digest) {
            return Ok(Some(name));
        }
        let asked = Instant::now();
        let name = self.records.producer_of(key).await?;
        Ok(name.map(|name| self.producers.put(digest, name.into(), asked)))
    }

    /// Whose API key this is, as it was at most 1 s ago.
    ///
    /// # Errors
    /// [`RecordsError`] when the records do not answer.
    pub async fn key_owner(&self, key: &str) -> Result<Option<Arc<KeyOwner>>, RecordsError> {
        let digest = self.records.digest(key);
        if let Some(owner) = self.key_owners.get(&digest) {
            return Ok(Some(owner));
        }
        let asked = Instant::now();
        let owner = self.records.key_owner(key).await?;
        Ok(owner.map(|owner| self.key_owners.put(digest, owner.into(), asked)))
    }

    /// Whose session this is, as it was at most 1 s ago.
    ///
    /// # Errors
    /// [`RecordsError`] when the records do not answer.
    pub async fn person_of(&self, token: &str) -> Result<Option<Arc<Person>>, RecordsError> {
        let (digest, now) = (self.records.digest(token), self.clock.now());
        let kept = self.people.get(&digest);
        if let Some(person) = kept.filter(|person| person.expires_ms > now) {
            return Ok(Some(person));
        }
        let asked = Instant::now();
        let Some(person) = self.records.person_of(token, now).await? else {
            return Ok(None);
        };
        if person.seen_ms.saturating_add(SEEN_EVERY_MS) <= now {
            self.records.touch_session(&person.session, now).await?;
        }
        Ok(Some(self.people.put(digest, person.into(), asked)))
    }

    /// The next callers are looked up in the records: call it after a session or a key ended.
    pub fn forget_callers(&self) {
        self.people.clear();
        self.key_owners.clear();
    }

    /// Into the audit log; returns once it is committed, or false if it is not.
    pub async fn audit(&self, entry: AuditEntry) -> bool {
        self.audit.record(entry).await
    }

    /// Counts a request of this caller.
    ///
    /// # Errors
    /// Seconds until the caller may make another, when it has made too many.
    pub fn count_request(&self, caller: &str) -> Result<(), u64> {
        self.rates.take(caller)
    }

    /// Pushes entries whose callbacks are committed. What the queue does not take is
    /// marked, to be pushed again; what a newer callback supersedes becomes cancelled.
    /// Returns whether the queue has them, or a rebuild that is under way will bring them.
    pub async fn push(&self, entries: Vec<Entry>) -> bool {
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        match self.queue.push(entries).await {
            Ok(superseded) => self.supersede(&superseded).await,
            Err(QueueError::Rebuilding) => {}
            Err(error) => {
                tracing::warn!(error = %error, callbacks = ids.len(), "pushing will be tried again");
                if let Err(error) = self.journal.mark_unqueued(&ids).await {
                    tracing::warn!(error = %error, "left to the audit");
                }
                return false;
            }
        }
        true
    }

    /// Entries of one team in the queue, with Redis as they were at most 1 s ago; 0 when it
    /// does not answer: an absent queue is no reason to refuse.
    pub async fn team_depth(&self, team: &TeamId) -> u64 {
        let kept = self.depths.as_ref();
        if let Some(depth) = kept.and_then(|kept| kept.get(team)) {
            return depth;
        }
        let asked = Instant::now();
        let depth = self.queue.team_depth(team).await.unwrap_or(0);
        kept.map_or(depth, |kept| kept.put(team.to_string(), depth, asked))
    }

    /// What the team has held goes now; what has nowhere to go still is held anew at its
    /// next attempt. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was released.
    pub async fn release(&self, team: &str) -> Result<u64, JournalError> {
        let released = self.journal.release(team, self.clock.now()).await?;
        if let Err(error) = self.queue.release(&team.into()).await {
            tracing::warn!(error = %error, "released callbacks are left to the audit");
        }
        Ok(released)
    }

    /// Records what the queue found superfluous.
    pub async fn supersede(&self, ids: &[CallbackId]) {
        if ids.is_empty() {
            return;
        }
        if let Err(error) = self
            .journal
            .cancel(ids, CANCELLED_SUPERSEDED, self.clock.now())
            .await
        {
            // They stay pending; the audit pushes them and they are superseded again.
            tracing::warn!(error = %error, "superseded callbacks are not recorded yet");
        }
    }

    /// Keeps a callback just accepted in memory for its first attempt.
    pub fn keep_hot(&self, callback: Arc<Callback>) {
        if let Some(hot) = &self.hot {
            hot.insert(callback.id, callback);
        }
    }

    /// Takes a callback out of memory, if it is still there.
    #[must_use]
    pub fn take_hot(&self, id: CallbackId) -> Option<Arc<Callback>> {
        let (_, callback) = self.hot.as_ref()?.remove(&id)?;
        Some(callback)
    }
}

async fn open_queue(
    config: &Config,
    role: Role,
    clock: Clock,
    metrics: Metrics,
) -> Result<Arc<dyn Queue>, LinkError> {
    let queue = &config.queue;
    let limits = Limits {
        slots_total: queue.slots,
        lane_in_flight_max: queue.lane_cap,
        lease_ms: queue.lease_ms,
        ..Limits::default()
    };
    let Some(url) = queue.redis_url() else {
        return Ok(Arc::new(MemoryQueue::new(limits, clock, rand::random())));
    };
    let ca_file = &queue.redis_ca_file;
    let settings = RedisSettings {
        url: url.to_owned(),
        tls_ca_file: (!ca_file.as_os_str().is_empty()).then(|| ca_file.clone()),
        prefix: queue.redis_prefix.clone(),
        shards: queue.redis_shards(),
        slots: (role != Role::Api).then_some(queue.slots),
        limits,
        metrics,
    };
    Ok(Arc::new(RedisQueue::open(settings, clock).await?))
}

fn default_policy(config: &Config) -> Policy {
    let retry = &config.retry;
    Policy {
        retries_max: retry.retries_max,
        first_delay_ms: retry.first_delay_ms,
        factor: retry.factor,
        jitter: retry.jitter,
    }
}
