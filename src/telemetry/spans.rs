//! Spans on their way to a collector, by OTLP. Deliveries never wait for it: what it does
//! not take in time is dropped and counted. Spans are made from what an attempt came to,
//! when it has ended: there is nothing to carry along while it runs.

use crate::callback::TimestampMs;
use crate::callback::trace::TraceParent;
use crate::config::Traces;
use crate::gather::Gather;
use crate::metrics::Metrics;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Spans that may wait for the collector.
const WAITING_MAX: usize = 8192;
/// Longest wait for the collector's answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Spans of one call; nobody waits for it.
const GATHER: Gather = Gather {
    company: 1,
    wait: Duration::from_millis(500),
    plenty: 1,
    most: 512,
};
/// At the end, what waits is sent within this.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct AttemptSpan {
    /// Where it is in its trace: the span is its own.
    pub place: TraceParent,
    /// The producer's span, 0 when there is none.
    pub parent: u64,
    /// When it began.
    pub started_ms: TimestampMs,
    /// How long it took.
    pub duration_us: u64,
    /// Whether it succeeded; else the code of its diagnosis is the reason.
    pub is_well: bool,
    /// The code of its diagnosis.
    pub diagnosis: &'static str,
    /// Which callback.
    pub callback: String,
    /// Whose.
    pub team: String,
    /// Scheme, host and port of the endpoint.
    pub origin: String,
    /// From 1.
    pub number: u32,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
}

/// The way to the collector; clones share it. Without one, nothing is made.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<Way>>);

struct Way {
    sender: Mutex<Option<mpsc::Sender<AttemptSpan>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    percent: f64,
    metrics: Metrics,
}

/// Why there is no way to the collector.
#[derive(Debug, thiserror::Error)]
#[error("traces.otlp_url cannot be used: {0}")]
pub struct TracesError(String);

impl Spans {
    /// Ready to send; a collector that cannot be reached is no error.
    ///
    /// # Errors
    /// [`TracesError`] when the URL is none.
    pub fn open(traces: &Traces, metrics: Metrics) -> Result<Self, TracesError> {
        if !traces.is_on() {
            return Ok(Self(None));
        }
        let wrong = |error: &dyn std::error::Error| TracesError(error.to_string());
        // A proxy of the environment would see what is meant for the collector.
        let client = reqwest::Client::builder().no_proxy().build();
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client.map_err(|error| wrong(&error))?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&traces.otlp_url)
            .with_timeout(ANSWER_MAX)
            .build()
            .map_err(|error| wrong(&error))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty()
            .with_service_name("ringback")
            .with_attribute(version);
        exporter.set_resource(&resource.build());
        let (sender, inbox) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(send(exporter, inbox, metrics.clone()));
        Ok(Self(Some(Arc::new(Way {
            sender: Mutex::new(Some(sender)),
            task: Mutex::new(Some(task)),
            percent: traces.percent,
            metrics,
        }))))
    }

    /// Of the traces that no producer began, so many percent are recorded; all where nobody
    /// here records any, since a receiver may.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.0.as_ref().map_or(100.0, |way| way.percent)
    }

    /// Whether a span at this place is wanted.
    #[must_use]
    pub fn wants(&self, place: TraceParent) -> bool {
        self.0.is_some() && place.is_recorded
    }

    /// Hands a span over, or drops it when too many wait.
    pub fn attempt(&self, span: AttemptSpan) {
        let Some(way) = &self.0 else { return };
        let sender = way.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = sender.as_ref().is_some_and(|to| to.try_send(span).is_ok());
        if !sent {
            way.metrics.spans_dropped_total.inc();
        }
    }

    /// Sends what waits, and takes no more.
    pub async fn close(&self) {
        let Some(way) = &self.0 else { return };
        let take = |task: &Mutex<Option<JoinHandle<()>>>| {
            let mut task = task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        drop(
            way.sender
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(task) = take(&way.task) {
            // What the collector does not take in this time is lost with the process.
            let _ = tokio::time::timeout(CLOSE_MAX, task).await;
        }
    }
}

/// Sends batch after batch until every sender is gone.
async fn send(
    exporter: opentelemetry_otlp::SpanExporter,
    mut inbox: mpsc::Receiver<AttemptSpan>,
    metrics: Metrics,
) {
    let scope = InstrumentationScope::builder("ringback").build();
    while let Some(batch) = GATHER.next(&mut inbox).await {
        let count = batch.len() as u64;
        let spans = batch.into_iter().map(|span| data(span, &scope)).collect();
        if let Err(error) = exporter.export(spans).await {
            metrics.spans_dropped_total.inc_by(count);
            tracing::warn!(error = %error, spans = count, "the collector took no spans");
        }
    }
}

fn data(span: AttemptSpan, scope: &InstrumentationScope) -> SpanData {
    let at = |us: u64| SystemTime::UNIX_EPOCH + Duration::from_micros(us);
    let started_us = span.started_ms.saturating_mul(1000);
    let mut attributes = vec![
        KeyValue::new("callback.id", span.callback),
        KeyValue::new("team.id", span.team),
        KeyValue::new("attempt.number", i64::from(span.number)),
        KeyValue::new("attempt.diagnosis", span.diagnosis),
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("server.address", span.origin),
    ];
    if let Some(status) = span.status {
        attributes.push(KeyValue::new(
            "http.response.status_code",
            i64::from(status),
        ));
    }
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(span.place.trace),
            SpanId::from(span.place.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::from(span.parent),
        parent_span_is_remote: span.parent != 0,
        span_kind: SpanKind::Client,
        name: "deliver callback".into(),
        start_time: at(started_us),
        end_time: at(started_us.saturating_add(span.duration_us)),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if span.is_well {
            Status::Unset
        } else {
            Status::error(span.diagnosis)
        },
        instrumentation_scope: scope.clone(),
    }
}
