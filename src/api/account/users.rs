//! The people of the caller's team.

use crate::access::Role;
use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::people::invitations::grantable;
use crate::people::members;
use crate::records::users::{Status, User};
use crate::time::shown;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct UserView {
    user_id: String,
    team_id: String,
    email: String,
    role: Role,
    status: &'static str,
    first_name: String,
    last_name: String,
    company: String,
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_id: user.id,
            team_id: user.team,
            email: user.email,
            role: user.role,
            status: user.status.as_str(),
            first_name: user.profile.first_name,
            last_name: user.profile.last_name,
            company: user.profile.company,
            created_at: shown(user.created_ms),
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Vec<UserView>>, ApiError> {
    let users = app.records.users(&team).await?;
    Ok(Json(users.into_iter().map(UserView::from).collect()))
}

pub(super) async fn set_role(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
    body: ObjectBody,
) -> Result<Json<UserView>, ApiError> {
    let user = members::of_team(&app, &team, &id).await?;
    let role = Fields::only(body, &["role"])?.text("role")?;
    let role = grantable("role", &role)?;
    let email = [user.email.clone()];
    members::set_role(&app, &team, &email, role).await?;
    Ok(Json(User { role, ..user }.into()))
}

pub(super) async fn disable(
    app: State<App>,
    caller: TeamCaller,
    id: Path<String>,
) -> Result<Json<UserView>, ApiError> {
    set_status(app, caller, id, Status::Disabled).await
}

pub(super) async fn enable(
    app: State<App>,
    caller: TeamCaller,
    id: Path<String>,
) -> Result<Json<UserView>, ApiError> {
    set_status(app, caller, id, Status::Active).await
}

/// Out of the team; the address stays the team's, which may invite it again.
pub(super) async fn remove(
    app: State<App>,
    caller: TeamCaller,
    id: Path<String>,
) -> Result<StatusCode, ApiError> {
    let Json(_) = set_status(app, caller, id, Status::Removed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_status(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
    status: Status,
) -> Result<Json<UserView>, ApiError> {
    let user = members::set_status(&app, &team, &id, status).await?;
    Ok(Json(user.into()))
}
