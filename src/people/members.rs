//! Who the people of a team are to it: roles, who is out, and the operator's two exceptions
//! (another admin, another team).

use crate::access::Role;
use crate::app::App;
use crate::people::invitations::check_emails;
use crate::people::{PeopleError, invalid};
use crate::records::users::{Status, User};
use crate::records::{Records, RecordsError};

const ADMIN_STAYS: &str = "is the admin, whom only the operator changes";

/// Gives people of a team, invited ones too, another role; all or nobody. Their sessions end.
///
/// # Errors
/// [`PeopleError::Invalid`] names the address that is nobody of the team, or the admin's.
pub async fn set_role(
    app: &App,
    team: &str,
    emails: &[String],
    role: Role,
) -> Result<(), PeopleError> {
    check_emails(emails)?;
    let changed = app.records.set_roles(team, emails, role).await;
    app.forget_callers();
    changed.map_err(|error| match error {
        RecordsError::Missing(email) => invalid(
            "emails",
            format!("cannot all be changed: {email} is not in the team, or is its admin"),
        ),
        error => error.into(),
    })
}

/// A user of the team by id.
///
/// # Errors
/// [`PeopleError::Missing`] when the team has none.
pub async fn of_team(app: &App, team: &str, id: &str) -> Result<User, PeopleError> {
    let user = app.records.user(id).await?;
    user.filter(|user| user.team == team && user.status != Status::Removed)
        .ok_or(PeopleError::Missing("user"))
}

/// Disables, enables or removes somebody of the team. Their sessions end.
///
/// # Errors
/// [`PeopleError::Missing`] when the team has no such user, [`PeopleError::Invalid`] when it
/// is the admin.
pub async fn set_status(
    app: &App,
    team: &str,
    id: &str,
    status: Status,
) -> Result<User, PeopleError> {
    let user = of_team(app, team, id).await?;
    let changed = app.records.set_status(&user.id, status).await?;
    app.forget_callers();
    if changed {
        Ok(User { status, ..user })
    } else {
        Err(invalid("user", ADMIN_STAYS))
    }
}

/// The operator makes an active user of the team its admin; the former becomes a manager.
///
/// # Errors
/// [`PeopleError::Invalid`] when there is no such active user in it.
pub async fn transfer_admin(records: &Records, team: &str, email: &str) -> Result<(), PeopleError> {
    let nobody = || invalid("email", format!("{email} is no active user of team {team}"));
    let user = records.user_by_email(email).await?;
    let user = user.filter(|user| user.team == team).ok_or_else(nobody)?;
    match records.transfer_admin(team, &user.id).await {
        Err(RecordsError::Missing(_)) => Err(nobody()),
        done => Ok(done?),
    }
}

/// The operator moves a user into another team. Returns the one they were in.
///
/// # Errors
/// [`PeopleError::Invalid`] when there is no such user or team, or it is an admin.
pub async fn move_user(records: &Records, email: &str, team: &str) -> Result<String, PeopleError> {
    let user = by_email(records, email).await?;
    if records.team(team).await?.is_none() {
        return Err(invalid("team", format!("{team} does not exist")));
    }
    if records.move_user(&user, team).await? {
        Ok(user.team)
    } else {
        let reason = "is an admin, without whom the team would have none: transfer that first";
        Err(invalid("email", reason))
    }
}

/// The operator disables or enables a user of whatever team. Returns which.
///
/// # Errors
/// [`PeopleError::Invalid`] when there is no such user, or it is an admin.
pub async fn set_status_of(
    records: &Records,
    email: &str,
    status: Status,
) -> Result<String, PeopleError> {
    let user = by_email(records, email).await?;
    if records.set_status(&user.id, status).await? {
        Ok(user.team)
    } else {
        let reason = "is an admin or was removed; an admin's role can be transferred first";
        Err(invalid("email", reason))
    }
}

async fn by_email(records: &Records, email: &str) -> Result<User, PeopleError> {
    let user = records.user_by_email(email).await?;
    user.ok_or_else(|| invalid("email", format!("{email} is no user")))
}
