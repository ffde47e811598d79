//! A trace goes from the producer through every attempt to the receiver, and to a collector
//! that speaks OTLP over HTTP.

use crate::support::app::TestApp;
use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
use axum::body::Body;
use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HyperRequest, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use ringback::hex;
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A collector: takes what comes and keeps it.
pub(super) struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    count: watch::Sender<usize>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            address: listener.local_addr().unwrap(),
            bodies: Arc::default(),
            count: watch::Sender::new(0),
        };
        let (bodies, count) = (collector.bodies.clone(), collector.count.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (bodies, count) = (bodies.clone(), count.clone());
                let service = service_fn(move |request: HyperRequest<Incoming>| {
                    let (bodies, count) = (bodies.clone(), count.clone());
                    async move {
                        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let spans = spans_in(&body).len();
                        bodies.lock().unwrap().push(body);
                        count.send_modify(|count| *count += spans);
                        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                    }
                });
                let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(served.await) });
            }
        });
        collector
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Returns once so many spans have come.
    pub(super) async fn got_spans(&self, count: usize) {
        let mut counts = self.count.subscribe();
        counts.wait_for(|now| *now >= count).await.unwrap();
    }

    /// Everything that came, as it came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().flat_map(spans_in).collect()
    }
}

fn spans_in(body: &Bytes) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    let resources = request.resource_spans.into_iter();
    let scopes = resources.flat_map(|resource| {
        let named = resource.resource.unwrap().attributes;
        assert!(named.iter().any(|it| it.key == "service.name"));
        resource.scope_spans
    });
    scopes.flat_map(|scope| scope.spans).collect()
}

/// With the producer's `traceparent`.
async fn hand_in(app: &TestApp, event: &str, traceparent: &str) {
    let request = Request::builder()
        .method("POST")
        .uri("/internal/v1/results")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", app.key()))
        .header("traceparent", traceparent)
        .body(Body::from(
            crate::support::app::result(event, json!({})).to_string(),
        ));
    let answer = app.request(request.unwrap()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn the_producers_trace_reaches_the_receiver_at_every_attempt_and_after_a_restart() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([500, 200]).await;
        app.set_default(&endpoint).await;
        hand_in(&app, "recorded", &format!("00-{TRACE}-{PARENT}-01")).await;
        app.run_due().await;
        // The first attempt had it from memory, the second reads it.
        let app = app.restart().await;
        app.run_to_the_end().await;
        hand_in(&app, "unrecorded", &format!("00-{TRACE}-{PARENT}-00")).await;
        hand_in(&app, "odd", "00-not-a-trace").await;
        app.run_to_the_end().await;
        let got: Vec<_> = endpoint
            .got()
            .iter()
            .map(|got| got.headers["traceparent"].to_str().unwrap().to_owned())
            .collect();
        let parts: Vec<Vec<&str>> = got.iter().map(|it| it.split('-').collect()).collect();
        let [first, second, unrecorded, odd] = &parts[..] else {
            panic!("four attempts: {got:?}");
        };
        for attempt in [first, second] {
            assert_eq!((attempt[1], attempt[3]), (TRACE, "01"));
            assert_ne!(attempt[2], PARENT);
        }
        assert_ne!(first[2], second[2], "each attempt is a span of its own");
        assert_eq!((unrecorded[1], unrecorded[3]), (TRACE, "00"));
        let id = endpoint.got()[3].id().replace('-', "");
        assert_eq!((odd[1], odd[3]), (id.as_str(), "01"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_spans_at_a_collector() {
    let collector = Collector::start().await;
    let home = Home::make(&format!(
        "retry.first_delay_ms = 1000\nretry.jitter = 0.0\ntraces.otlp_url = \"{}\"\n",
        collector.url()
    ));
    let gateway = home.serve();
    let endpoint = Endpoint::answering([503, 200]).await;
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let ids = gateway.hand_in(&["e1".to_owned()]).await.unwrap();
    collector.got_spans(2).await;
    let spans = collector.spans();
    let [failed, delivered] = &spans[..] else {
        panic!("{spans:?}");
    };
    let sent: Vec<_> = endpoint
        .got()
        .iter()
        .map(|got| got.headers["traceparent"].to_str().unwrap().to_owned())
        .collect();
    for (span, sent) in [failed, delivered].into_iter().zip(sent) {
        assert_eq!(span.name, "deliver callback");
        assert_eq!(hex::encode(&span.trace_id), ids[0].replace('-', ""));
        // The receiver's own spans have this one for their parent.
        assert_eq!(
            sent,
            format!(
                "00-{}-{}-01",
                hex::encode(&span.trace_id),
                hex::encode(&span.span_id)
            )
        );
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    let message = |span: &Span| span.status.clone().unwrap_or_default().message;
    assert_eq!(
        (message(failed), message(delivered)),
        ("overloaded".to_owned(), String::new())
    );
    let status = |span: &Span| {
        let found = span.attributes.iter();
        let mut found = found.filter(|it| it.key == "http.response.status_code");
        format!("{:?}", found.next().unwrap().value)
    };
    assert!(status(failed).contains("503") && status(delivered).contains("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let home = Home::make("traces.otlp_url = \"http://127.0.0.1:1/v1/traces\"\n");
    let gateway = home.serve();
    let endpoint = Endpoint::answering([200]).await;
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    gateway.hand_in(&["e1".to_owned()]).await.unwrap();
    endpoint.got_at_least(1).await;
    let dropped = async {
        while !gateway
            .operator("/metrics")
            .await
            .1
            .contains("ringback_spans_dropped_total 1")
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let dropped = tokio::time::timeout(std::time::Duration::from_mins(1), dropped).await;
    dropped.expect("it is counted");
    gateway.signal("TERM");
    assert!(gateway.ended().await.success());
}
