//! Both ends of a move, opened and checked. Whatever does not fit is refused here, before
//! anything of the target is written.

use crate::callback::CallbackId;
use crate::folder::{self, FolderError};
use crate::journal::{Export, Import};
use crate::migration::{MigrationError, Move};
use crate::records::RecordsError;
use crate::records::transfer::{Compared, Transfer};
use crate::vault::Vault;

/// The installation that is moved.
pub(super) struct Source {
    pub(super) journal: Export,
    records: Transfer,
    vault: Vault,
    /// What it is known by.
    name: String,
    /// No gateway starts while this is kept.
    _lock: Option<folder::Lock>,
}

impl Source {
    /// Frozen: no gateway runs, and no command writes until this is dropped.
    pub(super) async fn open(order: &Move, frozen: bool) -> Result<Self, MigrationError> {
        let folder = &order.folder;
        let is_there = |file| folder.join(file).exists();
        if !is_there("journal.db") || !is_there("records.db") {
            return Err(MigrationError::NoStore(folder.clone()));
        }
        if !order.vault_key_file.exists() {
            return Err(MigrationError::NoVaultKey(order.vault_key_file.clone()));
        }
        let vault = Vault::open(&order.vault_key_file)?;
        let lock = frozen.then(|| folder::lock(folder)).transpose();
        let lock = lock.map_err(|error| match error {
            FolderError::InUse(folder) => MigrationError::Running(folder),
            error @ FolderError::Unusable { .. } => MigrationError::Folder(error),
        })?;
        let version = || MigrationError::SourceVersion(folder.clone());
        let records = Transfer::from_folder(folder, frozen).await?;
        let journal = Export::open(folder, frozen).await?;
        let mut records = records.ok_or_else(version)?;
        let name = records.sealed_word(&vault).await?;
        Ok(Self {
            journal: journal.ok_or_else(version)?,
            name: name.ok_or_else(version)?,
            records,
            vault,
            _lock: lock,
        })
    }
}

/// The database that it is moved to.
pub(super) struct Target {
    pub(super) journal: Import,
    pub(super) copied_until: Option<CallbackId>,
    pub(super) is_finished: bool,
}

impl Target {
    /// Makes the tables in an empty database and claims it for this source, or goes on with
    /// one that was claimed for it before.
    pub(super) async fn open(order: &Move, source: &mut Source) -> Result<Self, MigrationError> {
        let journal = Import::open(order.target.reveal()).await?;
        if !journal.take_duties().await? {
            return Err(MigrationError::Busy);
        }
        if !journal.make_tables().await? {
            return Err(MigrationError::TargetVersion);
        }
        let mut records = open_records(order).await?;
        let progress = match journal.progress().await? {
            Some(progress) if progress.source == source.name => Some(progress),
            Some(_) => return Err(MigrationError::Other),
            None => None,
        };
        if progress.is_none() {
            let used = journal.table_in_use().await?;
            if let Some(table) = used.or(records.table_in_use().await?) {
                return Err(MigrationError::NotEmpty(table));
            }
            let sealed = records.sealed_word(&source.vault).await;
            sealed.map_err(|error| match error {
                RecordsError::Vault(_) => MigrationError::TargetVault,
                error => error.into(),
            })?;
            records.copy_sealed_word(&mut source.records).await?;
            journal.begin(&source.name).await?;
        }
        Ok(Self {
            journal,
            copied_until: progress.as_ref().and_then(|progress| progress.copied_until),
            is_finished: progress.is_some_and(|progress| progress.is_finished),
        })
    }

    /// The records become those of the source. Opened anew: the copy may have taken hours.
    pub(super) async fn fill_records(
        &self,
        order: &Move,
        source: &mut Source,
    ) -> Result<Vec<Compared>, MigrationError> {
        let mut records = open_records(order).await?;
        Ok(records.fill_from(&mut source.records).await?)
    }
}

async fn open_records(order: &Move) -> Result<Transfer, MigrationError> {
    let records = Transfer::into_database(order.target.reveal()).await?;
    records.ok_or(MigrationError::TargetVersion)
}
