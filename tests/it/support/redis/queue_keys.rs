//! What the queue keeps in Redis, counted without its help, and at one moment with a
//! fault: what is claimed then may come twice, and nothing else may.

use redis::{FromRedisValue, Value};

/// Of a queue on one server, unless the settings say otherwise.
const SHARDS: usize = 1;

/// Entries of the whole queue.
pub(crate) fn entries(transaction: impl FnOnce(&[Vec<String>]) -> Vec<Value>) -> usize {
    sum(transaction(&each_shard("HLEN", "e")))
}

/// Entries that are due later.
pub(crate) fn scheduled(transaction: impl FnOnce(&[Vec<String>]) -> Vec<Value>) -> usize {
    sum(transaction(&each_shard("ZCARD", "s")))
}

/// Claims of the whole queue, counted just before the command `then` with nothing in between.
pub(crate) fn claims_and(
    then: &str,
    transaction: impl FnOnce(&[Vec<String>]) -> Vec<Value>,
) -> usize {
    /// Of each claim: its state, which is 0 when it has ended, and what else is known of it.
    const CLAIM_BYTES: usize = 1 + 28;
    let mut commands = each_shard("HVALS", "c");
    commands.push(then.split(' ').map(str::to_owned).collect());
    let mut answers = transaction(&commands);
    answers.truncate(SHARDS);
    let batches = answers
        .into_iter()
        .flat_map(|batches| Vec::<Vec<u8>>::from_redis_value(batches).unwrap());
    let is_open = |state: &&u8| **state != 0;
    batches
        .map(|batch| {
            batch[..batch.len() / CLAIM_BYTES]
                .iter()
                .filter(is_open)
                .count()
        })
        .sum()
}

fn each_shard(command: &str, kind: &str) -> Vec<Vec<String>> {
    let key = |shard| format!("ringback:4:{SHARDS}:{{{shard}}}:{kind}");
    let words = |shard| vec![command.to_owned(), key(shard)];
    (0..SHARDS).map(words).collect()
}

fn sum(answers: Vec<Value>) -> usize {
    let counts = answers.into_iter();
    counts
        .map(|count| usize::from_redis_value(count).unwrap())
        .sum()
}
