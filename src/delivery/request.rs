//! One attempt as it goes over the wire: the headers, and while a callback auth key is being
//! replaced a second POST with the previous one. Decides nothing about what follows.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::signature::sign;
use crate::callback::target::Provenance;
use crate::callback::trace::TraceParent;
use crate::callback::{Callback, Fault, Health, Outcome};
use crate::delivery::client::{Answer, Client};
use crate::records::secrets::EndpointKey;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use std::time::Duration;
use url::Url;

/// The header that carries the callback auth key.
pub const AUTH: HeaderName = HeaderName::from_static("scale-callback-auth");

/// What is sent where.
pub struct Sent<'a> {
    /// Where to.
    pub url: &'a str,
    /// The rule that chose it.
    pub provenance: Provenance,
    /// Which attempt it is, from 1.
    pub number: u32,
    /// When it began.
    pub started_ms: u64,
    /// What of its budget is spent already, milliseconds.
    pub spent_ms: u64,
    /// Where it is in its trace.
    pub place: TraceParent,
}

/// POSTs the callback within one budget. While the previous callback auth key is still good,
/// an endpoint that refuses the new one is sent the previous one at once.
pub async fn post(
    app: &App,
    client: &Client,
    settings: &TeamSettings,
    callback: &Callback,
    sent: &Sent<'_>,
) -> Answer {
    // Checked when it was saved, so only another program can have stored an illegal one.
    let Ok(url) = settings.parts(sent.url) else {
        return Answer::unsent(Fault::Url);
    };
    let budget_ms = settings.budget_ms(&app.config.delivery);
    let budget_ms = budget_ms.saturating_sub(sent.spent_ms);
    let headers = headers(settings, callback, sent);
    let post = Post {
        client,
        url: &url,
        body: &callback.body,
    };
    match settings.previous_callback_auth(callback.mode, sent.started_ms) {
        None => post.within(budget_ms, headers).await,
        // Boxed: it is rare, and twice as large.
        Some(previous) => {
            let keys = (headers, previous);
            let both = with_both_keys(app, &post, (settings, callback, sent), budget_ms, keys);
            Box::pin(both).await
        }
    }
}

/// What is sent where, whatever the headers.
struct Post<'a> {
    client: &'a Client,
    url: &'a Url,
    body: &'a Bytes,
}

impl Post<'_> {
    fn within(&self, budget_ms: u64, headers: HeaderMap) -> impl Future<Output = Answer> {
        let budget = Duration::from_millis(budget_ms);
        let body = self.body.clone();
        self.client.post_within(budget, self.url, headers, body)
    }
}

/// With the key in force, and if that is refused with the previous one.
async fn with_both_keys(
    app: &App,
    post: &Post<'_>,
    (settings, callback, sent): (&TeamSettings, &Callback, &Sent<'_>),
    budget_ms: u64,
    (mut headers, previous): (HeaderMap, &str),
) -> Answer {
    let first = post.within(budget_ms, headers.clone()).await;
    if !asks_for_previous(settings, &first.outcome) {
        if first.outcome.health() == Health::Well {
            note(app, settings, callback, sent, true).await;
        }
        return first;
    }
    let rest_ms = budget_ms.saturating_sub(first.timing.total_ms());
    headers.insert(AUTH, own(previous));
    let mut second = post.within(rest_ms, headers).await;
    second.timing.total_us += first.timing.total_us;
    if second.outcome.health() == Health::Well {
        note(app, settings, callback, sent, false).await;
    }
    second
}

fn asks_for_previous(settings: &TeamSettings, outcome: &Outcome) -> bool {
    let Outcome::Answered { status, .. } = outcome else {
        return false;
    };
    matches!(status, 401 | 403) || Some(*status) == settings.grace_status
}

/// Notes which key the endpoint takes, if that is news.
async fn note(
    app: &App,
    settings: &TeamSettings,
    callback: &Callback,
    sent: &Sent<'_>,
    takes_new: bool,
) {
    if settings.took_new_key(sent.url, callback.mode) == Some(takes_new) {
        return;
    }
    let noted = EndpointKey {
        url: sent.url.to_owned(),
        mode: settings.auth_mode(callback.mode),
        takes_new,
        seen_ms: sent.started_ms,
    };
    let done = app.records.note_endpoint_key(&settings.id, &noted).await;
    if let Err(error) = done {
        tracing::warn!(error = %error, "which key an endpoint takes is not noted");
    }
    app.forget_team(&settings.id);
}

/// The headers of design section 7. Custom names are constants, so none can be forged.
#[must_use]
pub fn headers(settings: &TeamSettings, callback: &Callback, sent: &Sent<'_>) -> HeaderMap {
    const ID: HeaderName = HeaderName::from_static("webhook-id");
    const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
    const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
    const ATTEMPT: HeaderName = HeaderName::from_static("ringback-attempt");
    const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    const AGENT: HeaderValue =
        HeaderValue::from_static(concat!("Ringback/", env!("CARGO_PKG_VERSION")));
    const JSON: HeaderValue = HeaderValue::from_static("application/json");

    let id = callback.id.to_string();
    let timestamp_s = sent.started_ms / 1000;
    let secrets = settings.signing_secrets(sent.started_ms);
    let signature = sign(&id, timestamp_s, &callback.body, secrets);
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(AUTH, own(settings.callback_auth(callback.mode)));
    headers.insert(ID, own(&id));
    headers.insert(TIMESTAMP, timestamp_s.into());
    headers.insert(SIGNATURE, own(&signature));
    headers.insert(ATTEMPT, sent.number.into());
    headers.insert(TRACEPARENT, own(&sent.place.to_string()));
    headers
}

/// Keys are made by the vault, the rest above: ASCII all of it.
fn own(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("printable ASCII")
}
