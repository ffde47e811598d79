//! The queue of many processes: the rules of `fair` as Lua scripts, one a verb, on shards
//! by team. What a script does is atomic; every limit of a team is exact in its shard.
//! Between shards a claim goes round (`rounds`). Nothing here is the truth: a lost Redis
//! is rebuilt from the journal. Nothing outside this module names the crate `redis`.

mod answers;
mod background;
pub mod link;
pub mod probe;
mod rounds;
mod scripts;
mod shards;
mod verbs;
mod wire;

use crate::callback::CallbackId;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::queue::fair::Limits;
use crate::queue::{Claimed, Entry, QueueError};
use answers::Answered;
use background::Pulse;
use link::{Link, LinkError, LinkOptions, Script};
use shards::{Ask, Names, Parts, Shards, Told, malformed};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::mpsc;
use wire::{Arg, CLAIM_MAX, Malformed};

/// Entries in one push to one shard: a few milliseconds of Redis.
const PUSH_MAX: usize = 500;
/// Settlements in one call to one shard.
const SETTLE_MAX: usize = 500;

/// How to open a [`RedisQueue`].
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://`, `redis-sentinel://` or `redis-cluster://`.
    pub url: String,
    /// Certificate authorities to trust instead of Mozilla's.
    pub tls_ca_file: Option<PathBuf>,
    /// All keys begin with this.
    pub prefix: String,
    /// Parts of the queue, each on one node; a team is in one of them.
    pub shards: usize,
    /// Requests this process may have in flight; none when it never claims.
    pub slots: Option<u32>,
    /// What the scheduler obeys. `slots_total` holds until the first pulse.
    pub limits: Limits,
    /// Where calls are counted.
    pub metrics: Metrics,
}

/// As `rebuild.lua` numbers them.
#[derive(Clone, Copy)]
enum Step {
    Begin = 0,
    End = 1,
    Renew = 2,
}

/// The queue in Redis or Valkey.
pub struct RedisQueue {
    shards: Arc<Shards>,
    answers: mpsc::Sender<Answered>,
    pulse: Pulse,
    /// Connections as last looked at.
    opened: AtomicU64,
}

impl RedisQueue {
    /// Opens the queue. A Redis that cannot be reached is no error: calls are
    /// unavailable until it can.
    ///
    /// # Errors
    /// [`LinkError::Settings`] when trying again cannot help.
    pub async fn open(settings: RedisSettings, clock: Clock) -> Result<Self, LinkError> {
        let names = Names {
            prefix: settings.prefix,
            shards: settings.shards.max(1),
        };
        let options = LinkOptions {
            tls_ca_file: settings.tls_ca_file,
            channel: settings.slots.map(|_| names.channel()),
            ..LinkOptions::default()
        };
        let link = Link::open(&settings.url, options).await?;
        let messages = link.subscribe();
        let parts = Parts {
            limits: settings.limits,
            clock,
            metrics: settings.metrics,
        };
        let shards = Arc::new(Shards::new(link, parts, &names));
        let (answers, inbox) = mpsc::channel(answers::WAITING_MAX);
        tokio::spawn(answers::run(shards.clone(), inbox));
        if settings.slots.is_some() {
            tokio::spawn(background::hear(shards.clone(), messages));
        }
        Ok(Self {
            shards,
            answers,
            pulse: Pulse::new(settings.slots.unwrap_or(0)),
            opened: AtomicU64::new(0),
        })
    }

    /// Counts every shard anew and tells what differs from what is kept, which is a
    /// defect; with `repair` the kept numbers are set right. Blocks Redis meanwhile.
    ///
    /// # Errors
    /// [`QueueError`] when Redis does not answer.
    pub async fn check(&self, repair: bool) -> Result<Vec<String>, QueueError> {
        let mut problems = Vec::new();
        for shard in 0..self.shards.count() {
            let args = vec![wire::text(u8::from(repair))];
            let asks = vec![ask(&self.shards.scripts.fsck, shard, args)];
            let mut told = self.shards.run(asks).await.remove(0)?;
            while !told.rest.is_empty() {
                let problem = told.rest.text().map_err(malformed)?;
                problems.push(format!("shard {shard}: {problem}"));
            }
        }
        Ok(problems)
    }

    /// Pushes for a rebuild (its token) or not (0).
    async fn push_as(
        &self,
        rebuild: u64,
        entries: &[Entry],
    ) -> Result<Vec<CallbackId>, QueueError> {
        let now = self.shards.clock.now();
        let mut groups: Vec<Vec<&Entry>> = vec![Vec::new(); self.shards.count()];
        for entry in entries {
            groups[self.shards.of(&entry.team)].push(entry);
        }
        let mut asks = Vec::new();
        for (shard, group) in groups.iter().enumerate() {
            for chunk in group.chunks(PUSH_MAX) {
                let args = wire::push(rebuild, chunk, now);
                asks.push(ask(&self.shards.scripts.push, shard, args));
            }
        }
        let mut superseded = Vec::new();
        let mut refused: Option<QueueError> = None;
        for told in self.shards.run(asks).await {
            match told.and_then(|told| self.pushed(told)) {
                Ok(ids) => superseded.extend(ids),
                // One that was only refused for now weighs less than one that failed.
                Err(QueueError::Rebuilding) if refused.is_some() => {}
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(superseded), Err)
    }

    fn pushed(&self, mut told: Told) -> Result<Vec<CallbackId>, QueueError> {
        self.shards.hear_soonest(&mut told)?;
        if told.rest.is_empty() {
            return Err(QueueError::Rebuilding);
        }
        ids(&mut told).map_err(malformed)
    }

    /// Asks the shards whose turn it is. Returns what they gave, and whether it is worth
    /// asking again.
    async fn claim_round(&self, max: usize, claimed: &mut Claimed) -> Result<bool, QueueError> {
        let now = self.shards.clock.now();
        let asked = self.shards.rounds().allot(max, CLAIM_MAX, now);
        if asked.is_empty() {
            return Ok(false);
        }
        let token = wire::token(rand::random());
        let asks: Vec<_> = asked
            .iter()
            .map(|&(shard, share)| {
                let args = vec![wire::text(share), token.to_be_bytes().to_vec()];
                ask(&self.shards.scripts.claim, shard, args)
            })
            .collect();
        let mut failed = None;
        let answers = self.shards.run(asks).await.into_iter().zip(&asked);
        for (told, &(_, share)) in answers {
            match told.and_then(|told| self.claimed(told, token, share).map_err(malformed)) {
                Ok(mut given) => {
                    claimed.claims.append(&mut given.claims);
                    claimed.poisoned.append(&mut given.poisoned);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            // What was claimed is worth more than the news that a shard does not answer.
            Some(error) if claimed.claims.is_empty() => Err(error),
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }

    fn claimed(&self, mut told: Told, token: u64, share: usize) -> Result<Claimed, Malformed> {
        let (there, here) = (told.there, told.here);
        let look = told.rest.time(there, here)?;
        let teams = told.rest.count()?;
        let seen = told.rest.count()?;
        let names = wire::Names::read(&told.rest.bytes()?)?;
        let entries = names.entries(&told.rest.bytes()?, there, here)?;
        let poisoned = names.entries(&told.rest.bytes()?, there, here)?;
        let mut rounds = self.shards.rounds();
        rounds.served(told.shard, entries.len(), teams);
        rounds.told(told.shard, look, entries.len() < share, told.heard);
        rounds.set_seen(told.shard, seen);
        let expires = here.saturating_add(self.shards.limits().lease_ms);
        Ok(Claimed {
            claims: wire::claims(entries, token, expires),
            poisoned,
        })
    }

    /// Takes a step of a rebuild in every shard; whether all agree.
    async fn mark(&self, token: u64, step: Step) -> Result<bool, QueueError> {
        let asks = (0..self.shards.count()).map(|shard| {
            let args = vec![wire::text(token), wire::text(step as u8)];
            ask(&self.shards.scripts.rebuild, shard, args)
        });
        let mut all = true;
        for told in self.shards.run(asks.collect()).await {
            all &= told?.rest.number().map_err(malformed)? == 1;
        }
        Ok(all)
    }

    /// Looks at these shards.
    async fn look_at(&self, shards: Vec<usize>) -> Result<(), QueueError> {
        let asks = shards
            .into_iter()
            .map(|shard| ask(&self.shards.scripts.look, shard, Vec::new()));
        for told in self.shards.run(asks.collect()).await {
            let mut told = told?;
            let look = told.rest.time(told.there, told.here).map_err(malformed)?;
            let heard = told.heard;
            self.shards.rounds().told(told.shard, look, true, heard);
        }
        Ok(())
    }
}

/// A call to be made.
fn ask(script: &Script, shard: usize, args: Vec<Arg>) -> Ask<'_> {
    Ask {
        script,
        shard,
        args,
    }
}

fn ids(told: &mut Told) -> Result<Vec<CallbackId>, Malformed> {
    let mut list = told.rest.list()?;
    let mut ids = Vec::new();
    while !list.is_empty() {
        ids.push(list.id()?);
    }
    Ok(ids)
}
