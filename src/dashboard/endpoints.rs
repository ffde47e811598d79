//! How the team's endpoints do: what each is sent at once, what waits, whether it is parked.

use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::target::origin_of;
use crate::dashboard::live;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{span, until};
use crate::journal::Search;
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
    /// Of the newest callbacks that ended there with an answer: how many good, of how many.
    good: usize,
    tried: usize,
    lane: Option<LaneView>,
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
}

async fn lanes(app: &App, visitor: &Visitor) -> Result<Lanes, ApiError> {
    let settings = app.team(&visitor.team).await?;
    let settings = settings.ok_or(ApiError::NotFound("team"))?;
    let mut seen: BTreeMap<Arc<str>, (usize, usize)> = BTreeMap::new();
    if let Some(url) = &settings.default_url {
        seen.entry(origin_of(url)).or_default();
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
            let (good, tried) = seen.entry(origin_of(&attempt.url)).or_default();
            let is_good = matches!(attempt.status, Some(200..=299));
            *good += usize::from(is_good);
            *tried += 1;
        }
    }
    let mut rows = Vec::with_capacity(seen.len());
    for (origin, (good, tried)) in seen {
        // A queue that does not answer is no reason to show nothing.
        let lane = app.queue.lane(&settings.id, &origin).await.ok().flatten();
        rows.push(Row {
            origin,
            good,
            tried,
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
