//! Sending dead letters again: how many there are that match, at what pace they go, and how
//! far a replay is. The rules are those of `dead_letters`.

use crate::access::Action;
use crate::api::callbacks::read_query;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::CallbackId;
use crate::dashboard::door::Wrong;
use crate::dashboard::filter::Filter;
use crate::dashboard::form::Form;
use crate::dashboard::live;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{minute, moment, wait};
use crate::dead_letters::{
    self, PER_SECOND_DEFAULT, PER_SECOND_MAX, ReplayError, Wish, count, find,
};
use crate::journal::{NewReplay, Replay, ReplayState, Search};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

/// Earlier replays that are shown.
const EARLIER: u32 = 20;

#[derive(Template)]
#[template(path = "replays.html")]
struct ReplaysPage {
    frame: Frame,
    filter: Filter,
    /// How many would be sent again; none of a filter that cannot be.
    found: Option<u64>,
    takes: String,
    per_second: String,
    per_second_max: u32,
    wrong: Wrong,
    earlier: Vec<Told>,
}

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage {
    frame: Frame,
    id: CallbackId,
    life: Life,
}

/// The part that is replaced when something happens.
#[derive(Template)]
#[template(path = "replay_life.html")]
struct Life {
    told: Told,
    may_change: bool,
    csrf: String,
}

/// A replay as people read it.
struct Told {
    replay: Replay,
    started: String,
    ended: Option<String>,
    which: String,
}

impl Told {
    fn of(replay: Replay, now: u64) -> Self {
        Self {
            started: moment(replay.started_ms, now),
            ended: replay.ended_ms.map(|at| moment(at, now)),
            which: which(&replay.search),
            replay,
        }
    }

    fn word(&self) -> &'static str {
        match self.replay.state {
            ReplayState::Running => "Running",
            ReplayState::Paused => "Paused",
            ReplayState::Done => "Done",
            ReplayState::Cancelled => "Cancelled",
        }
    }

    fn colour(&self) -> &'static str {
        match self.replay.state {
            ReplayState::Running => "busy",
            ReplayState::Paused => "warn",
            ReplayState::Done => "good",
            ReplayState::Cancelled => "",
        }
    }

    fn is_running(&self) -> bool {
        self.replay.state == ReplayState::Running
    }

    fn is_open(&self) -> bool {
        self.replay.state.is_open()
    }

    /// How long the rest takes at its pace.
    fn left(&self) -> String {
        let left = self.replay.found.saturating_sub(self.replay.replayed);
        wait(
            (left * 1000)
                .div_ceil(self.replay.per_second.max(1).into())
                .max(1000),
        )
    }

    /// What was found and is not sent again, because it was dropped or sent meanwhile.
    fn gone(&self) -> u64 {
        match self.replay.state {
            ReplayState::Done => self.replay.found.saturating_sub(self.replay.replayed),
            _ => 0,
        }
    }
}

/// The filter in words.
fn which(search: &Search) -> String {
    let mut words = Vec::new();
    if let Some(task) = &search.task {
        words.push(format!("of task {task}"));
    }
    if let Some(mode) = search.mode {
        words.push(format!("in {} mode", mode.as_str()));
    }
    match search.status {
        Some(0) => words.push("without an answer".to_owned()),
        Some(status) => words.push(format!("answered with {status}")),
        None => {}
    }
    if let Some(from) = search.from_ms {
        words.push(format!("accepted from {}", minute(from)));
    }
    if let Some(until) = search.until_ms {
        words.push(format!("accepted before {}", minute(until)));
    }
    if words.is_empty() {
        return "everything that was given up".to_owned();
    }
    format!("what was given up {}", words.join(", "))
}

/// How many would be sent again, before anybody says so.
pub(super) async fn before(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let filter = read_query(query)?;
    let pace = PER_SECOND_DEFAULT.to_string();
    Ok(render(&page(&app, &visitor, filter, pace).await?))
}

async fn page(
    app: &App,
    visitor: &Visitor,
    filter: Filter,
    per_second: String,
) -> Result<ReplaysPage, ApiError> {
    let (found, wrong) = match filter.search() {
        Ok(search) => {
            let found = count(&app.journal, &visitor.team, &search).await?;
            (Some(found), Wrong::default())
        }
        Err(wrong) => (None, wrong),
    };
    let now = app.clock.now();
    let earlier = app.journal.replays(&visitor.team, EARLIER).await?;
    let pace = per_second
        .parse()
        .unwrap_or(PER_SECOND_DEFAULT)
        .clamp(1, PER_SECOND_MAX);
    Ok(ReplaysPage {
        frame: visitor.frame(Room::Callbacks),
        filter,
        takes: wait(
            (found.unwrap_or(0) * 1000)
                .div_ceil(u64::from(pace))
                .max(1000),
        ),
        found,
        per_second,
        per_second_max: PER_SECOND_MAX,
        wrong,
        earlier: earlier.into_iter().map(|it| Told::of(it, now)).collect(),
    })
}

/// Starts one and shows how far it is.
pub(super) async fn start(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let text = |name| form.text(name).to_owned();
    let filter = Filter {
        task: text("task"),
        mode: text("mode"),
        status: text("status"),
        from: text("from"),
        until: text("until"),
        ..Filter::default()
    };
    let per_second = text("per_second");
    let wrong = match (filter.search(), per_second.parse()) {
        (Ok(search), Ok(pace)) => {
            let new = NewReplay {
                per_second: pace,
                id: app.next_id(),
                team: visitor.team.to_string(),
                search,
                started_by: visitor.email.clone(),
                now: app.clock.now(),
            };
            match dead_letters::start(&app.journal, new).await {
                Ok(replay) => return Ok(to(replay.id)),
                Err(ReplayError::Pace) => wrong_pace(),
                Err(error) => return Err(error.into()),
            }
        }
        (Ok(_), Err(_)) => wrong_pace(),
        (Err(wrong), _) => wrong,
    };
    let page = ReplaysPage {
        wrong,
        ..page(&app, &visitor, filter, per_second).await?
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

fn wrong_pace() -> Wrong {
    let reason = format!("must be a whole number from 1 to {PER_SECOND_MAX}");
    Wrong::at("per_second", &reason)
}

fn to(id: CallbackId) -> Response {
    Redirect::to(&format!("/dashboard/replays/{id}")).into_response()
}

/// An id in a path: what is no id names no replay.
fn read_id(id: &str) -> Result<CallbackId, ApiError> {
    let id = id.parse().map(CallbackId);
    id.map_err(|_| ApiError::NotFound("replay"))
}

async fn life(app: &App, visitor: &Visitor, id: CallbackId) -> Result<Life, ApiError> {
    let replay = find(&app.journal, &visitor.team, id).await?;
    let replay = replay.ok_or(ApiError::NotFound("replay"))?;
    Ok(Life {
        told: Told::of(replay, app.clock.now()),
        may_change: visitor.may(Action::ResendCallbacks),
        csrf: visitor.csrf.clone(),
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Html<String>, ApiError> {
    let id = read_id(&id)?;
    let life = life(&app, &visitor, id).await?;
    let frame = visitor.frame(Room::Callbacks);
    Ok(render(&ReplayPage { frame, id, life }))
}

/// How far it is, whenever that has changed.
pub(super) async fn follow(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = read_id(&id)?;
    life(&app, &visitor, id).await?;
    Ok(live::stream(app, move |app| {
        let visitor = visitor.clone();
        async move { life(&app, &visitor, id).await.ok()?.render().ok() }
    }))
}

pub(super) async fn pause(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    change(&app, &visitor, &id, Wish::Pause).await
}

pub(super) async fn resume(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    change(&app, &visitor, &id, Wish::Resume).await
}

pub(super) async fn cancel(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    change(&app, &visitor, &id, Wish::Cancel).await
}

/// One that has ended meanwhile is shown as it is.
async fn change(app: &App, visitor: &Visitor, id: &str, wish: Wish) -> Result<Response, ApiError> {
    let id = read_id(id)?;
    let now = app.clock.now();
    match dead_letters::change(&app.journal, (&visitor.team, id), wish, now).await {
        Ok(None) => Err(ApiError::NotFound("replay")),
        Ok(Some(_)) | Err(ReplayError::Ended) => Ok(to(id)),
        Err(error) => Err(error.into()),
    }
}
