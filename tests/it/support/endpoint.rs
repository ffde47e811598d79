//! A customer's endpoint on loopback: answers as told, remembers every request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What it was answered.
    pub(crate) status: u16,
}

impl Got {
    /// The callback's.
    pub(crate) fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }
}

/// What to answer: a status, and headers.
#[derive(Debug, Clone)]
pub(crate) struct Reply(pub(crate) u16, pub(crate) Vec<(&'static str, String)>);

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self(status, Vec::new())
    }
}

#[derive(Default)]
struct Shared {
    script: VecDeque<Reply>,
    last: Option<Reply>,
    got: Vec<Got>,
    /// How long it thinks about each answer.
    thinks_for: Duration,
}

#[derive(Clone)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    /// How many requests have come.
    count: watch::Sender<usize>,
    /// Answers wait while it is false.
    open: watch::Sender<bool>,
}

impl Endpoint {
    /// Answers these in turn, the last one for ever.
    pub(crate) async fn answering<R: Into<Reply>>(replies: impl IntoIterator<Item = R>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (count, open) = (watch::Sender::new(0), watch::Sender::new(true));
        let endpoint = Self {
            address,
            shared,
            count,
            open,
        };
        endpoint.answer_next(replies);
        let this = endpoint.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                let service = service_fn(move |request| {
                    let this = this.clone();
                    async move { Ok::<_, Infallible>(this.handle(request).await) }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        endpoint
    }

    /// Takes requests and answers none of them until it is let go.
    pub(crate) async fn hanging() -> Self {
        let endpoint = Self::answering([200]).await;
        endpoint.open.send_replace(false);
        endpoint
    }

    pub(crate) fn let_go(&self) {
        self.open.send_replace(true);
    }

    /// Answers each request this much later, so that some are always in flight.
    pub(crate) fn think_for(&self, time: Duration) {
        self.shared.lock().unwrap().thinks_for = time;
    }

    pub(crate) fn got_count(&self) -> usize {
        *self.count.borrow()
    }

    /// Returns once so many requests have come in all.
    pub(crate) async fn got_at_least(&self, count: usize) {
        let mut counts = self.count.subscribe();
        counts.wait_for(|now| *now >= count).await.unwrap();
    }

    /// Returns once each of these callbacks has come.
    pub(crate) async fn got_ids(&self, ids: &HashSet<String>) {
        let mut counts = self.count.subscribe();
        let (mut missing, mut looked_at) = (ids.clone(), 0);
        loop {
            counts.borrow_and_update();
            for id in self.ids_from(&mut looked_at) {
                missing.remove(&id);
            }
            if missing.is_empty() {
                return;
            }
            counts.changed().await.unwrap();
        }
    }

    /// The callbacks of requests from this one on; moves it behind the last.
    pub(crate) fn ids_from(&self, from: &mut usize) -> Vec<String> {
        let shared = self.shared.lock().unwrap();
        let new = shared.got[*from..].iter();
        *from = shared.got.len();
        new.map(|got| got.id().to_owned()).collect()
    }

    /// How often each callback has come.
    pub(crate) fn arrivals(&self) -> HashMap<String, usize> {
        let mut arrivals = HashMap::new();
        for got in &self.shared.lock().unwrap().got {
            *arrivals.entry(got.id().to_owned()).or_default() += 1;
        }
        arrivals
    }

    pub(crate) fn answer_next<R: Into<Reply>>(&self, replies: impl IntoIterator<Item = R>) {
        self.shared.lock().unwrap().script = replies.into_iter().map(Into::into).collect();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.lock().unwrap().got.clone()
    }

    /// What it answered so far.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.got().iter().map(|got| got.status).collect()
    }

    /// The task ids in the order they came.
    pub(crate) fn events(&self) -> Vec<String> {
        let event = |got: &Got| {
            let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
            body["response"]["event"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        self.got().iter().map(event).collect()
    }

    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let (reply, thinks_for) = self.record(head.uri.path(), head.headers, body);
        let Reply(status, headers) = reply;
        if !thinks_for.is_zero() {
            tokio::time::sleep(thinks_for).await;
        }
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Full::from("seen")).unwrap()
    }

    fn record(&self, path: &str, headers: HeaderMap, body: Bytes) -> (Reply, Duration) {
        let mut shared = self.shared.lock().unwrap();
        let next = shared.script.pop_front().or_else(|| shared.last.clone());
        let reply = next.unwrap_or(Reply(200, Vec::new()));
        shared.last = Some(reply.clone());
        shared.got.push(Got {
            path: path.to_owned(),
            headers,
            body,
            status: reply.0,
        });
        self.count.send_replace(shared.got.len());
        (reply, shared.thinks_for)
    }
}
