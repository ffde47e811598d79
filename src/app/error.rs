//! What can fail when the gateway opens, and when both stores are asked.

use crate::blobs::BlobsError;
use crate::cloud::CloudsError;
use crate::folder::FolderError;
use crate::journal::JournalError;
use crate::queue::redis::link::LinkError;
use crate::records::RecordsError;
use crate::telemetry::spans::TracesError;
use crate::vault::VaultError;

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

/// Why the gateway cannot open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The vault's key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The place of files.
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    /// What this gateway is at clouds.
    #[error(transparent)]
    Clouds(#[from] CloudsError),
    /// The way to the collector.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] LinkError),
}
