//! One attempt, told once: a line in the log and a span that hold the whole outcome. Never
//! the body, the answer, a key, or more of the URL than its origin.

use crate::app::App;
use crate::callback::diagnosis::diagnose;
use crate::callback::{Callback, Health, Verdict};
use crate::delivery::attempt::kind_of;
use crate::delivery::client::Answer;
use crate::delivery::request::Sent;
use crate::metrics::family::Label;
use crate::queue::Claim;
use crate::telemetry::spans::AttemptSpan;

/// Logs the attempt, and hands its span over if somebody wants it.
pub(super) fn tell(
    app: &App,
    claim: &Claim,
    callback: &Callback,
    sent: &Sent<'_>,
    (answer, verdict): (&Answer, &Verdict),
) {
    let is_well = answer.outcome.health() == Health::Well;
    let diagnosis = diagnose(&answer.outcome).code;
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                target: "ringback::attempt",
                {
                callback.id = %callback.id,
                team.id = %callback.team,
                attempt.number = sent.number,
                attempt.provenance = sent.provenance.as_str(),
                attempt.origin = %claim.entry.origin,
                attempt.late_ms = sent.started_ms.saturating_sub(claim.entry.due),
                attempt.diagnosis = diagnosis,
                attempt.status = answer.outcome.status(),
                attempt.verdict = kind_of(verdict).text(),
                attempt.next_ms = next_ms(verdict),
                attempt.head_us = answer.timing.head_us,
                attempt.total_us = answer.timing.total_us,
                trace.id = format_args!("{:032x}", sent.place.trace),
                },
                $message
            )
        };
    }
    if is_well {
        // Not at `info`: the log would cost as much as the delivery.
        line!(debug, "an attempt succeeded");
    } else {
        line!(info, "an attempt failed");
    }
    if app.spans.wants(sent.place) {
        app.spans.attempt(AttemptSpan {
            place: sent.place,
            parent: callback.trace.map_or(0, |trace| trace.span),
            started_ms: sent.started_ms,
            duration_us: answer.timing.total_us,
            is_well,
            diagnosis,
            callback: callback.id.to_string(),
            team: callback.team.to_string(),
            origin: claim.entry.origin.to_string(),
            number: sent.number,
            status: answer.outcome.status(),
        });
    }
}

/// When it is tried again, if it is.
fn next_ms(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Retry { due, .. } => Some(*due),
        Verdict::Delivered | Verdict::PauseEndpoint | Verdict::Dead(_) => None,
    }
}
