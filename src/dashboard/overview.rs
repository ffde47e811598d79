//! How the team's deliveries go: numbers and charts of the last day or week, from counts.

use crate::access::Action;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::State as CallbackState;
use crate::dashboard::chart::{Chart, Reach};
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::journal::Search;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, Redirect};
use serde::Deserialize;

/// Waiting and given up ones are counted up to here.
const COUNTED_MAX: u32 = 1000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    range: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    is_week: bool,
    per: &'static str,
    chart: Chart,
    waiting: String,
    held: String,
    dead: String,
    has_dead: bool,
    /// Only while nothing was ever accepted.
    steps: Option<Steps>,
}

/// What of the first steps is done.
struct Steps {
    has_url: bool,
    has_key: bool,
}

/// The first page that whoever comes may see; who is not known is sent to the door by it.
pub(super) async fn home(visitor: Result<Visitor, ApiError>) -> Redirect {
    let may = |action| visitor.as_ref().is_ok_and(|visitor| visitor.may(action));
    if may(Action::SeeTeam) && !may(Action::SeeCallbacks) {
        return Redirect::to(Room::Team.path());
    }
    Redirect::to(Room::Overview.path())
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Query(range): Query<Range>,
) -> Result<Html<String>, ApiError> {
    let reach = if range.range == "week" {
        Reach::Week
    } else {
        Reach::Day
    };
    let now = app.clock.now();
    // What this process has counted within the last seconds belongs to it.
    app.write_tally().await;
    let hours = app.records.hours_since(&visitor.team, reach.since(now));
    let chart = Chart::draw(reach, &hours.await?, now);
    let [waiting, held, dead] = [
        CallbackState::Pending,
        CallbackState::Held,
        CallbackState::Dead,
    ]
    .map(|state| count(&app, &visitor, state));
    let (waiting, held, dead) = (waiting.await?, held.await?, dead.await?);
    let steps = if chart.is_empty() {
        steps(&app, &visitor).await?
    } else {
        None
    };
    Ok(render(&OverviewPage {
        is_week: reach == Reach::Week,
        per: reach.per(),
        chart,
        waiting: told(waiting),
        held: told(held),
        dead: told(dead),
        has_dead: dead > 0 && visitor.may(Action::ResendCallbacks),
        steps,
        frame: visitor.frame(Room::Overview),
    }))
}

/// The first steps, until a callback was accepted.
async fn steps(app: &App, visitor: &Visitor) -> Result<Option<Steps>, ApiError> {
    let newest = Search {
        team: Some(visitor.team.to_string()),
        limit: 1,
        ..Search::default()
    };
    if !app.journal.search(&newest).await?.is_empty() {
        return Ok(None);
    }
    let settings = app.team(&visitor.team).await?;
    let keys = app.records.listed_api_keys(&visitor.team).await?;
    Ok(Some(Steps {
        has_url: settings.is_some_and(|settings| settings.default_url.is_some()),
        has_key: !keys.is_empty(),
    }))
}

async fn count(app: &App, visitor: &Visitor, state: CallbackState) -> Result<u64, ApiError> {
    let search = Search {
        state: Some(state),
        ..Search::default()
    };
    let counted = app.journal.count(&visitor.team, &search, COUNTED_MAX + 1);
    Ok(counted.await?)
}

fn told(n: u64) -> String {
    if n > u64::from(COUNTED_MAX) {
        format!("{COUNTED_MAX}+")
    } else {
        n.to_string()
    }
}
