//! What the queue in Redis costs: `cargo bench --bench queue`. One table: Redis's processor
//! time for a callback's whole life (push, claim, answer, settle), and what a claim costs
//! as lanes and backlog grow. Redis counts its own time (INFO commandstats), so the
//! numbers hold however busy the machine is.
//!
//! Arguments after `--`: `--quick` (tiny, its numbers mean nothing), `--huge` (5 million
//! pending, too; needs 2 GB for Redis).
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the table is for people")]

#[expect(dead_code, reason = "another bench uses more of it")]
#[path = "queue/server.rs"]
mod server;

use ringback::callback::{CallbackId, IdSequence, TaskKey};
use ringback::clock::Clock;
use ringback::queue::fair::Limits;
use ringback::queue::redis::{RedisQueue, RedisSettings};
use ringback::queue::{Claim, Entry, Next, Queue, Settlement, Signal};
use server::Redis;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// As many as intake commits together.
const PUSHED_TOGETHER: usize = 512;
/// As many as a worker claims together.
const CLAIMED_TOGETHER: usize = 128;
const TEAMS: usize = 16;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let quick = has("--quick") || !has("--bench");
    let scale = if quick { 100 } else { 1 };
    println!("A callback's life, {TEAMS} teams: microseconds of Redis, by verb");
    println!("shards  together     push    claim   answer   settle      all      CPU    lives/s");
    life(1, CLAIMED_TOGETHER, 40_000 / scale).await;
    life(16, CLAIMED_TOGETHER, 40_000 / scale).await;
    life(16, 1, 4_000 / scale).await;
    if has("--life") {
        return;
    }
    println!("\nClaims of {CLAIMED_TOGETHER} together, 16 shards");
    println!("{:<32} us each   p50 ms   p99 ms  push us   bytes", "");
    for lanes in [1_000, 10_000, 100_000] {
        backlog(
            &format!("{lanes} lanes"),
            // Enough that claims never run dry, whatever the lanes.
            (lanes * 2).max(50_000) / scale,
            lanes / scale,
        )
        .await;
    }
    let mut backlogs = vec![100_000, 1_000_000];
    if has("--huge") {
        backlogs.push(5_000_000);
    }
    for pending in backlogs {
        backlog(
            &format!("{pending} pending, {TEAMS} lanes"),
            pending / scale,
            TEAMS,
        )
        .await;
    }
}

/// An empty queue that is whole, on a server of its own.
async fn open(redis: &Redis, shards: usize) -> RedisQueue {
    let settings = RedisSettings {
        url: redis.url(),
        tls_ca_file: None,
        prefix: "bench".to_owned(),
        shards,
        slots: Some(256),
        limits: Limits::default(),
        metrics: ringback::metrics::Metrics::new(),
    };
    let queue = RedisQueue::open(settings, Clock::system()).await.unwrap();
    let token = queue.begin_rebuild().await.unwrap().unwrap();
    assert!(queue.end_rebuild(token).await.unwrap());
    queue
}

/// Entries of distinct tasks, spread evenly over lanes, a team each.
fn entries(numbers: Range<usize>, lanes: usize, ids: &mut IdSequence) -> Vec<Entry> {
    let now = Clock::system().now();
    let entry = |n: usize| {
        let id: CallbackId = ids.next(now, n as u64);
        let team = format!("team-{}", n % lanes);
        Entry {
            id,
            origin: Arc::from(format!("https://{team}.example.com")),
            task: TaskKey::of(&team, &n.to_string()),
            team: Arc::from(team),
            due: now,
            latest_only: false,
            held: false,
        }
    };
    numbers.map(entry).collect()
}

async fn push(queue: &RedisQueue, entries: Vec<Entry>, together: usize) {
    for batch in entries.chunks(together) {
        queue.push(batch.to_vec()).await.unwrap();
    }
}

/// Answers and settles claims as a worker does.
async fn finish(queue: &RedisQueue, claims: Vec<Claim>) {
    answer(queue, &claims).await;
    end(queue, claims).await;
}

/// All at once: they gather by themselves.
async fn answer(queue: &RedisQueue, claims: &[Claim]) {
    let answers = claims
        .iter()
        .map(|claim| queue.answered(claim, Signal::Success, 1));
    for answer in futures_util::future::join_all(answers).await {
        answer.unwrap();
    }
}

async fn end(queue: &RedisQueue, claims: Vec<Claim>) {
    let settlements = claims.into_iter().map(|claim| Settlement {
        claim,
        next: Next::End,
        origin: None,
    });
    queue.settle(settlements.collect()).await.unwrap();
}

/// From push to end, with the backlog going down to nothing; so many claimed together.
async fn life(shards: usize, together: usize, callbacks: usize) {
    let pushed_together = if together == 1 { 1 } else { PUSHED_TOGETHER };
    let redis = Redis::start();
    let queue = open(&redis, shards).await;
    let entries = entries(0..callbacks, TEAMS, &mut IdSequence::after(None));
    redis.command(&["CONFIG", "RESETSTAT"]);
    let (started, cpu_before) = (Instant::now(), redis.cpu_us());
    push(&queue, entries, pushed_together).await;
    let mut verbs = [redis.script_us(), 0.0, 0.0, 0.0];
    let mut ended = 0;
    while ended < callbacks {
        let before = redis.script_us();
        let claims = queue.claim(together).await.unwrap().claims;
        ended += claims.len();
        let claimed = redis.script_us();
        answer(&queue, &claims).await;
        let answered = redis.script_us();
        end(&queue, claims).await;
        verbs[1] += claimed - before;
        verbs[2] += answered - claimed;
        verbs[3] += redis.script_us() - answered;
    }
    let per_s = count(callbacks) / started.elapsed().as_secs_f64();
    let [push, claim, answer, end] = verbs.map(|us| us / count(callbacks));
    let all = push + claim + answer + end;
    let cpu_us = (redis.cpu_us() - cpu_before) / count(callbacks);
    println!(
        "{shards:>6} {together:>9} {push:>8.1} {claim:>8.1} {answer:>8.1} {end:>8.1} {all:>8.1} {cpu_us:>8.1} {per_s:>10.0}"
    );
}

/// What claims cost beside a backlog of this size.
async fn backlog(name: &str, pending: usize, lanes: usize) {
    const CLAIMS: usize = 300;
    /// Made at a time, to bound the bench's own memory.
    const CHUNK: usize = 100_000;
    let redis = Redis::start();
    let queue = open(&redis, 16).await;
    let empty = redis.memory_bytes();
    redis.command(&["CONFIG", "RESETSTAT"]);
    let mut ids = IdSequence::after(None);
    for first in (0..pending).step_by(CHUNK) {
        let numbers = first..pending.min(first + CHUNK);
        push(&queue, entries(numbers, lanes, &mut ids), PUSHED_TOGETHER).await;
    }
    let pushed_us = redis.script_us() / count(pending);
    let bytes = count(usize::try_from(redis.memory_bytes() - empty).unwrap()) / count(pending);
    // Windows grow first.
    for _ in 0..50 {
        let claims = queue.claim(CLAIMED_TOGETHER).await.unwrap().claims;
        finish(&queue, claims).await;
    }
    let (mut claimed, mut us, mut times_ms) = (0, 0.0, Vec::new());
    for _ in 0..CLAIMS {
        let before = redis.script_us();
        let started = Instant::now();
        let claims = queue.claim(CLAIMED_TOGETHER).await.unwrap().claims;
        times_ms.push(started.elapsed().as_secs_f64() * 1e3);
        us += redis.script_us() - before;
        claimed += claims.len();
        finish(&queue, claims).await;
    }
    times_ms.sort_by(f64::total_cmp);
    let [p50, p99] =
        [50, 99].map(|percent| times_ms[(times_ms.len() * percent / 100).min(times_ms.len() - 1)]);
    let us = us / count(claimed.max(1));
    println!("{name:<32} {us:>7.1} {p50:>8.2} {p99:>8.2} {pushed_us:>8.1} {bytes:>7.0}");
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(n: usize) -> f64 {
    n as f64
}
