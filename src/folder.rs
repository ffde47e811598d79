//! The data folder as a whole: which process has it, and whether its store is on its way to
//! another place or there already. Knows nothing of what the files in it hold.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a gateway or command says that was started on a store that is elsewhere now.
pub const MOVED: &str = "the store in data.dir was moved to PostgreSQL, so nothing may change it \
    any more: set store.url to the database; the file `moved` in data.dir tells more";

/// What a gateway or command says that was started on a database into which a store is
/// being moved.
pub const HALF_MOVED: &str = "a store is being moved into this database and not all of it is \
    here yet: run `ringback migrate-store` to its end first";

/// Why a data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made or used.
    #[error("data.dir {path}: {source}")]
    Unusable {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A gateway runs on it.
    #[error("data.dir {0} is in use by another gateway; stop it or choose another folder")]
    InUse(PathBuf),
}

/// A data folder that is this process's alone until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a process that is just being started has it, too, until
    /// its own program begins.
    fn drop(&mut self) {
        // What cannot be unlocked is closed now.
        let _ = self.0.unlock();
    }
}

/// Makes the folder if it is missing and takes it: two gateways on one folder would deliver
/// twice.
///
/// # Errors
/// [`FolderError`] when it cannot be used or another process has it.
pub fn lock(path: &Path) -> Result<Lock, FolderError> {
    let unusable = |source| FolderError::Unusable {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(path).map_err(unusable)?;
    let lock = File::create(path.join("lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(std::fs::TryLockError::WouldBlock) => Err(FolderError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Whether the folder's store was moved to another place: nothing may use it then.
#[must_use]
pub fn was_moved(path: &Path) -> bool {
    mark(path).exists()
}

/// Marks the folder's store as moved, for good: it survives a crash of the machine.
///
/// # Errors
/// The system's, when the mark cannot be written.
pub fn mark_moved(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(mark(path))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(path)?.sync_all()
}

/// The file that tells whoever wonders why no gateway starts on the folder.
fn mark(path: &Path) -> PathBuf {
    path.join("moved")
}

/// Bytes that are free for this process and bytes in all, on the disk of this folder; none
/// when the system does not tell.
#[must_use]
pub fn room(folder: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_at_once_when_its_lock_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let taken = lock(folder.path()).unwrap();
        // As a process that is being started has it for a moment.
        let copy = taken.0.try_clone().unwrap();
        assert!(matches!(lock(folder.path()), Err(FolderError::InUse(_))));
        drop(taken);
        lock(folder.path()).unwrap();
        drop(copy);
    }
}
