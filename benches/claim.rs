//! What the queue costs per callback: its whole life (push, claim, answered,
//! settle) in batches of 64, with one lane, a thousand and a hundred thousand, and
//! beside a hundred thousand lanes that have something ready but must rest.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringback::callback::{CallbackId, TaskKey, TeamId};
use ringback::queue::fair::{Fair, Limits};
use ringback::queue::{Entry, Next, Origin, Settlement, Signal};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const NOW: u64 = 1_700_000_000_000;
const BATCH: usize = 64;
/// Lanes go round ten teams, and every lane has this many entries waiting at least.
const TEAMS: u32 = 10;
const BACKLOG: u32 = 2;

struct Load {
    fair: Fair,
    names: Vec<(TeamId, Origin)>,
    pushed: u32,
}

impl Load {
    fn new(lanes: u32, resting: u32) -> Self {
        let mut load = Self {
            fair: Fair::new(Limits::default(), 7),
            names: names("rests", resting),
            pushed: 0,
        };
        load.rest();
        load.names = names("goes", lanes);
        for _ in 0..lanes * BACKLOG {
            let entry = load.entry();
            load.fair.push(vec![entry], NOW);
        }
        load
    }

    /// One entry in each lane, ready again when its receiver has asked for an hour's rest.
    fn rest(&mut self) {
        let next = Next::Retry {
            due: NOW,
            lane_rests_until: Some(NOW + 3_600_000),
        };
        for _ in 0..self.names.len() {
            let entry = self.entry();
            self.fair.push(vec![entry], NOW);
            for claim in self.fair.claim(1, NOW).claims {
                let origin = None;
                let settlement = Settlement {
                    claim,
                    next,
                    origin,
                };
                self.fair.settle(vec![settlement], NOW);
            }
        }
    }

    fn entry(&mut self) -> Entry {
        self.pushed += 1;
        let (team, origin) = &self.names[self.pushed as usize % self.names.len()];
        Entry {
            id: CallbackId(Uuid::from_u128(u128::from(self.pushed))),
            team: team.clone(),
            origin: origin.clone(),
            // Spread as hashes are.
            task: TaskKey(u128::from(self.pushed).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060)),
            due: NOW,
            latest_only: false,
            held: false,
        }
    }

    fn batch(&mut self) -> Vec<Entry> {
        (0..BATCH).map(|_| self.entry()).collect()
    }

    /// Pushes one batch and takes another through the rest of its life.
    fn live(&mut self, entries: Vec<Entry>) {
        black_box(self.fair.push(entries, NOW));
        let mut left = BATCH;
        // One lane alone has a window of 32, so it takes two claims.
        while left > 0 {
            let claims = self.fair.claim(left, NOW).claims;
            assert!(!claims.is_empty(), "a batch is always waiting");
            left -= claims.len();
            for claim in &claims {
                self.fair.answered(claim, Signal::Success, 20, NOW);
            }
            let settlements = claims.into_iter().map(|claim| Settlement {
                claim,
                next: Next::End,
                origin: None,
            });
            black_box(self.fair.settle(settlements.collect(), NOW));
        }
    }
}

fn names(kind: &str, lanes: u32) -> Vec<(TeamId, Origin)> {
    let name = |lane| {
        let origin = format!("https://{lane}.{kind}.example");
        (
            Arc::from(format!("team-{}", lane % TEAMS)),
            Arc::from(origin),
        )
    };
    (0..lanes).map(name).collect()
}

fn life(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("life");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (lanes, resting) in [(1, 0), (1_000, 0), (100_000, 0), (1_000, 100_000)] {
        let mut load = Load::new(lanes, resting);
        let name = format!("{lanes} lanes beside {resting} resting");
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let entries = load.batch();
                    let begun = Instant::now();
                    load.live(entries);
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, life);
criterion_main!(benches);
