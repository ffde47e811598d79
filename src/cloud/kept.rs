//! A credential that is kept until shortly before it ends. Whoever comes while it is asked for
//! waits for the one who asks; a refusal is remembered for a moment, so that a crowd does not
//! ask for what has just been refused.

use crate::cloud::error::CloudError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

const REFUSED_FOR: Duration = Duration::from_secs(5);

type Held<T> = Option<(Result<Arc<T>, CloudError>, Instant)>;

/// A credential, or none yet.
pub(super) struct Kept<T> {
    /// It must be good for at least this long.
    rest_min: Duration,
    held: Mutex<Held<T>>,
}

/// Secrets do not belong into logs.
impl<T> std::fmt::Debug for Kept<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Kept")
    }
}

impl<T> Kept<T> {
    pub(super) fn new(rest_min: Duration) -> Self {
        Self {
            rest_min,
            held: Mutex::new(None),
        }
    }

    /// The one that is kept, or what `ask` gets: a credential, and for how long it is good.
    pub(super) async fn get(
        &self,
        ask: impl Future<Output = Result<(T, Duration), CloudError>>,
    ) -> Result<Arc<T>, CloudError> {
        let mut held = self.held.lock().await;
        if let Some((credential, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return credential.clone();
        }
        let asked = Instant::now();
        let (credential, kept_for) = match ask.await {
            Ok((credential, valid)) => (
                Ok(Arc::new(credential)),
                valid.saturating_sub(self.rest_min),
            ),
            Err(error) => (Err(error), REFUSED_FOR),
        };
        *held = Some((credential.clone(), asked + kept_for));
        credential
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::bucket::Trouble;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_before_it_ends_and_asked_for_once() {
        let (kept, asked) = (Kept::new(Duration::from_mins(1)), AtomicU32::new(0));
        let ask = async || {
            let ask = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let number = asked.fetch_add(1, Ordering::SeqCst);
                Ok((number, Duration::from_secs(100)))
            };
            *kept.get(ask).await.unwrap()
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (0, 0, 0));
        tokio::time::advance(Duration::from_secs(38)).await;
        assert_eq!(ask().await, 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(ask().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_asked_for_again_at_once() {
        let (kept, asked) = (Kept::<()>::new(Duration::ZERO), AtomicU32::new(0));
        let ask = async || {
            let ask = async {
                asked.fetch_add(1, Ordering::SeqCst);
                Err(CloudError::new(Trouble::NotTrusted, ""))
            };
            kept.get(ask).await.unwrap_err().trouble
        };
        assert_eq!(
            (ask().await, ask().await),
            (Trouble::NotTrusted, Trouble::NotTrusted)
        );
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(6)).await;
        ask().await;
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
