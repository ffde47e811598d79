//! Coming in: sessions, one's own password, links for those who forgot it.

use crate::api::account::users::UserView;
use crate::api::audit::{Peer, Signed, origin};
use crate::api::body::ObjectBody;
use crate::api::caller::PersonCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::people::sign_in::{self, SignedIn};
use crate::records::sessions::Session;
use crate::time::shown;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, response};
use serde::Serialize;

/// The id that means the session a call comes with.
const CURRENT: &str = "current";

#[derive(Serialize)]
struct SignedInView {
    token: String,
    expires_at: String,
    user: UserView,
}

#[derive(Serialize)]
pub(super) struct SessionView {
    session_id: String,
    created_at: String,
    seen_at: String,
    expires_at: String,
    address: String,
    agent: String,
    is_current: bool,
}

/// The answer to whoever is in now; also tells the audit log who that is.
pub(super) fn signed_in(status: StatusCode, signed: SignedIn) -> Response {
    let known = Signed::by(&signed.user);
    let view = SignedInView {
        token: signed.token,
        expires_at: shown(signed.expires_ms),
        user: signed.user.into(),
    };
    (status, Extension(known), Json(view)).into_response()
}

pub(super) async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, ApiError> {
    let mut fields = Fields::only(body, &["email", "password"])?;
    let (email, password) = (fields.text("email")?, fields.text("password")?);
    let signed = sign_in::sign_in(&app, &email, password, origin(peer, &headers)).await?;
    Ok(signed_in(StatusCode::CREATED, signed))
}

pub(super) async fn list(
    State(app): State<App>,
    PersonCaller(person): PersonCaller,
) -> Result<Json<Vec<SessionView>>, ApiError> {
    let sessions = app.records.sessions(&person.user, app.clock.now()).await?;
    let view = |session: Session| SessionView {
        is_current: session.id == person.session,
        session_id: session.id,
        created_at: shown(session.created_ms),
        seen_at: shown(session.seen_ms),
        expires_at: shown(session.expires_ms),
        address: session.origin.address,
        agent: session.origin.agent,
    };
    Ok(Json(sessions.into_iter().map(view).collect()))
}

/// Ends a session: another one, or with the id `current` this one, which signs out.
pub(super) async fn end(
    State(app): State<App>,
    PersonCaller(person): PersonCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = if id == CURRENT { &person.session } else { &id };
    sign_in::end_session(&app, &person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn me(
    State(app): State<App>,
    PersonCaller(person): PersonCaller,
) -> Result<Json<UserView>, ApiError> {
    let user = app.records.user(&person.user).await?;
    user.map(|user| Json(user.into()))
        .ok_or(ApiError::NotFound("user"))
}

/// Ends every session, this one too: sign in with the new password.
pub(super) async fn change_password(
    State(app): State<App>,
    PersonCaller(person): PersonCaller,
    body: ObjectBody,
) -> Result<StatusCode, ApiError> {
    let mut fields = Fields::only(body, &["current_password", "new_password"])?;
    let current = fields.text("current_password")?;
    let new = fields.text("new_password")?;
    sign_in::change_password(&app, &person, current, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 202 for every address: whether it is a user's is nobody's business.
pub(super) async fn request_reset(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<StatusCode, ApiError> {
    let email = Fields::only(body, &["email"])?.text("email")?;
    sign_in::request_reset(&app, email, origin(peer, &headers)).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn reset_password(
    State(app): State<App>,
    body: ObjectBody,
) -> Result<response::Response, ApiError> {
    let mut fields = Fields::only(body, &["token", "password"])?;
    let (token, password) = (fields.text("token")?, fields.text("password")?);
    let user = sign_in::reset_password(&app, &token, password).await?;
    let known = Signed::by(&user);
    Ok((StatusCode::NO_CONTENT, Extension(known)).into_response())
}
