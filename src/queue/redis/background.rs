//! What goes on beside the calls: hearing wake-ups, and the pulse, one small call now and
//! then that says this worker is alive and hears what messages may have missed.

use crate::queue::QueueError;
use crate::queue::redis::link::{Call, LinkError, Message};
use crate::queue::redis::shards::{Shards, malformed, unavailable};
use crate::queue::redis::wire::{self, Reader};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// The idle cost of a worker: one call in this time.
const PULSE_EVERY: Duration = Duration::from_secs(5);
/// A worker that was not heard of for so long, by a shard it asks, counts no more there.
const ALIVE_FOR_MS: u64 = 16_000;

/// Hears until the link is gone.
pub(super) async fn hear(shards: Arc<Shards>, mut messages: Receiver<Message>) {
    loop {
        match messages.recv().await {
            Ok(Message::Published(message)) => match read(&message) {
                Some((shard, delay_ms)) if shard < shards.count() => {
                    shards.sooner(shard, shards.clock.now().saturating_add(delay_ms));
                }
                // From another version: a look tells what it would have told.
                _ => shards.look_everywhere(),
            },
            Ok(Message::Reconnected) | Err(RecvError::Lagged(_)) => shards.look_everywhere(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// `SHARD DELAY_MS`, as `state.lua` publishes it.
fn read(message: &Bytes) -> Option<(usize, u64)> {
    let (shard, delay) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    Some((shard.parse().ok()?, delay.parse().ok()?))
}

/// One process.
pub(super) struct Pulse {
    name: String,
    /// 0 when it never claims: then it only listens.
    slots: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Instant>,
    /// Which shard of a cluster comes next.
    next: usize,
}

impl Pulse {
    pub(super) fn new(slots: u32) -> Self {
        Self {
            name: format!("{:016x}", rand::random::<u64>()),
            slots,
            state: Mutex::default(),
        }
    }

    /// Whether a pulse is due, and if so which shards it asks: all of them where one call
    /// can, else one after the other.
    fn due(&self, shards: &Shards) -> Option<Vec<usize>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < PULSE_EVERY) {
            return None;
        }
        state.last = Some(Instant::now());
        if !shards.link.is_cluster() {
            return Some((0..shards.count()).collect());
        }
        state.next = (state.next + 1) % shards.count();
        Some(vec![state.next])
    }

    /// Beats if it is time: tells that this worker is alive, hears how many slots there
    /// are in all, and what may have been missed of the shards.
    pub(super) async fn beat(&self, shards: &Shards) -> Result<(), QueueError> {
        let Some(asked) = self.due(shards) else {
            return Ok(());
        };
        let rounds = if shards.link.is_cluster() {
            shards.count() as u64
        } else {
            1
        };
        let alive_ms = ALIVE_FOR_MS * rounds;
        let mut args = vec![
            self.name.clone().into_bytes(),
            wire::text(self.slots),
            wire::text(alive_ms),
        ];
        args.extend(
            asked
                .iter()
                .map(|&shard| shards.key(shard).as_bytes().to_vec()),
        );
        let call = Call {
            script: &shards.scripts.pulse,
            key: shards.key(asked[0]),
            args,
        };
        let answer = shards.call(vec![call]).await.remove(0);
        if let Err(LinkError::Unavailable(_)) = answer {
            self.hurry();
        }
        let mut answer = Reader::new(answer.map_err(unavailable)?).map_err(malformed)?;
        take_in(shards, &asked, &mut answer).map_err(malformed)
    }

    /// The next claim beats again.
    pub(super) fn hurry(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = None;
    }
}

fn take_in(shards: &Shards, asked: &[usize], answer: &mut Reader) -> Result<(), wire::Malformed> {
    let slots = u32::try_from(answer.count()?).unwrap_or(u32::MAX);
    // None at all: no worker has beaten yet, and the settings are the best guess.
    if slots > 0 {
        shards.set_slots_total(slots);
    }
    for &shard in asked {
        let whole = answer.number()? == 1;
        let look = answer.number()?;
        let stale_lanes = answer.count()?;
        shards.rounds().set_whole(shard, whole);
        let now = shards.clock.now();
        if let Ok(delay_ms) = u64::try_from(look) {
            shards.rounds().sooner(shard, now.saturating_add(delay_ms));
        }
        // A claim sweeps them.
        if stale_lanes > 0 {
            shards.rounds().sooner(shard, now);
        }
    }
    Ok(())
}
