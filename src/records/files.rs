//! Uploaded files: what is known of each. Never their bytes, and never a file whose bytes are
//! not complete, except to whoever deletes what was cut.

use crate::callback::{TeamId, TimestampMs};
use crate::records::world::{World, first_id_at};
use crate::records::{Records, RecordsError, exists, holds_nul};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};
use std::fmt::Write;

/// What a list shows and an upload writes.
const COLUMNS: &str = "id, reference_id, display_name, mime_type, size_bytes, sha256, project, \
                       metadata, created_ms, stored_ms";

/// A file as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its id, 24 hex digits; ids sort as files came.
    pub id: String,
    /// The customer's own id for it.
    pub reference_id: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// What kind of file it says it is.
    pub mime_type: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, hex.
    pub sha256: String,
    /// The project it was uploaded for.
    pub project: Option<String>,
    /// A JSON object.
    pub metadata: Option<String>,
    /// When the upload began.
    pub created_ms: TimestampMs,
    /// When its bytes were complete.
    pub stored_ms: TimestampMs,
}

impl<'r> FromRow<'r, AnyRow> for File {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            reference_id: row.try_get("reference_id")?,
            display_name: row.try_get("display_name")?,
            mime_type: row.try_get("mime_type")?,
            size_bytes: row.try_get::<i64, _>("size_bytes")?.unsigned_abs(),
            sha256: row.try_get("sha256")?,
            project: row.try_get("project")?,
            metadata: row.try_get("metadata")?,
            created_ms: row.try_get::<i64, _>("created_ms")?.unsigned_abs(),
            stored_ms: row.try_get::<i64, _>("stored_ms")?.unsigned_abs(),
        })
    }
}

/// Which files a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFilter {
    /// Only those uploaded for this project.
    pub project: Option<String>,
    /// Only the one with this reference.
    pub reference_id: Option<String>,
    /// Only those older than this id.
    pub before: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl Records {
    /// Notes that the bytes of a file begin to come.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn begin_file(
        &self,
        world: World<'_>,
        id: &str,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO files (id, team_id, mode, mime_type, size_bytes, sha256, created_ms) \
                 VALUES ($1, $2, $3, '', 0, '', $4)",
            )
            .bind(id)
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// The bytes are complete: the file is there from now on.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] when another file has its reference.
    pub async fn finish_file(&self, file: &File) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "UPDATE files SET reference_id = $2, display_name = $3, mime_type = $4, \
                 size_bytes = $5, sha256 = $6, project = $7, metadata = $8, stored_ms = $9 \
                 WHERE id = $1",
            )
            .bind(&file.id)
            .bind(&file.reference_id)
            .bind(&file.display_name)
            .bind(&file.mime_type)
            .bind(file.size_bytes.cast_signed())
            .bind(&file.sha256)
            .bind(&file.project)
            .bind(&file.metadata)
            .bind(file.stored_ms.cast_signed())
            .execute(connection)
            .await
        })
        .await
        .map_err(exists(|| "a file with this reference".to_owned()))?;
        Ok(())
    }

    /// One page of files, newest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn files(
        &self,
        world: World<'_>,
        filter: &FileFilter,
    ) -> Result<Vec<File>, RecordsError> {
        let texts = [&filter.project, &filter.reference_id, &filter.before];
        if texts.into_iter().flatten().any(|text| holds_nul(text)) {
            return Ok(Vec::new());
        }
        // Only conditions that are asked for: others would keep the database from its index.
        let mut sql = format!(
            "SELECT {COLUMNS} FROM files WHERE team_id = $1 AND mode = $2 AND id < $3 \
             AND stored_ms IS NOT NULL"
        );
        let mut values = Vec::new();
        for (column, text) in [
            ("project", &filter.project),
            ("reference_id", &filter.reference_id),
        ] {
            if let Some(text) = text {
                values.push(text);
                write!(sql, " AND {column} = ${}", values.len() + 4).expect("a string takes text");
            }
        }
        sql.push_str(" ORDER BY id DESC LIMIT $4");
        let found = self
            .run(async |connection| {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                    .bind(world.team)
                    .bind(world.mode.as_str())
                    .bind(filter.before.as_deref().unwrap_or("g")) // after every hex digit
                    .bind(i64::from(filter.limit));
                for value in values {
                    query = query.bind(value);
                }
                query.fetch_all(connection).await
            })
            .await?;
        Ok(found)
    }

    /// A complete file of any team, with its team: for the labelling side.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn any_file(&self, id: &str) -> Result<Option<(TeamId, File)>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        let sql =
            format!("SELECT {COLUMNS}, team_id FROM files WHERE id = $1 AND stored_ms IS NOT NULL");
        let row: Option<AnyRow> = self
            .run(async |connection| {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(id)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let team: String = row.try_get("team_id")?;
        Ok(Some((team.into(), File::from_row(&row)?)))
    }

    /// A task names this file: it is kept from now on. `false`: there is no such file here.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn use_file(
        &self,
        world: World<'_>,
        id: &str,
        now: TimestampMs,
    ) -> Result<bool, RecordsError> {
        if holds_nul(id) {
            return Ok(false);
        }
        let done = self
            .run(async |connection| {
                sqlx::query(
                    "UPDATE files SET used_ms = COALESCE(used_ms, $4) WHERE id = $3 \
                     AND team_id = $1 AND mode = $2 AND stored_ms IS NOT NULL",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(id)
                .bind(now.cast_signed())
                .execute(connection)
                .await
            })
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes files away from everybody that are unfinished and older than `cut_before`, or
    /// unused and older than `unused_before`: `(team, id)` of those whose bytes must go.
    /// They are told again until [`Records::forget_file`].
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn withdraw_files(
        &self,
        cut_before: TimestampMs,
        unused_before: TimestampMs,
        limit: u32,
    ) -> Result<Vec<(String, String)>, RecordsError> {
        let found = self
            .run(async |connection| {
                sqlx::query_as(
                    "UPDATE files SET stored_ms = NULL, reference_id = NULL WHERE id IN (\
                     SELECT id FROM files WHERE used_ms IS NULL AND (id < $2 \
                     OR (id < $1 AND stored_ms IS NULL)) ORDER BY id LIMIT $3) \
                     AND used_ms IS NULL RETURNING team_id, id",
                )
                .bind(first_id_at(cut_before))
                .bind(first_id_at(unused_before))
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
            })
            .await?;
        Ok(found)
    }

    /// The bytes are gone: nothing is known of the file any more.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn forget_file(&self, id: &str) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("DELETE FROM files WHERE id = $1 AND stored_ms IS NULL")
                .bind(id)
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }
}
