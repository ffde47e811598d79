//! Somebody's own profile: their sessions and their password.

use crate::api::cookie;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::dashboard::times::moment;
use crate::people::{PeopleError, sign_in};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    frame: Frame,
    name: String,
    company: String,
    sessions: Vec<Row>,
    wrong: Wrong,
}

/// What redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

struct Row {
    id: String,
    is_this: bool,
    agent: String,
    address: String,
    began: String,
    seen: String,
}

async fn page(app: &App, visitor: &Visitor, wrong: Wrong) -> Result<ProfilePage, ApiError> {
    let now = app.clock.now();
    let sessions = app.records.sessions(&visitor.user, now).await?;
    let user = app.records.user(&visitor.user).await?;
    let profile = user.ok_or(ApiError::Unauthorized)?.profile;
    let row = |session: crate::records::sessions::Session| Row {
        is_this: session.id == visitor.session,
        id: session.id,
        agent: session.origin.agent,
        address: session.origin.address,
        began: moment(session.created_ms, now),
        seen: moment(session.seen_ms, now),
    };
    Ok(ProfilePage {
        frame: visitor.frame(Room::Profile),
        name: format!("{} {}", profile.first_name, profile.last_name),
        company: profile.company,
        sessions: sessions.into_iter().map(row).collect(),
        wrong,
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Query(query): Query<Done>,
) -> Result<Html<String>, ApiError> {
    let mut page = page(&app, &visitor, Wrong::default()).await?;
    let notice = (query.done == "ended").then_some("Signed out there.");
    page.frame = page.frame.with_notice(notice);
    Ok(render(&page))
}

/// All sessions end with the old password, this one too.
pub(super) async fn change_password(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let exact = |name| form.exact(name).to_owned();
    let changed = sign_in::change_password(
        &app,
        &visitor.person,
        exact("current_password"),
        exact("new_password"),
    );
    let wrong = match changed.await {
        Ok(()) => {
            let cookie = [(header::SET_COOKIE, cookie::forget())];
            let door = Redirect::to("/dashboard/sign-in?done=password");
            return Ok((cookie, door).into_response());
        }
        Err(PeopleError::Invalid { field, reason }) => Wrong::at(field, &reason),
        Err(PeopleError::Records(error)) => return Err(error.into()),
        Err(error) => Wrong::at("current_password", &error.to_string()),
    };
    let page = page(&app, &visitor, wrong).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
}

pub(super) async fn end_session(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    match sign_in::end_session(&app, &visitor.person, &id).await {
        Ok(()) => Ok(Redirect::to("/dashboard/profile?done=ended").into_response()),
        Err(PeopleError::Records(error)) => Err(error.into()),
        Err(_) => Err(ApiError::NotFound("session")),
    }
}
