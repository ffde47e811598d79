//! Changing tasks: batches are locked first, then tasks; the ledger and counts are written last,
//! each in one order, so that no two transactions wait for each other. The rule that is applied to
//! the locked row comes from above.

use crate::callback::TimestampMs;
use crate::money::Currency;
use crate::records::batches::{end_if_done, lock, reopen};
use crate::records::ledger::Charging;
use crate::records::outbox;
use crate::records::tasks::counts::Counting;
use crate::records::tasks::{PENDING, Task, put_tags};
use crate::records::world::World;
use crate::records::{Records, RecordsError, holds_nul};
use sqlx::AnyConnection;
use std::collections::BTreeSet;

/// What a rule makes of a task, beside the task itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nobody is told.
    Nobody,
    /// The customer is: a callback with the task as it is now.
    Customer,
}

/// A rule that was applied, or why not.
#[derive(Debug)]
pub enum Applied<R> {
    /// There is no such task.
    Missing,
    /// The rule refused; nothing was written.
    Refused(R),
    /// The task as it is now.
    Done(Box<Task>),
}

enum Stop<R> {
    Refused(R),
    Failed(sqlx::Error),
}

impl<R> From<sqlx::Error> for Stop<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

impl Records {
    /// Applies a rule to one task and writes what it makes of it, with all that follows.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written; [`RecordsError::Exists`] when its new unique
    /// id is taken.
    pub async fn change_task<R>(
        &self,
        world: World<'_>,
        id: &str,
        now: TimestampMs,
        rule: impl FnOnce(&mut Task) -> Result<Told, R>,
    ) -> Result<Applied<R>, RecordsError> {
        if holds_nul(id) {
            return Ok(Applied::Missing);
        }
        let done = self
            .transact(async |connection| {
                let mut changing = Changing::new(connection, &self.currency, now);
                let Some(batch) = changing.batch_of(world, id).await? else {
                    return Ok(Applied::Missing);
                };
                if let Some(batch) = &batch {
                    lock(changing.connection, world, batch).await?;
                }
                let Some(mut task) = changing.lock_task(id).await? else {
                    return Ok(Applied::Missing);
                };
                let before = task.clone();
                let told = rule(&mut task).map_err(Stop::Refused)?;
                changing.save(&before, &mut task, told).await?;
                changing.finish().await?;
                Ok(Applied::Done(Box::new(task)))
            })
            .await;
        match done {
            Ok(applied) => Ok(applied),
            Err(Stop::Refused(reason)) => Ok(Applied::Refused(reason)),
            Err(Stop::Failed(error)) => Err(crate::records::exists(|| {
                "a task of this unique id".to_owned()
            })(error)),
        }
    }
}

/// One transaction over one or more tasks.
pub(super) struct Changing<'c> {
    pub(super) connection: &'c mut AnyConnection,
    pub(super) now: i64,
    /// What teams without a currency of their own pay in.
    currency: &'c Currency,
    charging: Charging,
    counting: Counting,
    /// Batches of which a task is pending no more: team, mode, name.
    ended_in: BTreeSet<(String, String, String)>,
}

impl<'c> Changing<'c> {
    pub(super) fn new(
        connection: &'c mut AnyConnection,
        currency: &'c Currency,
        now: TimestampMs,
    ) -> Self {
        Self {
            connection,
            now: now.cast_signed(),
            currency,
            charging: Charging::default(),
            counting: Counting::default(),
            ended_in: BTreeSet::new(),
        }
    }

    /// The task's batch, which never changes. The outer `None`: no such task.
    async fn batch_of(
        &mut self,
        world: World<'_>,
        id: &str,
    ) -> Result<Option<Option<String>>, sqlx::Error> {
        sqlx::query_scalar("SELECT batch FROM tasks WHERE id = $1 AND team_id = $2 AND mode = $3")
            .bind(id)
            .bind(world.team)
            .bind(world.mode.as_str())
            .fetch_optional(&mut *self.connection)
            .await
    }

    pub(super) async fn lock_task(&mut self, id: &str) -> Result<Option<Task>, sqlx::Error> {
        sqlx::query_as("UPDATE tasks SET events = events WHERE id = $1 RETURNING *")
            .bind(id)
            .fetch_optional(&mut *self.connection)
            .await
    }

    /// Writes a locked task and gathers what follows.
    pub(super) async fn save(
        &mut self,
        before: &Task,
        task: &mut Task,
        told: Told,
    ) -> Result<(), sqlx::Error> {
        if *task == *before && told == Told::Nobody {
            return Ok(());
        }
        if *task != *before {
            task.updated_ms = self.now;
        }
        if told == Told::Customer {
            task.events += 1;
        }
        self.write(task).await?;
        if task.tags != before.tags {
            put_tags(self.connection, task, &before.tag_list()).await?;
        }
        // What is the same before and after cancels out.
        self.counting.add(before, -1);
        self.counting.add(task, 1);
        self.charging.note(before, task);
        if task.status != before.status {
            self.follow_in_batch(before, task).await?;
        }
        if told == Told::Customer {
            outbox::add_of_task(self.connection, task).await?;
        }
        Ok(())
    }

    async fn follow_in_batch(&mut self, before: &Task, task: &Task) -> Result<(), sqlx::Error> {
        let Some(batch) = &task.batch else {
            return Ok(());
        };
        if task.status == PENDING {
            reopen(self.connection, task.world(), batch).await?;
        } else if before.status == PENDING {
            let (team, mode) = (task.team_id.clone(), task.mode.clone());
            self.ended_in.insert((team, mode, batch.clone()));
        }
        Ok(())
    }

    async fn write(&mut self, task: &Task) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE tasks SET status = $1, unique_id = $2, metadata = $3, tags = $4, \
             response = $5, updated_ms = $6, completed_ms = $7, review = $8, audits = $9, \
             events = $10, claimed_by = $11, claimed_until_ms = $12, acknowledged = $13 \
             WHERE id = $14",
        )
        .bind(&task.status)
        .bind(&task.unique_id)
        .bind(&task.metadata)
        .bind(&task.tags)
        .bind(&task.response)
        .bind(task.updated_ms)
        .bind(task.completed_ms)
        .bind(&task.review)
        .bind(&task.audits)
        .bind(task.events)
        .bind(&task.claimed_by)
        .bind(task.claimed_until_ms)
        .bind(task.acknowledged)
        .bind(&task.id)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Charges, counts, then ends the batches that have nothing pending any more.
    pub(super) async fn finish(self) -> Result<(), sqlx::Error> {
        let charged = self
            .charging
            .write(self.connection, self.currency, self.now);
        charged.await?;
        self.counting.write(self.connection).await?;
        for (team, mode, batch) in &self.ended_in {
            let world = World {
                team,
                mode: crate::records::world::stored_mode(mode),
            };
            end_if_done(self.connection, world, batch, self.now).await?;
        }
        Ok(())
    }
}
