//! One claim → one attempt → what follows from it. Whatever the receiver does is a
//! value here; the queue hears of it before the journal has written it down.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::diagnosis::diagnose;
use crate::callback::retry::decide;
use crate::callback::trace::TraceParent;
use crate::callback::{
    Callback, HELD_GONE, HELD_NO_URL, HELD_PAUSED, Health, Outcome, State, Verdict,
};
use crate::delivery::client::Answer;
use crate::delivery::oversize::lighten;
use crate::delivery::report;
use crate::delivery::request::Sent;
use crate::delivery::settle::Finished;
use crate::delivery::transports::Transports;
use crate::journal::{AttemptRecord, Change};
use crate::metrics::labels::VerdictKind;
use crate::queue::{Claim, Next, Signal};
use crate::records::hours::Outcome as Charted;
use crate::records::world::looks_like_an_id;
use std::time::Duration;

/// Attempts one claimed callback.
pub async fn run(
    app: &App,
    transports: &Transports,
    claim: Claim,
    callback: &Callback,
) -> Finished {
    let settings = match app.team(&callback.team).await {
        Ok(Some(settings)) => settings,
        Ok(None) => return hold(app, claim, callback, "the team is gone"),
        Err(error) => {
            tracing::warn!(error = %error, "the team's settings cannot be read");
            return Finished::unattempted(claim, Next::Return);
        }
    };
    if settings.is_paused {
        return hold(app, claim, callback, HELD_PAUSED);
    }
    let Some((url, provenance)) = settings.target_of(callback) else {
        return hold(app, claim, callback, HELD_NO_URL);
    };
    if settings.paused.contains(url) {
        return hold(app, claim, callback, HELD_GONE);
    }
    let origin = settings.origin(url);
    if origin != claim.entry.origin {
        return Finished::moved(claim, origin);
    }
    let started_ms = app.clock.now();
    // It was long on its way here: an attempt that outlives its lease is made twice.
    if started_ms.saturating_add(app.config.delivery.attempt_timeout_ms) > claim.expires {
        return Finished::unattempted(claim, Next::Return);
    }
    let trace = callback.trace;
    let trace = trace.unwrap_or_else(|| TraceParent::own(callback.id, app.spans.percent()));
    let mut sent = Sent {
        url,
        provenance,
        number: callback.attempts + 1,
        started_ms,
        spent_ms: 0,
        place: trace.after(rand::random::<u64>() | 1),
    };
    if sent.number == 1 {
        let waited = started_ms.saturating_sub(callback.id.accepted_ms());
        app.metrics.first_attempt_seconds.observe(seconds(waited));
    }
    let answer = match lighten(app, &settings, callback).await {
        Ok((ready, spent_ms)) => {
            sent.spent_ms = spent_ms;
            transports.carry(app, &settings, &ready, &sent).await
        }
        Err(unstored) => unstored,
    };
    finish(app, claim, callback, &settings, &sent, answer).await
}

/// Tells the queue how the endpoint behaved, decides, and packs what is to be settled.
async fn finish(
    app: &App,
    claim: Claim,
    callback: &Callback,
    settings: &TeamSettings,
    sent: &Sent<'_>,
    answer: Answer,
) -> Finished {
    let now = app.clock.now();
    let outcome = &answer.outcome;
    let signal = match outcome.health() {
        Health::Well => Signal::Success,
        Health::Refusing => Signal::Failure,
        Health::Overloaded => Signal::Overload,
    };
    if let Err(error) = app
        .queue
        .answered(&claim, signal, answer.timing.total_ms())
        .await
    {
        tracing::warn!(error = %error, "the slot is freed when the attempt is settled");
    }
    let tries = sent.number.saturating_sub(callback.forgiven);
    let jitter = rand::random_range(-1.0..=1.0);
    let verdict = decide(outcome, tries, &settings.policy, now, jitter);
    count(app, callback, outcome, &verdict, &answer, now);
    report::tell(app, &claim, callback, sent, (&answer, &verdict));
    if verdict == Verdict::PauseEndpoint {
        Box::pin(pause(app, callback, sent.url, now)).await;
    }
    let (state, reason, at, next) = after(&verdict, now);
    let ended = matches!(state, State::Delivered | State::Dead);
    let ended_task =
        (ended && looks_like_an_id(&callback.task_id)).then(|| callback.task_id.clone());
    let change = Change {
        id: callback.id,
        state,
        reason,
        attempts: sent.number,
        at,
        attempt: Some(record(sent, answer)),
    };
    Finished {
        claim,
        next,
        origin: None,
        change: Some(change),
        ended_task,
    }
}

/// Verdict → state, reason, time, and the claim's end.
fn after(verdict: &Verdict, now: u64) -> (State, Option<&'static str>, u64, Next) {
    match *verdict {
        Verdict::Delivered => (State::Delivered, None, now, Next::End),
        Verdict::Retry {
            due,
            lane_rests_until,
        } => (
            State::Pending,
            None,
            due,
            Next::Retry {
                due,
                lane_rests_until,
            },
        ),
        Verdict::PauseEndpoint => (State::Held, Some(HELD_GONE), now, Next::Hold),
        Verdict::Dead(reason) => (State::Dead, Some(reason), now, Next::End),
    }
}

fn record(sent: &Sent<'_>, answer: Answer) -> AttemptRecord {
    let diagnosis = diagnose(&answer.outcome);
    AttemptRecord {
        number: sent.number,
        started_ms: sent.started_ms,
        duration_ms: answer.timing.total_ms(),
        url: sent.url.into(),
        provenance: sent.provenance.as_str(),
        diagnosis: diagnosis.code,
        status: answer.outcome.status(),
        location: answer.outcome.location().map(str::to_owned),
        answer: answer.kept_body,
    }
}

fn count(
    app: &App,
    callback: &Callback,
    outcome: &Outcome,
    verdict: &Verdict,
    answer: &Answer,
    now: u64,
) {
    let metrics = &app.metrics;
    metrics.attempts_total.of(diagnose(outcome)).inc();
    metrics.verdicts_total.of(kind_of(verdict)).inc();
    metrics.attempted(&callback.team, outcome.health() == Health::Well);
    metrics
        .attempt_seconds
        .observe(seconds(answer.timing.total_ms()));
    let (team, took_ms) = (&callback.team, answer.timing.total_ms());
    if *verdict == Verdict::Delivered {
        app.tally.count(team, Charted::Delivered, now, took_ms);
        let since = now.saturating_sub(callback.id.accepted_ms());
        metrics.delivery_seconds.observe(seconds(since));
    } else {
        app.tally.count(team, Charted::Failed, now, took_ms);
    }
}

/// As counted and logged.
pub(super) fn kind_of(verdict: &Verdict) -> VerdictKind {
    match verdict {
        Verdict::Delivered => VerdictKind::Delivered,
        Verdict::Retry { .. } => VerdictKind::Retry,
        Verdict::PauseEndpoint => VerdictKind::Paused,
        Verdict::Dead(_) => VerdictKind::Dead,
    }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// Nothing more goes to this URL until the team resumes it.
async fn pause(app: &App, callback: &Callback, url: &str, now: u64) {
    tracing::info!(team.id = %callback.team, "an endpoint answered 410 Gone and is paused");
    if let Err(error) = app.records.pause_endpoint(&callback.team, url, now).await {
        // The next callback hears 410 too and tries again to pause it.
        tracing::warn!(error = %error, "the endpoint is not paused");
    }
    app.forget_team(&callback.team);
}

fn hold(app: &App, claim: Claim, callback: &Callback, reason: &'static str) -> Finished {
    let change = Change {
        id: callback.id,
        state: State::Held,
        reason: Some(reason),
        attempts: callback.attempts,
        at: app.clock.now(),
        attempt: None,
    };
    Finished {
        claim,
        next: Next::Hold,
        origin: None,
        change: Some(change),
        ended_task: None,
    }
}
