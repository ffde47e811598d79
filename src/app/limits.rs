//! The operator's limits of lanes, told to a queue that may not know them any more.

use crate::app::App;
use crate::queue::{QueueError, Steer};

impl App {
    /// Tells the queue every limit. To be called when the queue was lost, or may be.
    ///
    /// # Errors
    /// [`QueueError`] when it does not answer: some may not be told.
    pub async fn tell_limits(&self) -> Result<(), QueueError> {
        let limits = match self.records.lane_limits().await {
            Ok(limits) => limits,
            Err(error) => {
                tracing::warn!(error = %error, "the limits of lanes are told later");
                return Ok(());
            }
        };
        for (team, origin, most) in limits {
            let steer = Steer::Limit(Some(most));
            let (team, origin) = (team.into(), origin.into());
            self.queue.steer(&team, &origin, steer).await?;
        }
        Ok(())
    }
}
