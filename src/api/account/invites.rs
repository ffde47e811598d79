//! Inviting people, taking invitations back, accepting one.

use crate::access::Role;
use crate::api::account::sessions::signed_in;
use crate::api::audit::{Peer, origin};
use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::people::invitations::{self, Acceptance, grantable};
use crate::people::sign_in;
use crate::records::invites::Invite;
use crate::records::users::Profile;
use crate::time::shown;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct InviteView {
    invite_id: String,
    email: String,
    role: Role,
    created_at: String,
    expires_at: String,
    is_expired: bool,
}

impl InviteView {
    fn of(invite: Invite, now: u64) -> Self {
        Self {
            invite_id: invite.id,
            email: invite.email,
            role: invite.role,
            created_at: shown(invite.created_ms),
            expires_at: shown(invite.expires_ms),
            is_expired: invite.expires_ms <= now,
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Vec<InviteView>>, ApiError> {
    let (invites, now) = (app.records.invites(&team).await?, app.clock.now());
    let views = invites
        .into_iter()
        .map(|invite| InviteView::of(invite, now));
    Ok(Json(views.collect()))
}

/// All or nobody.
pub(super) async fn create(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Response, ApiError> {
    let mut fields = Fields::only(body, &["emails", "role"])?;
    let (emails, role) = (fields.texts("emails")?, fields.text("role")?);
    let role = grantable("role", &role)?;
    let made = invitations::invite(&app, &team, &emails, role).await?;
    let now = app.clock.now();
    let views = made.into_iter().map(|invite| InviteView::of(invite, now));
    Ok((StatusCode::CREATED, Json(views.collect::<Vec<_>>())).into_response())
}

pub(super) async fn remove(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let removed = app.records.remove_invite(&team, &id).await?;
    removed.ok_or(ApiError::NotFound("invitation"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the user and signs them in.
pub(super) async fn accept(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: ObjectBody,
) -> Result<Response, ApiError> {
    const NAMES: [&str; 5] = ["token", "first_name", "last_name", "company", "password"];
    let mut fields = Fields::only(body, &NAMES)?;
    let acceptance = Acceptance {
        token: fields.text("token")?,
        profile: Profile {
            first_name: fields.text("first_name")?,
            last_name: fields.text("last_name")?,
            company: fields.text("company")?,
        },
        password: fields.text("password")?,
    };
    let user = invitations::accept(&app, acceptance).await?;
    let signed = sign_in::begin(&app, user, origin(peer, &headers)).await?;
    Ok(signed_in(StatusCode::CREATED, signed))
}
