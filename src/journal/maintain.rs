//! Rare writes: replaying and dropping dead letters, releasing what was held, retention.
//! They share the writer's one connection, so they wait for their turn.

use crate::callback::{CallbackId, TimestampMs};
use crate::journal::read::first_sequence;
use crate::journal::sqlite::{count, to_i64, transaction};
use crate::journal::{Journal, JournalError};
use sqlx::{QueryBuilder, Sqlite};

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Exactly these; all others when empty.
    pub ids: Vec<CallbackId>,
    /// Of this team.
    pub team: Option<String>,
    /// At most this many, oldest first.
    pub limit: u32,
}

impl Selection {
    fn push_to(&self, sql: &mut QueryBuilder<Sqlite>) {
        sql.push("seq IN (SELECT seq FROM callbacks WHERE state = 'dead'");
        if let Some(team) = &self.team {
            sql.push(" AND team_id = ").push_bind(team.clone());
        }
        if !self.ids.is_empty() {
            sql.push(" AND seq IN (");
            let mut list = sql.separated(", ");
            for id in &self.ids {
                list.push_bind(id.sequence());
            }
            sql.push(")");
        }
        sql.push(" ORDER BY seq LIMIT ").push_bind(self.limit);
        sql.push(")");
    }
}

impl Journal {
    /// How many dead letters a selection holds.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn count_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM callbacks WHERE ");
        selection.push_to(&mut sql);
        let n: i64 = sql.build_query_scalar().fetch_one(&self.read).await?;
        Ok(n.unsigned_abs())
    }

    /// Dead letters become pending with all retries ahead of them; the queue learns of
    /// them as unqueued. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn replay(
        &self,
        selection: &Selection,
        now: TimestampMs,
    ) -> Result<u64, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "UPDATE callbacks SET state = 'pending', reason = NULL, ended_ms = NULL, \
             forgiven = attempts, abandoned = 0, queued = 0, due_ms = ",
        );
        sql.push_bind(to_i64(now)).push(" WHERE ");
        selection.push_to(&mut sql);
        Ok(sql.build().execute(&self.write).await?.rows_affected())
    }

    /// Dead letters become cancelled. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn drop_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "UPDATE callbacks SET state = 'cancelled', reason = 'dropped' WHERE ",
        );
        selection.push_to(&mut sql);
        Ok(sql.build().execute(&self.write).await?.rows_affected())
    }

    /// Callbacks that a newer one of their task made superfluous become cancelled.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn supersede(
        &self,
        ids: &[CallbackId],
        now: TimestampMs,
    ) -> Result<(), JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "UPDATE callbacks SET state = 'cancelled', reason = 'superseded', ended_ms = ",
        );
        sql.push_bind(to_i64(now)).push(" WHERE seq IN (");
        let mut list = sql.separated(", ");
        for id in ids {
            list.push_bind(id.sequence());
        }
        sql.push(") AND state IN ('pending', 'held')");
        sql.build().execute(&self.write).await?;
        Ok(())
    }

    /// Held callbacks of a team become pending, due now. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn release(&self, team: &str, now: TimestampMs) -> Result<u64, JournalError> {
        let released = sqlx::query(
            "UPDATE callbacks SET state = 'pending', reason = NULL, due_ms = $1 \
             WHERE state IN ('pending', 'held') AND state = 'held' AND team_id = $2",
        )
        .bind(to_i64(now))
        .bind(team)
        .execute(&self.write)
        .await?;
        Ok(released.rows_affected())
    }

    /// The queue knows these now.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn mark_queued(&self, ids: &[CallbackId]) -> Result<(), JournalError> {
        self.set_queued(ids, 1).await
    }

    /// The queue did not take these: to be pushed again.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn mark_unqueued(&self, ids: &[CallbackId]) -> Result<(), JournalError> {
        self.set_queued(ids, 0).await
    }

    async fn set_queued(&self, ids: &[CallbackId], queued: i64) -> Result<(), JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new("UPDATE callbacks SET queued = ");
        sql.push_bind(queued).push(" WHERE seq IN (");
        let mut list = sql.separated(", ");
        for id in ids {
            list.push_bind(id.sequence());
        }
        sql.push(")");
        sql.build().execute(&self.write).await?;
        Ok(())
    }

    /// Notes which callbacks are about to be attempted, with the attempts made so far.
    pub fn note_claims(&self, claims: impl Iterator<Item = (CallbackId, u32)>) {
        self.claims.note(claims);
    }

    /// Nothing is in flight: what was noted is of no more use.
    pub fn forget_claims(&self) {
        self.claims.clear();
    }

    /// Counts attempts that the last process did not live to settle. Callbacks that
    /// ended so many processes are dead as poison. Returns how many. Call it at start.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was counted.
    pub async fn bury_poison(
        &self,
        abandoned_max: u32,
        now: TimestampMs,
    ) -> Result<u64, JournalError> {
        let claims = self.claims.read();
        let buried = transaction(&self.write, async |connection| {
            for (sequence, attempts) in &claims {
                sqlx::query(
                    "UPDATE callbacks SET abandoned = abandoned + 1 \
                     WHERE seq = $1 AND attempts = $2 AND state IN ('pending', 'held')",
                )
                .bind(sequence)
                .bind(attempts)
                .execute(&mut *connection)
                .await?;
            }
            let buried = sqlx::query(
                "UPDATE callbacks SET state = 'dead', reason = 'poison', ended_ms = $1 \
                 WHERE state IN ('pending', 'held') AND abandoned >= $2",
            )
            .bind(to_i64(now))
            .bind(abandoned_max)
            .execute(&mut *connection)
            .await?;
            Ok(buried.rows_affected())
        })
        .await?;
        self.claims.clear();
        Ok(buried)
    }

    /// Deletes up to `limit` delivered callbacks accepted before one time and dead or
    /// cancelled ones accepted before another, with bodies and attempts. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn prune(
        &self,
        delivered_before: TimestampMs,
        dead_before: TimestampMs,
        limit: u32,
    ) -> Result<u64, JournalError> {
        let pruned = transaction(&self.write, async |connection| {
            let old: Vec<i64> = sqlx::query_scalar(
                "SELECT seq FROM callbacks WHERE seq < MAX($1, $2) \
                 AND ((seq < $1 AND state = 'delivered') \
                 OR (seq < $2 AND state IN ('dead', 'cancelled'))) ORDER BY seq LIMIT $3",
            )
            .bind(first_sequence(delivered_before))
            .bind(first_sequence(dead_before))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
            for table in [
                "DELETE FROM attempts WHERE seq IN (",
                "DELETE FROM bodies WHERE seq IN (",
                "DELETE FROM callbacks WHERE seq IN (",
            ] {
                let mut sql = QueryBuilder::<Sqlite>::new(table);
                let mut list = sql.separated(", ");
                for seq in &old {
                    list.push_bind(seq);
                }
                sql.push(")");
                sql.build().execute(&mut *connection).await?;
            }
            count(connection, "pruned", old.len()).await?;
            Ok(old.len() as u64)
        });
        Ok(pruned.await?)
    }
}
