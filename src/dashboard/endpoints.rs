//! How the team's endpoints do: what each is sent at once, what waits, whether it is parked.

use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::diagnosis::from_code;
use crate::callback::target::origin_of;
use crate::dashboard::live;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{moment, span, until};
use crate::journal::{AttemptRow, Search};
use crate::queue::LaneView;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, Response};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The newest callbacks whose endpoints are shown beside those that are set.
const RECENT: u32 = 200;

#[derive(Template)]
#[template(path = "endpoints.html")]
struct EndpointsPage {
    frame: Frame,
    lanes: Lanes,
}

/// The part that is replaced when something happens.
#[derive(Template)]
#[template(path = "endpoints_lanes.html")]
struct Lanes {
    rows: Vec<Row>,
    now: u64,
}

struct Row {
    origin: Arc<str>,
    seen: Seen,
    lane: Option<LaneView>,
}

/// What the newest callbacks that went to an endpoint tell about it.
#[derive(Default)]
struct Seen {
    /// Of the last attempts: how many good, of how many.
    good: usize,
    tried: usize,
    /// The newest attempt, and whether it was good.
    newest: Option<(u64, bool)>,
    /// The first failure after the last good answer.
    failing_since: Option<u64>,
    last_good: Option<u64>,
    /// The newest failure.
    failure: Option<AttemptRow>,
}

impl Seen {
    /// Of attempts in any order.
    fn of(mut attempts: Vec<AttemptRow>) -> Self {
        attempts.sort_by_key(|attempt| attempt.started_ms);
        let mut seen = Self::default();
        for attempt in attempts {
            let (at, is_good) = (
                attempt.started_ms,
                matches!(attempt.status, Some(200..=299)),
            );
            seen.tried += 1;
            seen.newest = Some((at, is_good));
            if is_good {
                seen.good += 1;
                (seen.last_good, seen.failing_since) = (Some(at), None);
            } else {
                seen.failing_since.get_or_insert(at);
                seen.failure = Some(attempt);
            }
        }
        seen
    }

    fn is_failing(&self) -> bool {
        self.newest.is_some_and(|(_, is_good)| !is_good)
    }
}

impl Row {
    fn parked(&self, now: u64) -> Option<String> {
        let until_ms = self.lane.as_ref()?.parked_until?;
        (until_ms > now).then(|| until(until_ms, now))
    }

    fn rests(&self, now: u64) -> Option<String> {
        let until_ms = self.lane.as_ref()?.rests_until?;
        (until_ms > now).then(|| until(until_ms, now))
    }

    fn drained(&self) -> Option<String> {
        self.lane.as_ref()?.drained_in_ms.map(span)
    }

    /// Since when it fails, while it does.
    fn since(&self, now: u64) -> Option<String> {
        let since = self.seen.failing_since.filter(|_| self.seen.is_failing())?;
        Some(moment(since, now))
    }

    fn last_good(&self, now: u64) -> Option<String> {
        self.seen.last_good.map(|at| moment(at, now))
    }

    /// What the newest failure was and what helps, while it fails.
    fn why(&self) -> Option<(String, String)> {
        let failure = self
            .seen
            .failure
            .as_ref()
            .filter(|_| self.seen.is_failing())?;
        let diagnosis = from_code(&failure.diagnosis)?;
        let hint = diagnosis.hint_with(failure.location.as_deref());
        Some((diagnosis.what.to_owned(), hint.into_owned()))
    }
}

async fn lanes(app: &App, visitor: &Visitor) -> Result<Lanes, ApiError> {
    let settings = app.team(&visitor.team).await?;
    let settings = settings.ok_or(ApiError::NotFound("team"))?;
    let mut attempts: BTreeMap<Arc<str>, Vec<AttemptRow>> = BTreeMap::new();
    let projects = settings.live_project_urls.values();
    let projects = projects.chain(settings.test_project_urls.values());
    for url in settings.default_url.iter().chain(projects) {
        attempts.entry(origin_of(url)).or_default();
    }
    let search = Search {
        team: Some(visitor.team.to_string()),
        limit: RECENT,
        ..Search::default()
    };
    let recent = app.journal.search(&search).await?;
    let ids: Vec<_> = recent.iter().map(|detail| detail.callback.id).collect();
    if !ids.is_empty() {
        for (_, attempt) in app.journal.last_attempts(&ids).await? {
            let of_origin = attempts.entry(origin_of(&attempt.url)).or_default();
            of_origin.push(attempt);
        }
    }
    let mut rows = Vec::with_capacity(attempts.len());
    for (origin, attempts) in attempts {
        // A queue that does not answer is no reason to show nothing.
        let lane = app.queue.lane(&settings.id, &origin).await.ok().flatten();
        rows.push(Row {
            origin,
            seen: Seen::of(attempts),
            lane,
        });
    }
    Ok(Lanes {
        rows,
        now: app.clock.now(),
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
) -> Result<Html<String>, ApiError> {
    let lanes = lanes(&app, &visitor).await?;
    let frame = visitor.frame(Room::Endpoints);
    Ok(render(&EndpointsPage { frame, lanes }))
}

/// The lanes again, whenever something has changed.
pub(super) async fn follow(visitor: Visitor, State(app): State<App>) -> Response {
    live::stream(app, move |app| {
        let visitor = visitor.clone();
        async move { lanes(&app, &visitor).await.ok()?.render().ok() }
    })
}
