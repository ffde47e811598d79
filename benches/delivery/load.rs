//! Results, callbacks as they look on the wire, and the HTTP client that sends them.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt::Write;

/// Annotations that make a callback's body about 1.5 KB.
const ANNOTATIONS: usize = 12;

/// Wall time in nanoseconds: all processes of a run read the same clock.
pub(crate) fn now_ns() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "compared across processes")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// The time that [`response`] put into a body; at its beginning, so found at once.
pub(crate) fn sent_ns(body: &[u8]) -> u64 {
    const MARK: &[u8] = b"\"sent_ns\":";
    let found = body.windows(MARK.len()).position(|bytes| bytes == MARK);
    let digits = &body[found.expect("in every timed body") + MARK.len()..];
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn response(sent_ns: u64) -> String {
    let mut text = format!("{{\"sent_ns\":{sent_ns},\"annotations\":[");
    for n in 0..ANNOTATIONS {
        let comma = if n == 0 { "" } else { "," };
        let (left, top) = (n * 37 % 640, n * 91 % 480);
        write!(
            text,
            "{comma}{{\"label\":\"pedestrian\",\"uuid\":\"4f0c-{n:04}\",\"left\":{left},\
             \"top\":{top},\"width\":52,\"height\":118,\"occluded\":false}}"
        )
        .unwrap();
    }
    text + "]}"
}

/// One result of a team, as a producer hands it in. Its number makes it distinct.
pub(crate) fn result(team: &str, number: usize, sent_ns: u64) -> String {
    let response = response(sent_ns);
    format!(
        "{{\"event_id\":\"event-{number}\",\"team_id\":\"{team}\",\"task_id\":\"task-{number}\",\
         \"mode\":\"live\",\"status\":\"completed\",\"response\":{response},\
         \"task\":{{\"type\":\"imageannotation\",\"metadata\":{{\"batch\":\"bench\"}}}}}}"
    )
}

/// Batches of results, spread evenly over the teams.
pub(crate) fn batches(teams: &[String], results: usize, per_batch: usize) -> Vec<(String, usize)> {
    let numbers: Vec<usize> = (0..results).collect();
    let lines = |chunk: &[usize]| {
        let line = |n: &usize| result(&teams[n % teams.len()], *n, 0) + "\n";
        (chunk.iter().map(line).collect(), chunk.len())
    };
    numbers.chunks(per_batch).map(lines).collect()
}

/// The body the gateway makes of [`result`].
pub(crate) fn callback_body(number: usize) -> Bytes {
    let response = response(0);
    format!(
        "{{\"task_id\":\"task-{number}\",\"status\":\"completed\",\"response\":{response},\
         \"task\":{{\"type\":\"imageannotation\",\"metadata\":{{\"batch\":\"bench\"}}}}}}"
    )
    .into()
}

/// The headers the gateway sends, with nothing computed.
pub(crate) fn callback_headers(number: usize) -> HeaderMap {
    let fixed = [
        ("content-type", "application/json"),
        ("user-agent", "Ringback/0.1.0"),
        (
            "scale-callback-auth",
            "live_0123456789abcdef0123456789abcdef",
        ),
        ("webhook-timestamp", "1700000000"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        ("ringback-attempt", "1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let mut headers = HeaderMap::with_capacity(10);
    for (name, value) in fixed {
        headers.insert(name, value.parse().unwrap());
    }
    headers.insert("webhook-id", format!("{number:036}").parse().unwrap());
    headers
}

/// hyper-util's pooled client without anything around it; clones share connections.
#[derive(Clone)]
pub(crate) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    pub(crate) async fn get(&self, url: &str) -> Bytes {
        let request = Request::get(url).body(Full::default()).unwrap();
        self.send(request).await.1
    }

    /// A call to the gateway.
    pub(crate) async fn request(
        &self,
        method: &str,
        url: &str,
        key: &str,
        content_type: &str,
        body: Bytes,
    ) -> (u16, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", content_type)
            .body(Full::new(body));
        self.send(request.unwrap()).await
    }

    /// One callback as the gateway would send it; the receiver must answer 200.
    pub(crate) async fn callback(&self, url: &str, number: usize, body: Bytes) {
        let mut request = Request::post(url).body(Full::new(body)).unwrap();
        *request.headers_mut() = callback_headers(number);
        assert_eq!(self.send(request).await.0, 200);
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> (u16, Bytes) {
        let response = self.0.request(request).await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    }
}
