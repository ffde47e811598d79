//! The only outbound HTTP towards receivers: one POST, one hard deadline, one
//! [`Answer`], never an error. Follows no redirect, decodes nothing, resends nothing,
//! knows no proxy, and reads no more of an answer than its limits say.
//!
//! A complete response head decides the outcome: what its body does afterwards can
//! cost the connection, not the delivery.

mod certificate;
mod connector;
mod fault;
pub mod fetch;
mod open;
pub mod resolve;
mod stream;
mod tls;

pub use open::extra_roots;
pub use tls::client_config;

use crate::callback::Fault;
use crate::callback::Outcome;
use crate::callback::Phase;
use crate::callback::address::Guard;
use crate::clock::Clock;
use crate::delivery::client::connector::Connector;
use crate::delivery::client::connector::Dialler;
use crate::delivery::client::resolve::Resolve;
use crate::delivery::client::resolve::SystemResolver;
use crate::delivery::client::stream::Remote;
use crate::metrics::Metrics;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::Uri;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::header;
use hyper::header::HeaderName;
use hyper_util::client::legacy;
use hyper_util::client::legacy::ResponseFuture;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioTimer;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep_until;
use url::Url;

/// Smallest head limit: hyper never reads with a smaller buffer.
pub const HEAD_BYTES_MIN: usize = 8 * 1024;

/// Longest `Retry-After` or `Location` that is passed on, in bytes: no legal one is longer.
const HEADER_BYTES_KEPT_MAX: usize = 2048;

/// What the client may do and how patient it is.
#[derive(Clone)]
pub struct ClientSettings {
    /// Which addresses may be dialled.
    pub guard: Guard,
    /// Who looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Authorities trusted beside Mozilla's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Budget of look-up, connection and TLS handshake together.
    pub connect_timeout_ms: u64,
    /// Budget of the whole attempt; above the connect budget.
    pub attempt_timeout_ms: u64,
    /// Largest response head, at least [`HEAD_BYTES_MIN`]. It bounds memory rather than
    /// bytes: a head that ends inside a buffer already allocated still passes.
    pub head_bytes_max: usize,
    /// How much of a response body is read before the connection is dropped.
    pub body_read_bytes_max: usize,
    /// How much of a response body is kept.
    pub body_kept_bytes_max: usize,
    /// How long an unused connection is kept.
    pub idle_ms: u64,
    /// How many unused connections are kept for one origin.
    pub idle_per_host_max: usize,
    /// Where connections are counted.
    pub metrics: Metrics,
    /// Whether a certificate ends soon.
    pub clock: Clock,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            resolver: Arc::new(SystemResolver),
            extra_roots: Vec::new(),
            connect_timeout_ms: 5_000,
            attempt_timeout_ms: 30_000,
            head_bytes_max: 16 * 1024,
            body_read_bytes_max: 64 * 1024,
            body_kept_bytes_max: 4 * 1024,
            // Many receivers close after 5 s; closing first avoids sending into that.
            idle_ms: 4_000,
            idle_per_host_max: 32,
            metrics: Metrics::new(),
            clock: Clock::system(),
        }
    }
}

/// Why no client can be made from these settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The attempt would end before its connect phase can be blamed.
    #[error("attempt_timeout_ms ({attempt}) must exceed connect_timeout_ms ({connect})")]
    Budgets {
        /// The attempt's budget.
        attempt: u64,
        /// The connect budget.
        connect: u64,
    },
    /// The head limit is too small.
    #[error("head_bytes_max ({0}) must be at least {HEAD_BYTES_MIN}")]
    HeadLimit(usize),
    /// The file with extra roots cannot be read.
    #[error("delivery.extra_ca_file {path}: {source}")]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// An extra root is not a usable certificate, or TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What came of one POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The beginning of the response body as it came: untrusted, undecoded bytes.
    pub kept_body: Bytes,
    /// How long it took.
    pub timing: Timing,
    /// Who answered, when somebody did.
    pub remote: Option<SocketAddr>,
}

/// How long the parts of an attempt took, in microseconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Until the response head was complete; `None` without one.
    pub head_us: Option<u64>,
    /// Until the end.
    pub total_us: u64,
}

impl Answer {
    /// Nothing was sent.
    #[must_use]
    pub fn unsent(fault: Fault) -> Self {
        Self {
            outcome: Outcome::Failed(fault),
            kept_body: Bytes::new(),
            timing: Timing {
                head_us: None,
                total_us: 0,
            },
            remote: None,
        }
    }
}

impl Timing {
    /// Until the end, in whole milliseconds.
    #[must_use]
    pub fn total_ms(self) -> u64 {
        self.total_us / 1000
    }
}

/// POSTs to receivers. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    attempt_timeout: Duration,
    body_read_bytes_max: usize,
    body_kept_bytes_max: usize,
}

impl Client {
    /// A client with these settings and no connection yet.
    ///
    /// # Errors
    /// [`ClientError`] names the setting that is wrong.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        if settings.attempt_timeout_ms <= settings.connect_timeout_ms {
            return Err(ClientError::Budgets {
                attempt: settings.attempt_timeout_ms,
                connect: settings.connect_timeout_ms,
            });
        }
        if settings.head_bytes_max < HEAD_BYTES_MIN {
            return Err(ClientError::HeadLimit(settings.head_bytes_max));
        }
        let connector = Connector::new(Dialler {
            guard: settings.guard,
            resolver: settings.resolver,
            tls: tls::connector(settings.extra_roots)?,
            budget: Duration::from_millis(settings.connect_timeout_ms),
            metrics: settings.metrics,
            clock: settings.clock,
        });
        // Not set: `http1_max_headers`. hyper's own limit is 100 already, and naming it
        // moves every head's parsing from the stack to the heap.
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(settings.idle_ms))
            .pool_max_idle_per_host(settings.idle_per_host_max)
            .http1_max_buf_size(settings.head_bytes_max)
            // One attempt is one request: a resend would be counted by nobody.
            .retry_canceled_requests(false)
            .set_host(true)
            .build(connector);
        Ok(Self {
            http,
            attempt_timeout: Duration::from_millis(settings.attempt_timeout_ms),
            body_read_bytes_max: settings.body_read_bytes_max,
            body_kept_bytes_max: settings.body_kept_bytes_max,
        })
    }

    /// Sends one POST and says what came of it, always within the attempt's budget.
    /// `headers` go out as they are; `host` and `content-length` are added.
    pub fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> impl Future<Output = Answer> {
        self.post_within(self.attempt_timeout, url, headers, body)
    }

    /// As [`Client::post`], within a budget of its own if that is the smaller one. The time
    /// runs from this call.
    pub fn post_within(
        &self,
        budget: Duration,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> impl Future<Output = Answer> {
        let start = Instant::now();
        let deadline = start + budget.min(self.attempt_timeout);
        // Made here: what waits for the answer then does not carry the request's parts.
        let sent = dialable(url).map(|uri| {
            let mut request = Request::new(Full::new(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri;
            *request.headers_mut() = headers;
            self.http.request(request)
        });
        async move {
            let mut answer = Answer::unsent(Fault::Url);
            if let Some(sent) = sent {
                self.exchange(sent, (start, deadline), &mut answer).await;
            }
            answer.timing.total_us = since_us(start);
            answer
        }
    }

    async fn exchange(
        &self,
        sent: ResponseFuture,
        (start, deadline): (Instant, Instant),
        answer: &mut Answer,
    ) {
        let mut deadline = std::pin::pin!(sleep_until(deadline));
        let response = tokio::select! {
            biased; // an answer that came in time counts, even if it is read late
            response = sent => response,
            // The connector has a shorter budget of its own, so as a rule it was not in the
            // connect phase.
            () = &mut deadline => {
                answer.outcome = Outcome::Failed(Fault::Timeout(Phase::Answer));
                return;
            }
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                answer.outcome = Outcome::Failed(fault::of(&error));
                return;
            }
        };
        answer.timing.head_us = Some(since_us(start));
        answer.outcome = outcome_of(&response);
        answer.remote = response.extensions().get().map(|Remote(address)| *address);
        answer.kept_body = self.kept_body(response.into_body(), deadline).await;
    }

    /// Reads the body to its end, so that the connection can be used again, or to the
    /// limit or the deadline, which drops the connection. Keeps its beginning.
    async fn kept_body(&self, mut body: Incoming, mut deadline: Pin<&mut Sleep>) -> Bytes {
        let mut kept = Vec::new();
        let mut read_bytes = 0;
        while read_bytes < self.body_read_bytes_max && !body.is_end_stream() {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = &mut deadline => break,
            };
            let Some(Ok(frame)) = frame else { break };
            if let Some(data) = frame.data_ref() {
                read_bytes += data.len();
                let room = self.body_kept_bytes_max - kept.len();
                // Copied: a slice would keep the connection's whole read buffer alive.
                kept.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
        Bytes::from(kept)
    }
}

/// The URL in hyper's form; `None` if its form forbids dialling it.
fn dialable(url: &Url) -> Option<Uri> {
    let legal = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.port() != Some(0);
    legal.then(|| Uri::try_from(url.as_str()).ok()).flatten()
}

fn outcome_of(response: &Response<Incoming>) -> Outcome {
    let status = response.status();
    let text = |name: HeaderName| {
        let bytes = response.headers().get(name)?.as_bytes();
        let end = bytes.len().min(HEADER_BYTES_KEPT_MAX);
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    };
    Outcome::Answered {
        status: status.as_u16(),
        retry_after: text(header::RETRY_AFTER),
        location: status
            .is_redirection()
            .then(|| text(header::LOCATION))
            .flatten(),
    }
}

fn since_us(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
