//! Why a store could not be moved, split by what the person at the keyboard can do. Never
//! tells a password.

use crate::folder::FolderError;
use crate::journal::{Counts, JournalError};
use crate::records::RecordsError;
use crate::records::transfer::Compared;
use crate::vault::VaultError;
use std::path::PathBuf;

/// Why a store could not be moved. The source is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// There is nothing to move.
    #[error("there is no store in {0}: journal.db and records.db are missing; is --from right?")]
    NoStore(PathBuf),
    /// A gateway runs on the source.
    #[error("a gateway runs on {0}: stop it, or begin beside it with --ahead")]
    Running(PathBuf),
    /// The source's folder cannot be used.
    #[error(transparent)]
    Folder(FolderError),
    /// The key file is missing; one that is made now would open nothing.
    #[error(
        "there is no vault key in {0}; name the gateway's configuration with --config if it \
         sets data.vault_key_file"
    )]
    NoVaultKey(PathBuf),
    /// The vault key is another one than the source's.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The source's tables are not those of this program.
    #[error(
        "the store in {0} is of another version of ringback: let `ringback serve` of this \
         version run on it once, or move it with the version that it is of"
    )]
    SourceVersion(PathBuf),
    /// The target's tables are not those of this program.
    #[error(
        "the tables in the target are of another version of ringback: name an empty database, \
         or go on with the version that began"
    )]
    TargetVersion,
    /// The target is in use.
    #[error(
        "the target holds other data already, in the table {0}: name an empty database, or drop \
         and make this one anew"
    )]
    NotEmpty(&'static str),
    /// The target was begun for another installation.
    #[error(
        "another installation is being moved, or was moved, into the target: name an empty \
         database, or check --from"
    )]
    Other,
    /// The target was opened with another vault key.
    #[error(
        "the target was opened with another vault key than that of the source: name an empty \
         database, or drop and make this one anew"
    )]
    TargetVault,
    /// Another process has the target's duties.
    #[error("a gateway or another migrate-store is at work on the target; stop it first")]
    Busy,
    /// The source is marked: only the end can be done again.
    #[error(
        "the store is marked as moved, so there is nothing to copy ahead: without --ahead the \
         move is finished, if it is not yet"
    )]
    Moved,
    /// The move was finished before, and the mark was taken off the source.
    #[error(
        "this store was moved into the target already, and gateways may have run on it since: \
         moving it again would undo what they did; to start over, drop and make the database anew"
    )]
    Live,
    /// A table arrived differently.
    #[error(
        "the table {} is not the same on both sides: {} rows with checksum {} in the source, {} \
         with {} in the target; the source is untouched, its gateway may be started again", .0.table,
        .0.source.rows(), .0.source, .0.target.rows(), .0.target
    )]
    Different(Compared),
    /// States or ledger arrived differently.
    #[error(
        "the counts are not the same on both sides: {0:?} in the source, {1:?} in the target; the \
         source is untouched, its gateway may be started again"
    )]
    DifferentCounts(Counts, Counts),
    /// The mark cannot be written.
    #[error("the store cannot be marked as moved, so the move is not finished: {0}")]
    Mark(#[source] std::io::Error),
    /// The target answers, but a commit there would not be one.
    #[error("the target: {0}")]
    Unfit(&'static str),
    /// A journal did not answer.
    #[error("{0}; once it answers, the same command goes on")]
    Journal(#[source] JournalError),
    /// Records did not answer.
    #[error("{0}; once they answer, the same command goes on")]
    Records(#[source] RecordsError),
}

impl From<JournalError> for MigrationError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Unfit(why) => Self::Unfit(why),
            error => Self::Journal(error),
        }
    }
}

impl From<RecordsError> for MigrationError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Vault(error) => Self::Vault(error),
            RecordsError::Unfit(why) => Self::Unfit(why),
            error => Self::Records(error),
        }
    }
}
