//! Script calls on shards, and what their answers tell about them: whether everything is
//! there, and when the next claim may find something.

use crate::callback::{TeamId, TimestampMs};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::metrics::labels::RedisScript;
use crate::queue::QueueError;
use crate::queue::fair::Limits;
use crate::queue::redis::link::{Call, Link, LinkError, Script};
use crate::queue::redis::rounds::Rounds;
use crate::queue::redis::scripts::Scripts;
use crate::queue::redis::wire::{self, Arg, Malformed, Reader};
use redis::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What the queue's parts share.
pub(super) struct Shards {
    pub(super) link: Link,
    pub(super) scripts: Scripts,
    pub(super) clock: Clock,
    pub(super) woken: Notify,
    limits: Limits,
    metrics: Metrics,
    /// Slots of all workers, as last heard.
    slots_total: AtomicU32,
    channel: String,
    keys: Vec<String>,
    rounds: Mutex<Rounds>,
}

/// What they need beside the link.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

/// A script call to be made.
pub(super) struct Ask<'a> {
    pub(super) script: &'a Script,
    pub(super) shard: usize,
    pub(super) args: Vec<Arg>,
}

/// What every answer begins with, and the rest of it.
pub(super) struct Told {
    pub(super) shard: usize,
    pub(super) rest: Reader,
    /// What was heard of the shard before the call.
    pub(super) heard: u64,
    /// Redis's clock at the call.
    pub(super) there: TimestampMs,
    /// Ours.
    pub(super) here: TimestampMs,
}

impl Shards {
    pub(super) fn new(link: Link, settings: Parts, names: &Names) -> Self {
        let Parts {
            limits,
            clock,
            metrics,
        } = settings;
        Self {
            link,
            metrics,
            scripts: Scripts::new(),
            clock,
            woken: Notify::new(),
            slots_total: AtomicU32::new(limits.slots_total),
            limits,
            channel: names.channel(),
            rounds: Mutex::new(Rounds::new(names.shards)),
            keys: (0..names.shards).map(|shard| names.key(shard)).collect(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key(&self, shard: usize) -> &str {
        &self.keys[shard]
    }

    /// All callbacks of a team are in one shard.
    pub(super) fn of(&self, team: &TeamId) -> usize {
        crc32fast::hash(team.as_bytes()) as usize % self.keys.len()
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            slots_total: self.slots_total.load(Ordering::Relaxed),
            ..self.limits.clone()
        }
    }

    pub(super) fn set_slots_total(&self, slots: u32) {
        self.slots_total.store(slots, Ordering::Relaxed);
    }

    pub(super) fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes calls, each on its shard, all at once where they can be. Takes in what every
    /// answer begins with: whether the shard is whole, and its clock.
    pub(super) async fn run(&self, asks: Vec<Ask<'_>>) -> Vec<Result<Told, QueueError>> {
        let here = self.clock.now();
        let shards: Vec<_> = {
            let rounds = self.rounds();
            let asked = asks.iter().map(|ask| ask.shard);
            asked.map(|shard| (shard, rounds.heard(shard))).collect()
        };
        let limits = self.limits();
        // A clock that was set for a test is the queue's clock, too.
        let now = if self.clock.is_standing() { here } else { 0 };
        let calls = asks
            .into_iter()
            .map(|ask| {
                let seen_elsewhere = self.rounds().seen_elsewhere(ask.shard);
                let mut args = vec![
                    wire::header(&limits, now, seen_elsewhere),
                    self.channel.clone().into_bytes(),
                    wire::text(ask.shard),
                ];
                args.extend(ask.args);
                Call {
                    script: ask.script,
                    key: &self.keys[ask.shard],
                    args,
                }
            })
            .collect();
        let answers = self.call(calls).await;
        let answers = shards.into_iter().zip(answers);
        answers
            .map(|(asked, answer)| {
                let answer = answer.map_err(unavailable)?;
                self.take_in(asked, answer, here).map_err(malformed)
            })
            .collect()
    }

    /// Makes calls of one script and counts them.
    pub(super) async fn call(&self, calls: Vec<Call<'_>>) -> Vec<Result<Value, LinkError>> {
        let Some(script) = calls.first().map(|call| call.script.name()) else {
            return Vec::new();
        };
        let started = Instant::now();
        let answers = self.link.run(calls).await;
        let took = self
            .metrics
            .redis_script_seconds
            .of(RedisScript::of(script));
        took.observe(started.elapsed().as_secs_f64());
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        self.metrics.redis_failures_total.inc_by(failed as u64);
        answers
    }

    /// As [`Self::run`] for one call whose answer goes on with when to look next.
    pub(super) async fn change(
        &self,
        script: &Script,
        shard: usize,
        args: Vec<Arg>,
    ) -> Result<Told, QueueError> {
        let ask = Ask {
            script,
            shard,
            args,
        };
        let mut told = self.run(vec![ask]).await.remove(0)?;
        self.hear_soonest(&mut told)?;
        Ok(told)
    }

    fn take_in(
        &self,
        (shard, heard): (usize, u64),
        answer: Value,
        here: TimestampMs,
    ) -> Result<Told, Malformed> {
        let mut rest = Reader::new(answer)?;
        let whole = rest.number()? == 1;
        self.rounds().set_whole(shard, whole);
        let there = rest.count()?;
        Ok(Told {
            shard,
            rest,
            heard,
            there,
            here,
        })
    }

    /// Reads from an answer when a claim may now find something, and wakes the worker if
    /// that is sooner than it knows.
    pub(super) fn hear_soonest(&self, told: &mut Told) -> Result<(), QueueError> {
        let soonest = told.rest.time(told.there, told.here).map_err(malformed)?;
        self.rounds().changed(told.shard);
        if let Some(time) = soonest {
            self.sooner(told.shard, time);
        }
        Ok(())
    }

    /// A claim on the shard may find something at this time.
    pub(super) fn sooner(&self, shard: usize, time: TimestampMs) {
        let is_sooner = self.rounds().sooner(shard, time);
        if is_sooner || time <= self.clock.now() {
            self.woken.notify_one();
        }
    }

    /// Messages may have been missed: look everywhere.
    pub(super) fn look_everywhere(&self) {
        self.rounds().forget_looks();
        self.woken.notify_one();
    }
}

/// Of what is kept under the keys: raise it when a script keeps something in another form.
const FORMAT: u32 = 4;

/// How the queue's keys are called. The number of shards and the form of what is kept are
/// part of it: with others the queue begins empty and is rebuilt, so no version of the
/// scripts reads what another one wrote.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) shards: usize,
}

impl Names {
    /// The braces are the hash tag: all keys of a shard are on one node of a cluster.
    fn key(&self, shard: usize) -> String {
        format!("{}:{FORMAT}:{}:{{{shard}}}", self.prefix, self.shards)
    }

    pub(super) fn channel(&self) -> String {
        format!("{}:{FORMAT}:{}:wake", self.prefix, self.shards)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn unavailable(error: LinkError) -> QueueError {
    if matches!(error, LinkError::Script { .. }) {
        tracing::error!(error = %error, "a script of the queue is wrong");
    }
    QueueError::Unavailable(error.to_string())
}

pub(super) fn malformed(_: Malformed) -> QueueError {
    let reason = "its answer has another form; do all processes run the same version?";
    QueueError::Unavailable(reason.to_owned())
}
