//! The list of callbacks, which follows what happens, and what can be done to them.

use crate::api::callbacks::{read_id, read_query};
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::diagnosis::from_code;
use crate::callback::{CallbackId, State as CallbackState, TimestampMs};
use crate::dashboard::door::Wrong;
use crate::dashboard::filter::Filter;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::{moment, span, until};
use crate::dashboard::{form::Form, live};
use crate::journal::{AttemptRow, Detail, Search};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::collections::HashMap;

/// Rows of a page.
const ROWS: u32 = 50;

/// Matches are counted up to here: more than anybody pages through.
const COUNTED_MAX: u32 = 1000;

#[derive(Template)]
#[template(path = "callbacks.html")]
struct CallbacksPage {
    frame: Frame,
    filter: Filter,
    wrong: Wrong,
    list: List,
    /// Whether it follows what happens: the newest page does.
    is_live: bool,
    states: [CallbackState; 5],
}

/// The part that is replaced when something happens.
#[derive(Template)]
#[template(path = "callbacks_list.html")]
struct List {
    rows: Vec<Row>,
    /// How many there are; none of a filter that cannot be.
    matches: Option<String>,
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

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Html<String>, ApiError> {
    let filter = read_query(query)?;
    let (list, wrong) = match filter.search() {
        Ok(search) => (
            list(&app, &visitor, &filter, search).await?,
            Wrong::default(),
        ),
        Err(wrong) => (List::nothing(), wrong),
    };
    Ok(render(&CallbacksPage {
        frame: visitor.frame(Room::Callbacks),
        is_live: filter.before.is_empty() && list.matches.is_some(),
        list,
        filter,
        wrong,
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
    let search = filter.search().map_err(|_| ApiError::NotFound("list"))?;
    Ok(live::stream(app, move |app| {
        let (visitor, filter, search) = (visitor.clone(), filter.clone(), search.clone());
        async move {
            let list = list(&app, &visitor, &filter, search).await;
            list.ok()?.render().ok()
        }
    }))
}

async fn list(
    app: &App,
    visitor: &Visitor,
    filter: &Filter,
    search: Search,
) -> Result<List, ApiError> {
    let search = Search {
        team: Some(visitor.team.to_string()),
        limit: ROWS,
        ..search
    };
    let found = app.journal.search(&search).await?;
    let is_full = found.len() == ROWS as usize;
    let matches = if is_full || search.before.is_some() {
        let all = Search {
            before: None,
            ..search
        };
        let counted = app.journal.count(&visitor.team, &all, COUNTED_MAX + 1);
        counted.await?
    } else {
        found.len() as u64
    };
    let ids: Vec<_> = found.iter().map(|detail| detail.callback.id).collect();
    let last = if ids.is_empty() {
        Vec::new()
    } else {
        app.journal.last_attempts(&ids).await?
    };
    let last: HashMap<CallbackId, AttemptRow> = last.into_iter().collect();
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
        matches: Some(if matches > u64::from(COUNTED_MAX) {
            format!("More than {COUNTED_MAX} match.")
        } else if matches == 1 {
            "1 matches.".to_owned()
        } else {
            format!("{matches} match.")
        }),
        is_filtered: !filter.is_empty() || !filter.before.is_empty(),
        older,
        has_default_url: settings.is_some_and(|settings| settings.default_url.is_some()),
    })
}

impl List {
    /// Of a filter that cannot be.
    fn nothing() -> Self {
        Self {
            rows: Vec::new(),
            matches: None,
            is_filtered: true,
            older: None,
            has_default_url: true,
        }
    }
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
