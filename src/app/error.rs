//! What can fail when both stores are asked: one of them.

use crate::journal::JournalError;
use crate::records::RecordsError;

/// A store did not do what it was asked. Ask again later.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
}
