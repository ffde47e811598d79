//! Signals → stop (finish what runs) → kill (abandon it). The first signal stops, the
//! second kills; so does the end of the grace time, which the caller keeps.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Both tokens; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    stop: CancellationToken,
    kill: CancellationToken,
}

impl Shutdown {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on SIGINT and SIGTERM stop, and kill when they come again.
    ///
    /// # Errors
    /// The system's, when it gives no signal handler.
    pub fn listen_for_signals(&self) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let this = self.clone();
        tokio::spawn(async move {
            for token in [&this.stop, &this.kill] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(())
    }

    /// Asks everybody to finish.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks everybody to drop what they do.
    pub fn kill(&self) {
        self.stop.cancel();
        self.kill.cancel();
    }

    /// Whether finishing has been asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether dropping everything has been asked for.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.kill.is_cancelled()
    }

    /// Returns once finishing has been asked for.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Returns once dropping everything has been asked for.
    pub async fn killed(&self) {
        self.kill.cancelled().await;
    }
}
