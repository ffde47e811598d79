//! The outbox: callbacks that changes of tasks and batches have caused, written with the
//! change and taken out when the journal has them. Keeps the order of each task's.

use crate::callback::Mode;
use crate::records::batches::Batch;
use crate::records::tasks::Task;
use crate::records::tasks::counts::ByStatus;
use crate::records::world::stored_mode;
use crate::records::{Records, RecordsError};
use sqlx::AnyConnection;

/// A callback that is owed to the journal.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Owed {
    /// The task's or batch's id.
    pub subject: String,
    /// Its how-manieth callback, from 1.
    pub event: i64,
    /// Whose.
    pub team_id: String,
    mode: String,
    /// The task's project.
    pub project: Option<String>,
    /// Its own URL or e-mail address.
    pub url: Option<String>,
    /// What will be POSTed.
    pub body: String,
    /// When the change was made.
    pub created_ms: i64,
}

impl Owed {
    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        stored_mode(&self.mode)
    }
}

/// What somebody is told once, through the same queue as every callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The team that sends it: its keys and retries count.
    pub team: String,
    /// What it is about, such as `invoice-7`; told once.
    pub subject: String,
    /// Where it goes.
    pub url: String,
    /// What will be POSTed.
    pub body: String,
}

pub(super) async fn add_of_task(
    connection: &mut AnyConnection,
    task: &Task,
) -> Result<(), sqlx::Error> {
    let owed = Owed {
        subject: task.id.clone(),
        event: task.events,
        team_id: task.team_id.clone(),
        mode: task.mode.clone(),
        project: task.project.clone(),
        url: task.callback_url.clone(),
        body: task.callback_body(),
        created_ms: task.updated_ms,
    };
    add(connection, &owed).await
}

pub(super) async fn add_of_batch(
    connection: &mut AnyConnection,
    batch: &Batch,
    counts: &ByStatus,
) -> Result<(), sqlx::Error> {
    let owed = Owed {
        subject: batch.id.clone(),
        event: batch.events,
        team_id: batch.team_id.clone(),
        mode: batch.mode.clone(),
        project: None,
        url: batch.callback_url.clone(),
        body: batch.callback_body(counts),
        created_ms: batch.completed_ms.unwrap_or(batch.created_ms),
    };
    add(connection, &owed).await
}

/// A notice of the gateway's own, about something that is neither a task nor a batch.
pub(super) async fn add_notice(
    connection: &mut AnyConnection,
    notice: &Notice,
    now: i64,
) -> Result<(), sqlx::Error> {
    let owed = Owed {
        subject: notice.subject.clone(),
        event: 1,
        team_id: notice.team.clone(),
        mode: Mode::Live.as_str().to_owned(),
        project: None,
        url: Some(notice.url.clone()),
        body: notice.body.clone(),
        created_ms: now,
    };
    add(connection, &owed).await
}

async fn add(connection: &mut AnyConnection, owed: &Owed) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (subject, event, team_id, mode, project, url, body, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&owed.subject)
    .bind(owed.event)
    .bind(&owed.team_id)
    .bind(&owed.mode)
    .bind(&owed.project)
    .bind(&owed.url)
    .bind(&owed.body)
    .bind(owed.created_ms)
    .execute(connection)
    .await?;
    Ok(())
}

impl Records {
    /// What is owed for one task or batch, oldest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn owed_for(&self, subject: &str) -> Result<Vec<Owed>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT * FROM outbox WHERE subject = $1 ORDER BY event")
                    .bind(subject)
                    .fetch_all(connection)
                    .await
            })
            .await?)
    }

    /// Tasks and batches for which something has been owed since before then, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn owing(&self, before_ms: i64, limit: i64) -> Result<Vec<String>, RecordsError> {
        let mut subjects: Vec<String> = self
            .run(async |connection| {
                sqlx::query_scalar(
                    "SELECT subject FROM outbox WHERE created_ms <= $1 \
                     ORDER BY created_ms LIMIT $2",
                )
                .bind(before_ms)
                .bind(limit)
                .fetch_all(connection)
                .await
            })
            .await?;
        subjects.sort_unstable();
        subjects.dedup();
        Ok(subjects)
    }

    /// The journal has these.
    ///
    /// # Errors
    /// [`RecordsError`]: they will be handed over once more, which changes nothing.
    pub async fn settle_owed(&self, owed: &[Owed]) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            for owed in owed {
                sqlx::query("DELETE FROM outbox WHERE subject = $1 AND event = $2")
                    .bind(&owed.subject)
                    .bind(owed.event)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
        .await
    }
}
