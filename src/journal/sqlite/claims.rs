//! Which callbacks were being attempted, so that one whose delivery brings the process
//! down each time is found. A plain file without syncs: it must survive a crash of the
//! process, for which the system's cache is enough; a crash of the machine only forgets.

use crate::callback::CallbackId;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Two generations of this size always hold the claims in flight.
const BYTES_MAX: u64 = 1024 * 1024;
/// A sequence (8) and the attempts made before (4).
const NOTE_BYTES: usize = 12;

pub(super) struct Claims {
    folder: PathBuf,
    file: Mutex<Option<File>>,
}

impl Claims {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: Mutex::default(),
        }
    }

    /// Notes claims with the attempts made before them. A note that fails costs only
    /// that a crash is not counted.
    pub(super) fn note(&self, claims: &mut dyn Iterator<Item = (CallbackId, u32)>) {
        let mut notes = Vec::new();
        for (id, attempts) in claims {
            notes.extend(id.sequence().to_le_bytes());
            notes.extend(attempts.to_le_bytes());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.append(&mut file, &notes) {
            tracing::debug!(error = %error, "claims are not noted");
        }
    }

    fn append(&self, open: &mut Option<File>, notes: &[u8]) -> std::io::Result<()> {
        let full = open.as_ref().map(File::metadata).transpose()?;
        if full.is_some_and(|metadata| metadata.len() >= BYTES_MAX) {
            std::fs::rename(self.path(), self.older_path())?;
            *open = None;
        }
        if open.is_none() {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.path())?;
            *open = Some(file);
        }
        let file = open.as_mut().expect("opened above");
        file.write_all(notes)
    }

    /// Every claim noted: sequence and the attempts made before its last claim.
    pub(super) fn read(&self) -> HashMap<i64, u32> {
        let mut claims = HashMap::new();
        for path in [self.older_path(), self.path()] {
            let notes = std::fs::read(path).unwrap_or_default();
            // A crash may have cut the last note short.
            for note in notes.as_chunks::<NOTE_BYTES>().0 {
                let (sequence, attempts) = note.split_at(8);
                let sequence = i64::from_le_bytes(sequence.try_into().expect("8 of 12 bytes"));
                let attempts = u32::from_le_bytes(attempts.try_into().expect("4 of 12 bytes"));
                claims.insert(sequence, attempts);
            }
        }
        claims
    }

    /// Forgets every note: they are counted, or nothing was in flight.
    pub(super) fn clear(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *file = None;
        for path in [self.path(), self.older_path()] {
            // Missing is as good as removed.
            let _ = std::fs::remove_file(path);
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("claims")
    }

    fn older_path(&self) -> PathBuf {
        self.folder.join("claims.older")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::IdSequence;

    #[test]
    fn two_generations_hold_the_latest_claims() {
        let folder = tempfile::tempdir().unwrap();
        let claims = Claims::in_folder(folder.path());
        let mut ids = IdSequence::after(None);
        let first = ids.next(1, 0);
        claims.note(&mut [(first, 3)].into_iter());
        let notes: Vec<_> = (0..200_000).map(|_| (ids.next(1, 0), 0)).collect();
        for batch in notes.chunks(1000) {
            claims.note(&mut batch.iter().copied());
        }
        let read = Claims::in_folder(folder.path()).read();
        assert!(!read.contains_key(&first.sequence()), "long settled");
        assert!(
            notes[150_000..]
                .iter()
                .all(|(id, _)| read.contains_key(&id.sequence()))
        );
        claims.clear();
        assert!(claims.read().is_empty());
    }
}
