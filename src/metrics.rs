//! Every metric, declared once; its help text is its documentation. Labels come from
//! fixed lists: never a team, a URL or an id.

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ident = $name:literal $([$($label:literal),+])? $({$buckets:expr})?;)*) => {
        /// Every metric of the process; clones share them.
        #[derive(Debug, Clone)]
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $kind,)*
        }

        impl Metrics {
            /// All metrics at zero, in a registry of their own.
            #[must_use]
            pub fn new() -> Self {
                let registry = Registry::new();
                $(
                    let $field = metrics!(@make $kind, $name, concat!($($help),+).trim(), [$($($label),+)?], [$($buckets)?]);
                    registry.register(Box::new($field.clone())).expect("each metric is declared once");
                )*
                Self { registry, $($field,)* }
            }
        }
    };
    (@make Histogram, $name:expr, $help:expr, [], [$buckets:expr]) => {
        Histogram::with_opts(HistogramOpts::new($name, $help).buckets($buckets)).expect("a legal declaration")
    };
    (@make $kind:ident, $name:expr, $help:expr, [], []) => {
        $kind::new($name, $help).expect("a legal declaration")
    };
    (@make $kind:ident, $name:expr, $help:expr, [$($label:expr),+], []) => {
        $kind::new(Opts::new($name, $help), &[$($label),+]).expect("a legal declaration")
    };
}

metrics! {
    /// Results by what intake answered: accepted, duplicate, conflict, rejected.
    results_total: IntCounterVec = "ringback_results_total" ["answer"];
    /// Delivery attempts by the code of their diagnosis.
    attempts_total: IntCounterVec = "ringback_attempts_total" ["diagnosis"];
    /// Callbacks that reached an end or were held, by state.
    callbacks_settled_total: IntCounterVec = "ringback_callbacks_settled_total" ["state"];
    /// Callbacks of tasks and batches that the outbox handed over to the journal.
    outbox_handed_over_total: IntCounter = "ringback_outbox_handed_over_total";
    /// Mails by what became of a try to send: sent, delayed, failed (for good).
    mails_total: IntCounterVec = "ringback_mails_total" ["outcome"];
    /// How long an attempt took, from dialling to the end of the answer.
    attempt_seconds: Histogram = "ringback_attempt_seconds" {seconds()};
    /// From acceptance to the receiver's 2xx.
    delivery_seconds: Histogram = "ringback_delivery_seconds" {seconds()};
    /// How late a callback was claimed after it was due.
    claim_late_seconds: Histogram = "ringback_claim_late_seconds" {seconds()};
    /// Callbacks and changes in one journal commit.
    journal_commit_items: Histogram = "ringback_journal_commit_items" {vec![1., 2., 4., 8., 16., 32., 64., 128., 256., 512., 1024., 4096.]};
    /// How long a journal commit took.
    journal_commit_seconds: Histogram = "ringback_journal_commit_seconds" {seconds()};
    /// Callbacks in the queue by place: ready, scheduled, leased, waiting (behind their task), held.
    queue_depth: IntGaugeVec = "ringback_queue_depth" ["place"];
    /// Age of the oldest callback that is due and not yet claimed.
    queue_oldest_due_milliseconds: IntGauge = "ringback_queue_oldest_due_milliseconds";
    /// Lanes whose endpoint is down, probed now and then.
    lanes_parked: IntGauge = "ringback_lanes_parked";
    /// Callbacks in the journal by state, counted at the last audit.
    journal_callbacks: IntGaugeVec = "ringback_journal_callbacks" ["state"];
    /// Accepted minus (delivered + dead + pending + held + cancelled + pruned): 0 or something is lost.
    ledger_imbalance: IntGauge = "ringback_ledger_imbalance";
    /// Requests to the API by route and status class.
    api_requests_total: IntCounterVec = "ringback_api_requests_total" ["route", "class"];
    /// Changes that were made and are missing in the audit log: must be 0.
    audit_missed_total: IntCounter = "ringback_audit_missed_total";
    /// Connections closed at once because a limit was reached.
    connections_refused_total: IntCounter = "ringback_connections_refused_total";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The Prometheus text exposition.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("encoding into memory cannot fail");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

/// 1 ms to 24 h, finer where people look.
fn seconds() -> Vec<f64> {
    vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        600.0, 3600.0, 21_600.0, 86_400.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_is_the_help_text() {
        let metrics = Metrics::new();
        metrics.results_total.with_label_values(&["accepted"]).inc();
        let text = metrics.to_text();
        assert!(text.contains("# HELP ringback_results_total Results by what intake answered"));
        assert!(text.contains("ringback_results_total{answer=\"accepted\"} 1"));
    }
}
