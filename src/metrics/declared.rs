//! Every metric, declared once; its help text is its documentation. Nothing is counted here.

use super::family::{BuildInfo, ByRoute, ByTeam, Declare, Family};
use super::labels::{
    DialStep, Dialled, LaneState, MailOutcome, Place, RebuildStep, RedisScript, ResultAnswer,
    Surface, Turn, VerdictKind,
};
use crate::callback::State;
use crate::callback::diagnosis::Diagnosis;
use prometheus::{Counter, Gauge, Histogram, IntCounter, IntGauge, Registry};

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal $({$buckets:expr})?;)*) => {
        /// Every metric by name.
        #[derive(Debug)]
        pub struct Declared {
            $($(#[doc = $help])+ pub $field: $kind,)*
        }

        /// How they are called, in the order of their declaration.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Declared {
            pub(super) fn new(registry: &Registry) -> Self {
                $(
                    let buckets: &[f64] = metrics!(@buckets $($buckets)?);
                    let $field = <$kind>::declare(registry, $name, concat!($($help),+).trim(), buckets);
                )*
                Self { $($field,)* }
            }
        }
    };
    (@buckets $buckets:expr) => { $buckets };
    (@buckets) => { &[] };
}

metrics! {
    /// What runs: 1, with its version, its role, and whether it is embedded or one of several processes.
    build_info: BuildInfo = "ringback_build_info";

    /// Results by what intake answered: accepted, duplicate, conflict, rejected (not legal), queue full (of its team, or more than one request may hold), failed (a store did not take it).
    results_total: Family<ResultAnswer, IntCounter> = "ringback_results_total";
    /// Callbacks of tasks and batches that the outbox handed over to the journal.
    outbox_handed_over_total: IntCounter = "ringback_outbox_handed_over_total";

    /// Delivery attempts by the code of their diagnosis.
    attempts_total: Family<Diagnosis, IntCounter> = "ringback_attempts_total";
    /// Delivery attempts by what follows from them.
    verdicts_total: Family<VerdictKind, IntCounter> = "ringback_verdicts_total";
    /// Callbacks that reached an end or were held, by state; pending ones will be tried again.
    callbacks_settled_total: Family<State, IntCounter> = "ringback_callbacks_settled_total";
    /// How long an attempt took, from dialling to the end of the answer.
    attempt_seconds: Histogram = "ringback_attempt_seconds" {SECONDS};
    /// From acceptance to the start of the first attempt.
    first_attempt_seconds: Histogram = "ringback_first_attempt_seconds" {SECONDS};
    /// From acceptance to the receiver's 2xx.
    delivery_seconds: Histogram = "ringback_delivery_seconds" {SECONDS};
    /// How late a callback was claimed after it was due.
    claim_late_seconds: Family<Turn, Histogram> = "ringback_claim_late_seconds" {SECONDS};
    /// Leases that had ended before their attempts were settled: each may be attempted twice.
    leases_lost_total: IntCounter = "ringback_leases_lost_total";
    /// Callbacks buried because their attempts ended process after process.
    poisoned_total: IntCounter = "ringback_poisoned_total";
    /// Attempts in flight.
    attempts_in_flight: IntGauge = "ringback_attempts_in_flight";
    /// Attempts that may be in flight at one time in this process (queue.slots).
    attempts_in_flight_max: IntGauge = "ringback_attempts_in_flight_max";
    /// Teams whose last five attempts or more, by this process, all failed.
    teams_failing: IntGauge = "ringback_teams_failing";
    /// Failed attempts in a row of the teams with most of them, if the operator lets them be named.
    team_failures_straight: ByTeam = "ringback_team_failures_straight";

    /// Connections to receivers that were dialled, by what they came to. Attempts without one used an open connection.
    connections_dialled_total: Family<Dialled, IntCounter> = "ringback_connections_dialled_total";
    /// How long the parts of opening a connection took: dns, connect, tls.
    dial_seconds: Family<DialStep, Histogram> = "ringback_dial_seconds" {FAST_SECONDS};
    /// Receivers whose certificate, when last seen, was to end within 14 days.
    certificates_expiring: IntGauge = "ringback_certificates_expiring";

    /// Callbacks in the queue by place: ready, scheduled, leased, waiting (behind their task), held.
    queue_depth: Family<Place, IntGauge> = "ringback_queue_depth";
    /// Age of the oldest callback that is due and not yet claimed.
    queue_oldest_due_seconds: Gauge = "ringback_queue_oldest_due_seconds";
    /// Lanes (a team's endpoint origins) by state: open (something may go), throttled (something is due and may not go now), parked (the endpoint is down and probed now and then).
    lanes: Family<LaneState, IntGauge> = "ringback_lanes";
    /// Lanes that the queue knows, idle ones included.
    lanes_known: IntGauge = "ringback_lanes_known";
    /// Requests that all known lanes together may have in flight.
    lane_windows: IntGauge = "ringback_lane_windows";
    /// Whether the queue answered at this scrape.
    queue_reachable: IntGauge = "ringback_queue_reachable";
    /// Calls of scripts of the queue in Redis: how long until their answers.
    redis_script_seconds: Family<RedisScript, Histogram> = "ringback_redis_script_seconds" {FAST_SECONDS};
    /// Calls of scripts that Redis did not answer, or answered with an error.
    redis_failures_total: IntCounter = "ringback_redis_failures_total";
    /// Rebuilds of the queue from the journal.
    rebuilds_total: Family<RebuildStep, IntCounter> = "ringback_rebuilds_total";
    /// Whether the queue lacks what it lost, and is being filled from the journal by this worker or by another.
    rebuild_running: IntGauge = "ringback_rebuild_running";
    /// Callbacks that rebuilds pushed.
    rebuild_callbacks_total: IntCounter = "ringback_rebuild_callbacks_total";

    /// Callbacks and changes in one journal commit.
    journal_commit_items: Histogram = "ringback_journal_commit_items" {&[1., 2., 4., 8., 16., 32., 64., 128., 256., 512., 1024., 4096.]};
    /// How long a journal commit took.
    journal_commit_seconds: Histogram = "ringback_journal_commit_seconds" {FAST_SECONDS};
    /// Requests that wait for a journal commit, the one under way included.
    journal_waiting: IntGauge = "ringback_journal_waiting";
    /// Journal commits that failed.
    journal_failures_total: IntCounter = "ringback_journal_failures_total";
    /// Callbacks in the journal by state, counted at the last audit.
    journal_callbacks: Family<State, IntGauge> = "ringback_journal_callbacks";
    /// Accepted minus (delivered + dead + pending + held + cancelled + pruned), at the last audit: 0 or something is lost.
    ledger_imbalance: IntGauge = "ringback_ledger_imbalance";

    /// Mails by what became of a try to send: sent, delayed, failed (for good).
    mails_total: Family<MailOutcome, IntCounter> = "ringback_mails_total";

    /// Requests to the API and the dashboard by route and status class.
    api_requests_total: ByRoute = "ringback_api_requests_total";
    /// How long requests took, from their head to the answer's, by who is asked. Pages that follow something are answered at once.
    request_seconds: Family<Surface, Histogram> = "ringback_request_seconds" {FAST_SECONDS};
    /// Connections closed at once because a limit was reached.
    connections_refused_total: IntCounter = "ringback_connections_refused_total";
    /// Changes that were made and are missing in the audit log: must be 0.
    audit_missed_total: IntCounter = "ringback_audit_missed_total";

    /// Room left for this gateway on the disk of data.dir.
    data_disk_free_bytes: Gauge = "ringback_data_disk_free_bytes";
    /// Size of the disk of data.dir.
    data_disk_bytes: Gauge = "ringback_data_disk_bytes";
    /// Traces that could not be handed to the collector's queue.
    spans_dropped_total: IntCounter = "ringback_spans_dropped_total";

    /// Processor time used by this process.
    process_cpu_seconds_total: Counter = "process_cpu_seconds_total";
    /// Memory of this process that is in RAM.
    process_resident_bytes: IntGauge = "process_resident_memory_bytes";
    /// Files and sockets that this process has open.
    process_open_files: IntGauge = "process_open_fds";
    /// Files and sockets that this process may have open.
    process_open_files_max: IntGauge = "process_max_fds";
    /// Threads of this process.
    process_threads: IntGauge = "process_threads";
    /// When this process started, in seconds since 1970.
    process_start_seconds: Gauge = "process_start_time_seconds";
}

/// 1 ms to 24 h, finer where people look.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    600.0, 3600.0, 21_600.0, 86_400.0,
];

/// 0.25 ms to 30 s.
const FAST_SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];
