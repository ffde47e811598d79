//! Space kept in reserve: on a full disk even finishing work needs room. Given up when
//! settling meets a full disk, taken back when there is room again; in between nothing
//! new is accepted, or it would eat what finishing needs.

use crate::journal::sqlite::log;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// As much as the log holds before it is copied back: the database may have to grow by that.
const BYTES: usize = log::BYTES as usize;
static CHUNK: [u8; 65_536] = [0; 65_536];
/// Taking it back writes all of it, so not for every request.
const TRY_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Ballast {
    path: PathBuf,
    held: bool,
    tried: Option<Instant>,
}

impl Ballast {
    /// Takes the space now, if there is room.
    pub(super) fn take(folder: &Path) -> Self {
        let path = folder.join("ballast");
        let mut ballast = Self {
            path,
            held: false,
            tried: None,
        };
        ballast.is_held();
        ballast
    }

    /// Whether new work may be accepted; tries to take the space back if it was given up.
    pub(super) fn is_held(&mut self) -> bool {
        let due = self.tried.is_none_or(|tried| tried.elapsed() >= TRY_EVERY);
        if !self.held && due {
            self.tried = Some(Instant::now());
            self.held = fill(&self.path).is_ok();
            if !self.held {
                // A half-filled file would keep what finishing needs.
                let _ = std::fs::remove_file(&self.path);
            }
        }
        self.held
    }

    /// Gives the space up. Returns whether there was any.
    pub(super) fn give_up(&mut self) -> bool {
        let had = std::mem::take(&mut self.held);
        if had {
            tracing::error!("the disk is full: using the reserve to finish, accepting nothing new");
            self.tried = Some(Instant::now());
            let _ = std::fs::remove_file(&self.path);
        }
        had
    }
}

/// Real blocks, not a hole.
fn fill(path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for _ in 0..BYTES / CHUNK.len() {
        file.write_all(&CHUNK)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_is_taken_back_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ballast");
        let mut ballast = Ballast::take(folder.path());
        assert_eq!(file.metadata().unwrap().len(), BYTES as u64);
        assert!(ballast.give_up());
        assert!(!ballast.give_up(), "there is nothing more");
        assert!(!ballast.is_held() && !file.exists());
        tokio::time::advance(TRY_EVERY).await;
        assert!(ballast.is_held() && file.exists());
    }

    #[test]
    fn without_room_it_is_not_held() {
        let mut ballast = Ballast::take(Path::new("/proc/nowhere"));
        assert!(!ballast.is_held());
    }
}
