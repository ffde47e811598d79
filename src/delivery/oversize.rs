//! A response that is too large for a callback goes into its team's bucket first, within the
//! same budget; the callback then says where it is. When that fails, the attempt has failed.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::bucket::Trouble;
use crate::callback::oversize::{by_reference, large_response};
use crate::callback::{Callback, Outcome};
use crate::cloud::error::CloudError;
use crate::delivery::client::{Answer, Timing};
use crate::integrations::responses;
use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The callback as it goes out, and how long that took, milliseconds.
pub(super) type Ready<'a> = (Cow<'a, Callback>, u64);

/// Brings a large response away, where the team wants that.
pub(super) async fn lighten<'a>(
    app: &App,
    settings: &TeamSettings,
    callback: &'a Callback,
) -> Result<Ready<'a>, Answer> {
    let Some((cloud, prefix)) = &settings.large_results else {
        return Ok((Cow::Borrowed(callback), 0));
    };
    let bytes_max = app.config.integrations.results_inline_bytes_max;
    let Some(response) = large_response(&callback.body, bytes_max) else {
        return Ok((Cow::Borrowed(callback), 0));
    };
    let start = Instant::now();
    let budget = Duration::from_millis(settings.budget_ms(&app.config.delivery));
    // Boxed, so that every other attempt does not carry the room that it needs.
    let stored = Box::pin(responses::store(app, (*cloud, prefix), callback, response));
    let late = |_| Err(CloudError::new(Trouble::Network, "no answer in time"));
    match timeout(budget, stored).await.unwrap_or_else(late) {
        Ok(reference) => {
            let ready = Callback {
                body: by_reference(&callback.body, &reference),
                ..callback.clone()
            };
            let spent_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            Ok((Cow::Owned(ready), spent_ms))
        }
        Err(error) => {
            tracing::warn!(callback.id = %callback.id, error = %error, "a large response is not stored");
            Err(unstored(app, error, start))
        }
    }
}

fn unstored(app: &App, error: CloudError, start: Instant) -> Answer {
    let mut kept = Bytes::from(error.said);
    kept.truncate(app.config.delivery.response_body_bytes_kept);
    Answer {
        outcome: Outcome::Unstored(error.trouble),
        kept_body: kept,
        timing: Timing {
            head_us: None,
            total_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        },
        remote: None,
    }
}
