//! The two ways out of the gateway: a POST, or a letter. One target → one [`Answer`] within
//! the attempt's budget, never an error. Decides nothing about what follows.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::email::is_address;
use crate::callback::{Callback, MailReply, Outcome};
use crate::delivery::client::{Answer, Client, Timing};
use crate::delivery::request::{self, Sent};
use crate::mail::letters;
use crate::mail::{Sender, Told};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Both ways. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Transports {
    /// To URLs.
    pub http: Client,
    /// To e-mail addresses.
    pub mail: Sender,
}

impl Transports {
    /// Brings the callback to its target.
    pub async fn carry(
        &self,
        app: &App,
        settings: &TeamSettings,
        callback: &Callback,
        sent: &Sent<'_>,
    ) -> Answer {
        if is_address(sent.url) {
            // Boxed, so that POSTs do not carry the room that a letter needs.
            Box::pin(mail(app, &self.mail, settings, callback, sent)).await
        } else {
            request::post(app, &self.http, settings, callback, sent).await
        }
    }
}

/// The same letter under the same name at every try; no secret of the team goes by mail.
async fn mail(
    app: &App,
    sender: &Sender,
    settings: &TeamSettings,
    callback: &Callback,
    sent: &Sent<'_>,
) -> Answer {
    let start = Instant::now();
    let delivery = &app.config.delivery;
    let configured_ms = delivery.attempt_timeout_ms;
    let budget_ms = settings.attempt_timeout_ms.unwrap_or(configured_ms);
    let budget = Duration::from_millis(budget_ms.min(configured_ms));
    let letter = letters::callback(callback.mode, &callback.body);
    let id = callback.id.to_string();
    let told = timeout(budget, sender.send_callback(sent.url, &id, letter)).await;
    let told = told.unwrap_or_else(|_| Told {
        reply: MailReply::Away,
        words: "no answer within the attempt's budget".to_owned(),
    });
    let mut words = told.words;
    if told.reply == MailReply::Away {
        tracing::warn!(callback.id = %id, reason = words, "the mail server took no callback");
        words.clear();
    }
    let kept = words.len().min(delivery.response_body_bytes_kept);
    Answer {
        outcome: Outcome::Mailed(told.reply),
        kept_body: Bytes::copy_from_slice(&words.as_bytes()[..kept]),
        timing: Timing {
            head_us: None,
            total_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        },
        remote: None,
    }
}
