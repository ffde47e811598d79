//! The only outbound HTTP towards receivers: one POST, one hard deadline, one
//! [`Answer`], never an error. Follows no redirect, decodes nothing, resends nothing,
//! knows no proxy, and reads no more of an answer than its limits say.
//!
//! A complete response head decides the outcome: what its body does afterwards can
//! cost the connection, not the delivery.

mod certificate;
mod dialler;
mod fault;
pub mod fetch;
mod link;
mod open;
mod pool;
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
use crate::delivery::client::dialler::Dialler;
use crate::delivery::client::link::Link;
use crate::delivery::client::pool::Pool;
use crate::delivery::client::resolve::Resolve;
use crate::delivery::client::resolve::SystemResolver;
use crate::metrics::Metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::header;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep_until;
use url::Position;
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
    dialler: Arc<Dialler>,
    pool: Arc<Pool>,
    head_bytes_max: usize,
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
        let dialler = Dialler {
            guard: settings.guard,
            resolver: settings.resolver,
            tls: tls::connector(settings.extra_roots)?,
            budget: Duration::from_millis(settings.connect_timeout_ms),
            metrics: settings.metrics,
            clock: settings.clock,
        };
        let wait_max = Duration::from_millis(settings.idle_ms);
        Ok(Self {
            dialler: Arc::new(dialler),
            pool: Pool::new(wait_max, settings.idle_per_host_max),
            head_bytes_max: settings.head_bytes_max,
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
        let request = request(Method::POST, url, headers, body);
        async move {
            let mut answer = Answer::unsent(Fault::Url);
            if let Some(request) = request {
                self.exchange(url, request, (start, deadline), &mut answer)
                    .await;
            }
            answer.timing.total_us = since_us(start);
            answer
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        request: Box<Request<Full<Bytes>>>,
        (start, deadline): (Instant, Instant),
        answer: &mut Answer,
    ) {
        let mut deadline = std::pin::pin!(sleep_until(deadline));
        let sent = tokio::select! {
            biased; // an answer that came in time counts, even if it is read late
            sent = self.send(url, request) => sent,
            // Connecting has a shorter budget of its own, so as a rule that was not it.
            () = &mut deadline => Err(Fault::Timeout(Phase::Answer)),
        };
        let (mut link, response) = match sent {
            Ok(sent) => sent,
            Err(fault) => {
                answer.outcome = Outcome::Failed(fault);
                return;
            }
        };
        answer.timing.head_us = Some(since_us(start));
        answer.outcome = outcome_of(&response);
        answer.remote = Some(link.remote);
        answer.kept_body = self
            .kept_body(&mut link, response.into_body(), deadline)
            .await;
        self.pool.put(origin(url), link);
    }

    /// Sends a request on a connection that waits, or on a new one, and never twice: one
    /// attempt is one request, a resend would be counted by nobody.
    async fn send(
        &self,
        url: &Url,
        request: Box<Request<Full<Bytes>>>,
    ) -> Result<(Link, Response<Incoming>), Fault> {
        let mut link = match self.pool.take(origin(url)) {
            Some(link) => link,
            // Boxed, so that others do not carry the room that this needs.
            None => Box::pin(self.dial(url)).await?,
        };
        let response = link.send(request).await;
        let response = response.map_err(|error| fault::of(&error))?;
        Ok((link, response))
    }

    async fn dial(&self, url: &Url) -> Result<Link, Fault> {
        let opened = self.dialler.open(url).await?;
        let linked = Link::new(opened, self.head_bytes_max).await;
        linked.map_err(|error| fault::of(&error))
    }

    /// Reads the body to its end, so that the connection can be used again, or to the
    /// limit or the deadline, after which it cannot. Keeps its beginning.
    async fn kept_body(
        &self,
        link: &mut Link,
        mut body: Incoming,
        mut deadline: Pin<&mut Sleep>,
    ) -> Bytes {
        let mut kept = Vec::new();
        let mut read_bytes = 0;
        while read_bytes < self.body_read_bytes_max && !body.is_end_stream() {
            let frame = tokio::select! {
                biased;
                frame = link.frame(&mut body) => frame,
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

/// What connections are shared by: scheme, host and port.
fn origin(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// A request as hyper sends it on a connection; `None` for a URL that it cannot be for. What
/// may be dialled the dialler judges.
fn request(
    method: Method,
    url: &Url,
    mut headers: HeaderMap,
    body: Bytes,
) -> Option<Box<Request<Full<Bytes>>>> {
    let path = PathAndQuery::try_from(&url[Position::BeforePath..Position::AfterQuery]).ok()?;
    let host = HeaderValue::try_from(&url[Position::BeforeHost..Position::AfterPort]).ok()?;
    headers.insert(header::HOST, host);
    // Boxed: every function that hands it on keeps room for it.
    let mut request = Box::new(Request::new(Full::new(body)));
    *request.method_mut() = method;
    *request.uri_mut() = path.into();
    *request.headers_mut() = headers;
    Some(request)
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
