//! Writes the audit log: while one commit syncs, the next entries gather, so that many
//! changes at once cost few commits. An entry is in the log before its change is answered.

use crate::records::audit::AuditEntry;
use crate::records::{Records, RecordsError};
use tokio::sync::{mpsc, oneshot};

/// Entries of one commit, and entries that may wait before callers wait, too.
const GATHERED_MAX: usize = 512;

type Written = oneshot::Sender<bool>;

/// The callers' end; clones share the log.
#[derive(Clone)]
pub(super) struct Audit(mpsc::Sender<(AuditEntry, Written)>);

impl Audit {
    /// Starts the writer. It ends when the last clone is gone.
    pub(super) fn start(records: Records) -> Self {
        let (sender, inbox) = mpsc::channel(GATHERED_MAX);
        tokio::spawn(write(records, inbox));
        Self(sender)
    }

    /// Returns once the entry is committed; whether it is.
    pub(super) async fn record(&self, entry: AuditEntry) -> bool {
        let (written, answer) = oneshot::channel();
        self.0.send((entry, written)).await.is_ok() && answer.await.unwrap_or(false)
    }
}

async fn write(records: Records, mut inbox: mpsc::Receiver<(AuditEntry, Written)>) {
    let mut gathered = Vec::with_capacity(GATHERED_MAX);
    while inbox.recv_many(&mut gathered, GATHERED_MAX).await > 0 {
        let (entries, waiting): (Vec<_>, Vec<_>) = gathered.drain(..).unzip();
        let done = records.append_audit(&entries).await;
        let is_written = done.inspect_err(complain).is_ok();
        for written in waiting {
            // A caller that went away needs no answer.
            let _ = written.send(is_written);
        }
    }
}

fn complain(error: &RecordsError) {
    tracing::error!(error = %error, "the audit log misses entries");
}
