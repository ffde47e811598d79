//! Gathers what endpoints answered: while one call is under way the next answers gather,
//! so that many cost Redis little more than one.

use crate::callback::CallbackId;
use crate::gather::Gather;
use crate::queue::redis::shards::{Ask, Shards};
use crate::queue::redis::wire;
use crate::queue::{QueueError, Signal};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Answers that may wait for Redis before attempts wait, too.
pub(super) const WAITING_MAX: usize = 4096;
/// Answers of one call.
const GATHER: Gather = Gather {
    company: 3,
    wait: Duration::from_millis(2),
    plenty: 3,
    most: 512,
};
/// A park is this long in per cent, at random: lanes that went down together must not
/// probe together for ever.
const PARK_JITTER_PERCENT: std::ops::RangeInclusive<u8> = 80..=120;

/// One endpoint's answer on its way to the queue.
pub(super) struct Answered {
    pub(super) shard: usize,
    /// The claim's id and token.
    pub(super) claim: (CallbackId, u64),
    pub(super) signal: Signal,
    pub(super) slot_ms: u64,
    pub(super) done: oneshot::Sender<Result<(), QueueError>>,
}

/// Runs until every sender is gone.
pub(super) async fn run(shards: Arc<Shards>, mut inbox: mpsc::Receiver<Answered>) {
    while let Some(batch) = GATHER.next(&mut inbox).await {
        tell(&shards, batch).await;
    }
}

async fn tell(shards: &Shards, mut batch: Vec<Answered>) {
    batch.sort_by_key(|answered| answered.shard);
    let groups: Vec<_> = batch.chunk_by(|one, two| one.shard == two.shard).collect();
    let ask = |group: &&[Answered]| {
        let jitter_percent = || rand::random_range(PARK_JITTER_PERCENT);
        let mut packed = Vec::with_capacity(32 * group.len());
        for it in *group {
            wire::answered(
                &mut packed,
                it.claim,
                it.signal,
                it.slot_ms,
                jitter_percent(),
            );
        }
        Ask {
            script: &shards.scripts.answered,
            shard: group[0].shard,
            args: vec![packed],
        }
    };
    let asks = groups.iter().map(ask).collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    let told = shards.run(asks).await;
    let mut waiting = batch.into_iter();
    for (told, length) in told.into_iter().zip(lengths) {
        let heard = told.and_then(|mut told| shards.hear_soonest(&mut told));
        for answered in waiting.by_ref().take(length) {
            let copy = match &heard {
                Ok(()) => Ok(()),
                Err(error) => Err(QueueError::Unavailable(error.to_string())),
            };
            // An attempt that was killed meanwhile needs no answer.
            let _ = answered.done.send(copy);
        }
    }
}
