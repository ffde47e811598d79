//! The attempts' partitions, one a day (UTC): made ahead and on demand, dropped whole. An
//! insert never waits for a lock that making or dropping one takes for long.

use crate::callback::TimestampMs;
use crate::journal::JournalError;
use crate::journal::postgres::connections::Connections;
use crate::journal::view::to_i64;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

const DAY_MS: i64 = 86_400_000;
/// Made ahead by housekeeping, so that midnight is an hour like any other.
const DAYS_AHEAD: i64 = 3;
/// Held while partitions are made or dropped, by one process at a time. Any number will do
/// that nobody else uses.
const LOCK: i64 = 0x5249_4e47_0000_0001;

/// Which partitions there are, as far as this process knows.
#[derive(Default)]
pub(super) struct Partitions {
    known: Mutex<BTreeSet<i64>>,
}

/// The day of a time, counted from the epoch.
pub(super) fn day_of(ms: TimestampMs) -> i64 {
    to_i64(ms) / DAY_MS
}

impl Partitions {
    /// Makes those that are missing.
    pub(super) async fn make(
        &self,
        connections: &Connections,
        days: impl Iterator<Item = i64>,
    ) -> Result<(), JournalError> {
        let missing = self.missing(days);
        if missing.is_empty() {
            return Ok(());
        }
        connections
            .transaction(async |connection| {
                lock(connection).await?;
                for day in &missing {
                    create(connection, *day).await?;
                }
                Ok(())
            })
            .await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(missing);
        Ok(())
    }

    fn missing(&self, days: impl Iterator<Item = i64>) -> BTreeSet<i64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        days.filter(|day| !known.contains(day)).collect()
    }

    /// Makes those of the next days.
    pub(super) async fn make_ahead(
        &self,
        connections: &Connections,
        now: TimestampMs,
    ) -> Result<(), JournalError> {
        let today = day_of(now);
        self.make(connections, today..=today + DAYS_AHEAD).await
    }

    /// What is known may be wrong: another process dropped one.
    pub(super) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
    }

    /// Drops those that end before a time.
    pub(super) async fn drop_before(
        &self,
        connections: &Connections,
        before: TimestampMs,
    ) -> Result<(), JournalError> {
        let first_kept = day_of(before);
        let dropped = connections.transaction(async |connection| {
            lock(connection).await?;
            let days = existing(connection).await?;
            let old: Vec<_> = days.into_iter().filter(|day| *day < first_kept).collect();
            for day in &old {
                drop_one(connection, *day).await?;
            }
            Ok(old)
        });
        let dropped = dropped.await?;
        if !dropped.is_empty() {
            tracing::info!(
                days = dropped.len(),
                "attempts past their retention are dropped"
            );
            self.forget();
        }
        Ok(())
    }
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(connection)
        .await?;
    Ok(())
}

fn name(day: i64) -> String {
    format!("attempts_day_{day}")
}

async fn existing(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = 'attempts'::regclass",
    )
    .fetch_all(connection)
    .await?;
    let day = |name: &String| name.strip_prefix("attempts_day_")?.parse().ok();
    Ok(names.iter().filter_map(day).collect())
}

/// A table first, then attached: that way inserts and searches go on meanwhile.
async fn create(connection: &mut PgConnection, day: i64) -> Result<(), sqlx::Error> {
    let name = name(day);
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(&name)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        return Ok(());
    }
    let (from, until) = (day * DAY_MS, day.saturating_add(1).saturating_mul(DAY_MS));
    let sql = format!(
        "CREATE TABLE {name} (LIKE attempts INCLUDING ALL); \
         ALTER TABLE attempts ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}

/// Needs the whole table for a moment. When it is busy for longer (a backup), the next
/// round tries again: commits must not queue up behind this.
async fn drop_one(connection: &mut PgConnection, day: i64) -> Result<(), sqlx::Error> {
    let sql = format!("SET LOCAL lock_timeout = '1s'; DROP TABLE {}", name(day));
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
