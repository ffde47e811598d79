//! The list of callbacks, which follows what happens, and what can be done to them.

use crate::api::callbacks::{read_id, read_query};
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::diagnosis::from_code;
use crate::callback::{CallbackId, State as CallbackState, TimestampMs};
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{moment, span, until};
use crate::dashboard::{form::Form, live};
use crate::dead_letters::{self, BULK_MAX};
use crate::journal::{AttemptRow, Detail, Search, Selection};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Rows of a page.
const ROWS: u32 = 50;

/// What the list is narrowed to; empty text means anything.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    task: String,
    /// The last one of the page before.
    #[serde(default)]
    before: String,
    #[serde(default, skip_serializing)]
    done: String,
}

#[derive(Template)]
#[template(path = "callbacks.html")]
struct CallbacksPage {
    frame: Frame,
    filter: Filter,
    list: List,
    states: [CallbackState; 5],
}

/// The part that is replaced when something happens.
#[derive(Template)]
#[template(path = "callbacks_list.html")]
struct List {
    rows: Vec<Row>,
    is_filtered: bool,
    older: Option<String>,
    has_default_url: bool,
}

/// One line of the list.
pub(super) struct Row {
    id: String,
    task: String,
    accepted: String,
    mode: &'static str,
    state: CallbackState,
    answer: String,
    attempts: u32,
}

/// A state as shown: its word and its colour.
pub(super) trait Shown {
    fn word(&self) -> &'static str;
    fn colour(&self) -> &'static str;
}

impl Shown for CallbackState {
    fn word(&self) -> &'static str {
        match self {
            Self::Pending => "Waiting",
            Self::Held => "Held",
            Self::Delivered => "Delivered",
            Self::Dead => "Given up",
            Self::Cancelled => "Cancelled",
        }
    }

    fn colour(&self) -> &'static str {
        match self {
            Self::Pending => "busy",
            Self::Held => "warn",
            Self::Delivered => "good",
            Self::Dead => "bad",
            Self::Cancelled => "",
        }
    }
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.state.is_empty() && self.task.trim().is_empty()
    }

    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("state", &self.state), ("task", &self.task)] {
            if !value.trim().is_empty() {
                query.append_pair(name, value.trim());
            }
        }
        query.finish()
    }

    fn search(&self, team: &str) -> Result<Search, ApiError> {
        let state = match self.state.as_str() {
            "" => None,
            text => Some(CallbackState::parse(text).ok_or_else(|| ApiError::Invalid {
                field: "state",
                reason: "is none that callbacks have".to_owned(),
            })?),
        };
        let before = match self.before.as_str() {
            "" => None,
            text => Some(read_id(text)?),
        };
        if self.task.contains('\0') {
            return Err(ApiError::NotFound("task"));
        }
        Ok(Search {
            team: Some(team.to_owned()),
            task: Some(self.task.trim().to_owned()).filter(|task| !task.is_empty()),
            state,
            before,
            limit: ROWS,
            ..Search::default()
        })
    }
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let filter = read_query(query)?;
    let notice = match filter.done.as_str() {
        "" => None,
        text => Some(format!("{text} will be sent again now.")),
    };
    let list = list(&app, &visitor, &filter).await?;
    Ok(render(&CallbacksPage {
        frame: visitor
            .frame(Room::Callbacks)
            .with_notice(notice.as_deref()),
        list,
        filter,
        states: CallbackState::ALL,
    }))
}

/// The list again, whenever it has changed.
pub(super) async fn follow(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, ApiError> {
    let filter = read_query(query)?;
    filter.search(&visitor.team)?;
    Ok(live::stream(app, move |app| {
        let (visitor, filter) = (visitor.clone(), filter.clone());
        async move { list(&app, &visitor, &filter).await.ok()?.render().ok() }
    }))
}

async fn list(app: &App, visitor: &Visitor, filter: &Filter) -> Result<List, ApiError> {
    let search = filter.search(&visitor.team)?;
    let found = app.journal.search(&search).await?;
    let ids: Vec<_> = found.iter().map(|detail| detail.callback.id).collect();
    let last = if ids.is_empty() {
        Vec::new()
    } else {
        app.journal.last_attempts(&ids).await?
    };
    let last: HashMap<CallbackId, AttemptRow> = last.into_iter().collect();
    let is_full = found.len() == ROWS as usize;
    let older = ids.last().filter(|_| is_full).map(|id| {
        let query = filter.query();
        let joint = if query.is_empty() { "" } else { "&" };
        format!("?{query}{joint}before={id}")
    });
    let settings = app.team(&visitor.team).await?;
    let now = app.clock.now();
    Ok(List {
        rows: found
            .iter()
            .map(|detail| row(detail, last.get(&detail.callback.id), now))
            .collect(),
        is_filtered: !filter.is_empty() || !filter.before.is_empty(),
        older,
        has_default_url: settings.is_some_and(|settings| settings.default_url.is_some()),
    })
}

fn row(detail: &Detail, last: Option<&AttemptRow>, now: TimestampMs) -> Row {
    let callback = &detail.callback;
    let happened = last.map(|attempt| match attempt.status {
        Some(status) => format!("{status} in {}", span(attempt.duration_ms)),
        None => from_code(&attempt.diagnosis).map_or_else(
            || attempt.diagnosis.clone(),
            |diagnosis| diagnosis.what.to_owned(),
        ),
    });
    let next = match detail.state {
        CallbackState::Pending => Some(format!("next {}", until(detail.due, now))),
        CallbackState::Held => detail.reason.clone(),
        _ => None,
    };
    let answer: Vec<_> = [happened, next].into_iter().flatten().collect();
    Row {
        id: callback.id.to_string(),
        task: callback.task_id.clone(),
        accepted: moment(callback.id.accepted_ms(), now),
        mode: callback.mode.as_str(),
        state: detail.state,
        answer: answer.join(", "),
        attempts: callback.attempts,
    }
}

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage {
    frame: Frame,
    count: u64,
    /// There may be more.
    is_most: bool,
}

/// How many would be sent again, before anybody says so.
pub(super) async fn before_replay(
    visitor: Visitor,
    State(app): State<App>,
) -> Result<Html<String>, ApiError> {
    let selection = all_dead(&visitor);
    let count = dead_letters::replay(&app.journal, &selection, true, 0).await?;
    Ok(render(&ReplayPage {
        frame: visitor.frame(Room::Callbacks),
        count,
        is_most: count == u64::from(BULK_MAX),
    }))
}

/// All that the team has given up, up to the limit of one call.
pub(super) async fn replay(
    visitor: Visitor,
    State(app): State<App>,
    _: Form,
) -> Result<Response, ApiError> {
    let selection = all_dead(&visitor);
    let now = app.clock.now();
    let count = dead_letters::replay(&app.journal, &selection, false, now).await?;
    Ok(Redirect::to(&format!("/dashboard/callbacks?done={count}+callbacks")).into_response())
}

fn all_dead(visitor: &Visitor) -> Selection {
    Selection {
        ids: Vec::new(),
        team: Some(visitor.team.to_string()),
        limit: BULK_MAX,
    }
}

/// The address of one callback's page.
pub(super) async fn resend(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    let resent = crate::resend::resend(&app, &visitor.team, read_id(&id)?).await?;
    let id = match resent.ok_or(ApiError::NotFound("callback"))? {
        crate::resend::Resent::As(copy) => copy.to_string(),
        _ => id,
    };
    Ok(Redirect::to(&format!("/dashboard/callbacks/{id}")).into_response())
}
