//! Teammates as Scale's clients know them (Scale API, Teams): who is in the team, and who is
//! invited. Every answer is the whole team.

use crate::access::Role;
use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::people::invitations::{self, grantable};
use crate::people::members;
use crate::records::invites::Invite;
use crate::records::users::User;
use crate::time::shown;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// A teammate. The names are Scale's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Teammate {
    email: String,
    role: Role,
    status: &'static str,
    is_studio_labeler: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// When the invitation ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
}

impl From<User> for Teammate {
    fn from(user: User) -> Self {
        Self {
            email: user.email,
            is_studio_labeler: user.role == Role::Labeler,
            role: user.role,
            status: user.status.as_str(),
            first_name: Some(user.profile.first_name),
            last_name: Some(user.profile.last_name),
            company: Some(user.profile.company),
            expiry: None,
        }
    }
}

impl From<Invite> for Teammate {
    fn from(invite: Invite) -> Self {
        Self {
            email: invite.email,
            is_studio_labeler: invite.role == Role::Labeler,
            role: invite.role,
            status: "invited",
            first_name: None,
            last_name: None,
            company: None,
            expiry: Some(shown(invite.expires_ms)),
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Vec<Teammate>>, ApiError> {
    everybody(&app, &team).await
}

/// All or nobody.
pub(super) async fn invite(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<Vec<Teammate>>, ApiError> {
    let (emails, role) = emails_and_role(body)?;
    invitations::invite(&app, &team, &emails, role).await?;
    everybody(&app, &team).await
}

/// All or nobody; whoever is invited only gets the role, too.
pub(super) async fn set_role(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<Vec<Teammate>>, ApiError> {
    let (emails, role) = emails_and_role(body)?;
    members::set_role(&app, &team, &emails, role).await?;
    everybody(&app, &team).await
}

fn emails_and_role(body: ObjectBody) -> Result<(Vec<String>, Role), ApiError> {
    let mut fields = Fields::any(body);
    let emails = fields.texts("emails")?;
    if emails.is_empty() {
        return Err(ApiError::Invalid {
            field: "emails",
            reason: "must name at least one address".to_owned(),
        });
    }
    let role = fields.text("team_role")?;
    Ok((emails, grantable("team_role", &role)?))
}

async fn everybody(app: &App, team: &str) -> Result<Json<Vec<Teammate>>, ApiError> {
    let users = app.records.users(team).await?.into_iter();
    let invites = app.records.invites(team).await?.into_iter();
    let all = users.map(Teammate::from).chain(invites.map(Teammate::from));
    Ok(Json(all.collect()))
}
