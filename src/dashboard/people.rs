//! What managers do with people: invite, take back, change roles, disable, remove.

use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::Visitor;
use crate::dashboard::team::{Typed, again, done};
use crate::people::invitations::{self, grantable};
use crate::people::{PeopleError, members};
use crate::records::users::Status;
use axum::extract::{Path, State};
use axum::response::Response;

/// One address a line, or separated by commas or blanks.
pub(super) async fn invite(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let typed = Typed {
        emails: form.text("emails").to_owned(),
        role: form.text("role").to_owned(),
    };
    let emails: Vec<String> = typed
        .emails
        .split(|character: char| character == ',' || character.is_whitespace())
        .filter(|email| !email.is_empty())
        .map(str::to_owned)
        .collect();
    let invited = match grantable("role", &typed.role) {
        Ok(role) => invitations::invite(&app, &visitor.team, &emails, role).await,
        Err(error) => Err(error),
    };
    match invited {
        Ok(_) => Ok(done("invited")),
        Err(PeopleError::Invalid { field, reason }) => {
            again(&app, &visitor, Wrong::at(field, &reason), typed).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove_invite(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    let removed = app.records.remove_invite(&visitor.team, &id).await?;
    removed.ok_or(ApiError::NotFound("invitation"))?;
    Ok(done("removed"))
}

/// The first link is of no more use.
pub(super) async fn invite_again(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    let removed = app.records.remove_invite(&visitor.team, &id).await?;
    let invite = removed.ok_or(ApiError::NotFound("invitation"))?;
    invitations::invite(&app, &visitor.team, &[invite.email], invite.role).await?;
    Ok(done("invited"))
}

pub(super) async fn set_role(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, ApiError> {
    let user = members::of_team(&app, &visitor.team, &id).await?;
    let role = grantable("role", form.text("role"))?;
    members::set_role(&app, &visitor.team, &[user.email], role).await?;
    Ok(done("role"))
}

pub(super) async fn disable(
    visitor: Visitor,
    app: State<App>,
    id: Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    set_status(&visitor, app, id, (Status::Disabled, "disabled")).await
}

pub(super) async fn enable(
    visitor: Visitor,
    app: State<App>,
    id: Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    set_status(&visitor, app, id, (Status::Active, "enabled")).await
}

pub(super) async fn remove(
    visitor: Visitor,
    app: State<App>,
    id: Path<String>,
    _: Form,
) -> Result<Response, ApiError> {
    set_status(&visitor, app, id, (Status::Removed, "removed")).await
}

async fn set_status(
    visitor: &Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
    (status, word): (Status, &str),
) -> Result<Response, ApiError> {
    members::set_status(&app, &visitor.team, &id, status).await?;
    Ok(done(word))
}
