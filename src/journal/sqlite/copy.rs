//! A SQLite file of ours as it is at one moment, while others write to it.

use crate::journal::JournalError;
use crate::journal::sqlite::batch;
use std::path::Path;

/// Copies one file to a place where there is none yet, and checks the copy. Whoever writes
/// meanwhile does not wait. The copy is on the disk when this returns.
///
/// # Errors
/// [`JournalError::Unavailable`] when either place does not bear it, or the copy is damaged.
pub async fn copy_file(from: &Path, to: &Path) -> Result<(), JournalError> {
    let pool = batch::open(from, 1).await?;
    let target = to.to_string_lossy().into_owned();
    sqlx::query("VACUUM INTO $1")
        .bind(target)
        .execute(&pool)
        .await?;
    pool.close().await;
    let copy = batch::open(to, 1).await?;
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&copy)
        .await?;
    copy.close().await;
    if verdict != "ok" {
        let reason = format!("{} is damaged: {verdict}", to.display());
        return Err(sqlx::Error::Protocol(reason).into());
    }
    let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
    Ok(synced.map_err(sqlx::Error::Io)?)
}
