//! The audit log: who did what to what, when, from where, with what result. Entries are
//! only ever added; each is chained to the one before it by its hash.

use crate::callback::TimestampMs;
use crate::checksum::RowHasher;
use crate::hex;
use crate::records::{Records, RecordsError};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;

/// Rows read at once while a chain is walked.
const PAGE_ROWS: i64 = 1000;
/// Longest text of one column, in characters; a longer one is cut.
const TEXT_CHARACTERS_MAX: usize = 500;

/// One change, or one attempt at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose log it belongs to; empty for the operator's.
    pub team: String,
    /// When.
    pub at: TimestampMs,
    /// Who, such as `person ana@example.com` or `key 0198…`.
    pub actor: String,
    /// What, such as `POST /v1/projects`.
    pub action: String,
    /// To what.
    pub target: String,
    /// From where.
    pub address: String,
    /// The HTTP status of the answer; 0 for the command line.
    pub status: u16,
}

/// An entry in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place: 1, 2, 3 …
    pub seq: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// Of the entry and of everything before it; hex.
    pub hash: String,
}

/// What walking a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Whole: how many entries, and the last hash. Kept elsewhere, it proves later that
    /// nothing was rewritten.
    Whole(u64, String),
    /// This entry is missing, was changed, or does not follow the one before.
    Broken(i64),
}

impl Records {
    /// Adds entries to their teams' chains, all in one commit.
    ///
    /// # Errors
    /// [`RecordsError`]: none was added.
    pub async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), RecordsError> {
        // Teams in one order, so that writers never wait for each other in a ring.
        let mut by_team: BTreeMap<&str, Vec<&AuditEntry>> = BTreeMap::new();
        for entry in entries {
            by_team.entry(&entry.team).or_default().push(entry);
        }
        self.transact(async |connection| {
            for (team, entries) in &by_team {
                append_to(connection, team, entries).await?;
            }
            Ok(())
        })
        .await
    }

    /// A team's entries before `before`, newest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn audit_before(
        &self,
        team: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, RecordsError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT * FROM audit WHERE team_id = $1 AND seq < $2 \
                     ORDER BY seq DESC LIMIT $3",
                )
                .bind(team)
                .bind(before.unwrap_or(i64::MAX))
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
            })
            .await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The teams that have a log, `""` being the operator's.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn audited_teams(&self) -> Result<Vec<String>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_scalar("SELECT team_id FROM audit_heads ORDER BY team_id")
                    .fetch_all(connection)
                    .await
            })
            .await?)
    }

    /// Walks a team's chain from its first entry to its head.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn verify_audit(&self, team: &str) -> Result<Chain, RecordsError> {
        let head: Option<(i64, String)> = self
            .run(async |connection| {
                sqlx::query_as("SELECT seq, hash FROM audit_heads WHERE team_id = $1")
                    .bind(team)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        let (last, end) = head.unwrap_or_default();
        let (mut seq, mut hash) = (0, String::new());
        while seq < last {
            let rows = self.audit_after(team, seq).await?;
            if rows.is_empty() {
                return Ok(Chain::Broken(seq + 1));
            }
            for row in rows.into_iter().filter(|row| row.seq <= last) {
                if row.seq != seq + 1 || row.hash != link(&hash, row.seq, &row.entry) {
                    return Ok(Chain::Broken(seq + 1));
                }
                (seq, hash) = (row.seq, row.hash);
            }
        }
        if hash == end {
            Ok(Chain::Whole(seq.cast_unsigned(), hash))
        } else {
            Ok(Chain::Broken(seq))
        }
    }

    async fn audit_after(&self, team: &str, after: i64) -> Result<Vec<AuditRow>, RecordsError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT * FROM audit WHERE team_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                )
                .bind(team)
                .bind(after)
                .bind(PAGE_ROWS)
                .fetch_all(connection)
                .await
            })
            .await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

/// Takes the chain's end, so that nobody else writes to it, and goes on from there.
async fn append_to(
    connection: &mut AnyConnection,
    team: &str,
    entries: &[&AuditEntry],
) -> Result<(), RecordsError> {
    sqlx::query(
        "INSERT INTO audit_heads (team_id, seq, hash) VALUES ($1, 0, '') \
         ON CONFLICT (team_id) DO NOTHING",
    )
    .bind(team)
    .execute(&mut *connection)
    .await?;
    let (mut seq, mut hash): (i64, String) = sqlx::query_as(
        "UPDATE audit_heads SET seq = seq + $1 WHERE team_id = $2 RETURNING seq - $1, hash",
    )
    .bind(i64::try_from(entries.len()).unwrap_or(i64::MAX))
    .bind(team)
    .fetch_one(&mut *connection)
    .await?;
    for entry in entries {
        let entry = cut(entry);
        seq += 1;
        hash = link(&hash, seq, &entry);
        insert(connection, seq, &entry, &hash).await?;
    }
    sqlx::query("UPDATE audit_heads SET hash = $1 WHERE team_id = $2")
        .bind(hash)
        .bind(team)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    seq: i64,
    entry: &AuditEntry,
    hash: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO audit (team_id, seq, at_ms, actor, action, target, address, status, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&entry.team)
    .bind(seq)
    .bind(entry.at.cast_signed())
    .bind(&entry.actor)
    .bind(&entry.action)
    .bind(&entry.target)
    .bind(&entry.address)
    .bind(i64::from(entry.status))
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// Callers choose some of the text.
fn cut(entry: &AuditEntry) -> AuditEntry {
    let short = |text: &str| -> String {
        let legal = text.chars().filter(|character| *character != '\0');
        legal.take(TEXT_CHARACTERS_MAX).collect()
    };
    AuditEntry {
        actor: short(&entry.actor),
        action: short(&entry.action),
        target: short(&entry.target),
        address: short(&entry.address),
        ..entry.clone()
    }
}

/// PURE: the hash of an entry behind what is before it.
fn link(previous: &str, seq: i64, entry: &AuditEntry) -> String {
    let digest = RowHasher::default()
        .text(Some(previous))
        .number(Some(seq))
        .text(Some(&entry.team))
        .number(Some(entry.at.cast_signed()))
        .text(Some(&entry.actor))
        .text(Some(&entry.action))
        .text(Some(&entry.target))
        .text(Some(&entry.address))
        .number(Some(i64::from(entry.status)))
        .finish();
    hex::encode(&digest)
}

fn read(row: &AnyRow) -> Result<AuditRow, sqlx::Error> {
    Ok(AuditRow {
        seq: row.try_get("seq")?,
        entry: AuditEntry {
            team: row.try_get("team_id")?,
            at: row.try_get::<i64, _>("at_ms")?.cast_unsigned(),
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            target: row.try_get("target")?,
            address: row.try_get("address")?,
            status: u16::try_from(row.try_get::<i64, _>("status")?).unwrap_or(0),
        },
        hash: row.try_get("hash")?,
    })
}
