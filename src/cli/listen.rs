//! `ringback listen`: a receiver that verifies and shows what it gets. `POST
//! /answer/<status>` makes it answer so from then on; `ringback dev` has it built in.

use crate::callback::signature::{Secret, verify};
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Bodies above this are not read, bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How far a signature's time may be off, seconds (Standard Webhooks suggests 5 min).
const TOLERANCE_S: u64 = 300;

#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The callback auth key to expect; may be given twice (live and test)
    #[arg(long, value_name = "KEY")]
    auth: Vec<String>,
    /// The signing secret (whsec_...) to verify with
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

/// What a receiver checks callbacks against; nothing set, nothing checked.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) auth: Vec<String>,
    pub(super) secrets: Vec<Secret>,
}

/// One callback as received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether `scale-callback-auth` is right; none when it is not checked.
    pub(super) auth: Option<bool>,
    /// Whether the signature verifies; none when it is not checked.
    pub(super) signature: Option<bool>,
    /// What was answered.
    pub(super) status: u16,
}

struct Receiver {
    expected: Expected,
    answer: AtomicU16,
    clock: Clock,
    seen: mpsc::Sender<Received>,
}

pub(super) async fn run(args: ListenArgs) -> Result<()> {
    let secrets = args
        .secret
        .iter()
        .map(|text| Secret::parse(text))
        .collect::<Result<_, _>>();
    let expected = Expected {
        auth: args.auth,
        secrets: secrets.context("--secret")?,
    };
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let (seen, mut inbox) = mpsc::channel(1024);
    let address = start(args.listen, expected, seen).await?;
    println!("listening on http://{address}/ (every path); Ctrl-C stops");
    println!("answers 200; `curl -X POST http://{address}/answer/500` changes that");
    loop {
        tokio::select! {
            Some(received) = inbox.recv() => println!("{}", one_line(&received)),
            () = shutdown.stopping() => return Ok(()),
        }
    }
}

/// A callback in one line.
pub(super) fn one_line(received: &Received) -> String {
    let header = |name| {
        received
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("-")
    };
    let verdict = |what: &str, good: Option<bool>| match good {
        Some(true) => format!("{what} ok"),
        Some(false) => format!("{what} WRONG"),
        None => format!("{what} not checked"),
    };
    format!(
        "{}  attempt {}  POST {}  {} bytes  {}  {}  answered {}",
        header("webhook-id"),
        header("ringback-attempt"),
        received.path,
        received.body.len(),
        verdict("auth", received.auth),
        verdict("signature", received.signature),
        received.status
    )
}

/// Starts receiving; each callback is sent to `seen`.
pub(super) async fn start(
    listen: SocketAddr,
    expected: Expected,
    seen: mpsc::Sender<Received>,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("the receiver cannot listen on {listen}; is another program using it?")
    })?;
    let address = listener.local_addr()?;
    let answer = AtomicU16::new(200);
    let receiver = Arc::new(Receiver {
        expected,
        answer,
        clock: Clock::system(),
        seen,
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let receiver = receiver.clone();
            let service = service_fn(move |request| {
                let receiver = receiver.clone();
                async move { Ok::<_, Infallible>(receiver.handle(request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A sender that hangs up early is its own affair.
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Ok(address)
}

impl Receiver {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        if head.method != Method::POST {
            return answer(StatusCode::METHOD_NOT_ALLOWED, "send POST\n".to_owned());
        }
        if let Some(status) = path.strip_prefix("/answer/") {
            return self.set_answer(status);
        }
        let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
            return answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the limit is {BODY_BYTES_MAX} bytes\n"),
            );
        };
        let body = body.to_bytes();
        let (auth, signature) = (
            self.check_auth(&head.headers),
            self.check_signature(&head.headers, &body),
        );
        let good = auth != Some(false) && signature != Some(false);
        let status = if good {
            self.answer.load(Ordering::SeqCst)
        } else {
            401
        };
        let received = Received {
            path,
            headers: head.headers,
            body,
            auth,
            signature,
            status,
        };
        // A full channel means nobody looks; receiving goes on.
        let _ = self.seen.try_send(received);
        let status = StatusCode::from_u16(status).expect("checked when it was set");
        answer(
            status,
            format!("{}\n", status.canonical_reason().unwrap_or("answered")),
        )
    }

    fn set_answer(&self, status: &str) -> Response<Full<Bytes>> {
        match status.parse() {
            Ok(code @ 200..=599) => {
                self.answer.store(code, Ordering::SeqCst);
                answer(
                    StatusCode::OK,
                    format!("from now on the receiver answers {code}\n"),
                )
            }
            _ => answer(
                StatusCode::BAD_REQUEST,
                "use /answer/200 to /answer/599\n".to_owned(),
            ),
        }
    }

    fn check_auth(&self, headers: &HeaderMap) -> Option<bool> {
        let sent = headers
            .get("scale-callback-auth")
            .and_then(|value| value.to_str().ok());
        let known = |key: &String| Some(key.as_str()) == sent;
        (!self.expected.auth.is_empty()).then(|| self.expected.auth.iter().any(known))
    }

    fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
        if self.expected.secrets.is_empty() {
            return None;
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let timestamp = text("webhook-timestamp").and_then(|text| text.parse::<u64>().ok());
        let (Some(id), Some(timestamp_s), Some(signature)) =
            (text("webhook-id"), timestamp, text("webhook-signature"))
        else {
            return Some(false);
        };
        let now_s = self.clock.now() / 1000;
        let recent = now_s.abs_diff(timestamp_s) <= TOLERANCE_S;
        let secrets = &self.expected.secrets;
        Some(recent && verify(id, timestamp_s, body, signature, secrets))
    }
}

fn answer(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
