//! Which duties are this process's: advisory locks on a connection of their own, which the
//! server gives up when the process ends. Never held across a lost connection.

use crate::journal::Duty;
use crate::journal::postgres::connections::{ANSWER_MAX, Connections, within};
use sqlx::{Connection, PgConnection};
use std::collections::HashSet;
use tokio::sync::Mutex;

/// The first half of every duty's lock: "RING".
const LOCK_SPACE: i32 = 0x5249_4e47;

#[derive(Default)]
pub(super) struct Leadership {
    session: Mutex<Option<Session>>,
}

struct Session {
    connection: PgConnection,
    held: HashSet<Duty>,
}

impl Leadership {
    /// Takes the duty, or makes sure that it is still held.
    pub(super) async fn lead(
        &self,
        connections: &Connections,
        duty: Duty,
    ) -> Result<bool, sqlx::Error> {
        let mut place = self.session.lock().await;
        // Out of its place until it has answered: after a failure the locks are gone.
        let session = place.take();
        let (session, leads) = within(ANSWER_MAX, async {
            let mut session = match session {
                Some(session) => session,
                None => Session {
                    connection: connections.own().await?,
                    held: HashSet::new(),
                },
            };
            let leads = session.lead(duty).await?;
            Ok((session, leads))
        })
        .await?;
        *place = Some(session);
        Ok(leads)
    }

    /// Gives every duty up.
    pub(super) async fn resign(&self) {
        self.session.lock().await.take();
    }
}

impl Session {
    async fn lead(&mut self, duty: Duty) -> Result<bool, sqlx::Error> {
        if self.held.contains(&duty) {
            self.connection.ping().await?;
            return Ok(true);
        }
        let lock = match duty {
            Duty::Housekeeping => 2,
            Duty::Audit => 3,
            Duty::Outbox => 4,
            Duty::Replays => 5,
        };
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
            .bind(LOCK_SPACE)
            .bind(lock)
            .fetch_one(&mut self.connection)
            .await?;
        if taken {
            self.held.insert(duty);
        }
        Ok(taken)
    }
}
