//! The receiver: answers 200 at once, counts distinct callbacks and, for paths under
//! `/timed/`, notes how long ago the producer had sent them. Never answers `/hang`, nor
//! anything while it is closed. Runs as a process of its own until its input ends, so
//! that it cannot outlive the bench.

use super::load::{self, now_ns};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// How often the bench asks whether everything has arrived.
const POLL: Duration = Duration::from_millis(20);
/// Nothing here takes longer, unless it is broken.
const PATIENCE: Duration = Duration::from_mins(2);

/// What has arrived since the last reset.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Arrived {
    /// Distinct callbacks.
    pub(crate) callbacks: usize,
    /// Further arrivals of the same ones.
    pub(crate) repeats: usize,
    /// When the last distinct one was complete.
    pub(crate) last_ns: u64,
    /// Nanoseconds from hand-in to arrival, by the name after `/timed/`.
    pub(crate) waits_ns: HashMap<String, Vec<u64>>,
}

#[derive(Default)]
struct State {
    closed: bool,
    arrived: Arrived,
    ids: HashSet<Box<[u8]>>,
}

type Shared = Arc<Mutex<State>>;

/// The sink's side: never returns.
pub(crate) fn serve() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // One thread: more would take both of a small machine's cores from the gateway.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let shared = shared.clone();
            let service = service_fn(move |request| answer(shared.clone(), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
}

async fn answer(
    shared: Shared,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(Response::default());
    };
    let path = head.uri.path();
    if let Some(order) = path.strip_prefix("/sink/") {
        return Ok(Response::new(Full::from(obey(&shared, order))));
    }
    let closed = shared.lock().unwrap().closed;
    if closed || path == "/hang" {
        std::future::pending::<()>().await;
    }
    let id = head.headers.get("webhook-id").expect("always sent");
    shared
        .lock()
        .unwrap()
        .note(path, id.as_bytes(), &body.to_bytes());
    let ok = Bytes::from_static(br#"{"received":true}"#);
    Ok(Response::new(Full::new(ok)))
}

fn obey(shared: &Shared, order: &str) -> Vec<u8> {
    let mut state = shared.lock().unwrap();
    match order {
        "reset" => *state = State::default(),
        "close" => state.closed = true,
        "arrived" => return serde_json::to_vec(&state.arrived).unwrap(),
        other => panic!("the bench gives no order {other}"),
    }
    Vec::new()
}

impl State {
    fn note(&mut self, path: &str, id: &[u8], body: &[u8]) {
        if !self.ids.insert(id.into()) {
            self.arrived.repeats += 1;
            return;
        }
        let now = now_ns();
        self.arrived.callbacks += 1;
        self.arrived.last_ns = now;
        if let Some(name) = path.strip_prefix("/timed/") {
            let wait = now.saturating_sub(load::sent_ns(body));
            let waits = self.arrived.waits_ns.entry(name.to_owned()).or_default();
            waits.push(wait);
        }
    }
}

/// The bench's side.
pub(crate) struct Sink {
    process: Child,
    base: String,
    client: load::Client,
}

impl Sink {
    pub(crate) fn start(client: load::Client) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut process = Command::new(program)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut address).unwrap();
        let base = format!("http://{}", address.trim());
        Self {
            process,
            base,
            client,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Forgets everything and answers again.
    pub(crate) async fn reset(&self) {
        self.order("reset").await;
    }

    /// From now on nothing is answered.
    pub(crate) async fn close(&self) {
        self.order("close").await;
    }

    pub(crate) async fn arrived(&self) -> Arrived {
        serde_json::from_slice(&self.order("arrived").await).unwrap()
    }

    /// Waits until so many distinct callbacks have arrived.
    pub(crate) async fn wait_for(&self, callbacks: usize) -> Arrived {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let arrived = self.arrived().await;
            if arrived.callbacks >= callbacks {
                if arrived.repeats > 0 {
                    eprintln!("{} callbacks arrived more than once", arrived.repeats);
                }
                return arrived;
            }
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "{} of {callbacks} arrived", arrived.callbacks);
            tokio::time::sleep(POLL).await;
        }
    }

    async fn order(&self, order: &str) -> Bytes {
        self.client.get(&self.url(&format!("/sink/{order}"))).await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
