//! How somebody joins a team: an invitation by mail, accepted once. Makes no user in any
//! other way.

use crate::access::Role;
use crate::app::App;
use crate::callback::TimestampMs;
use crate::config::Account;
use crate::mail::letters;
use crate::passwords;
use crate::people::{PeopleError, check_email, check_name, invalid};
use crate::records::invites::{Invite, NewInvite};
use crate::records::mails::Mail;
use crate::records::users::{Profile, Status, User, email_key};
use crate::records::{Records, RecordsError};
use crate::vault::new_key;
use std::collections::HashSet;

/// Tokens of links start with this.
const TOKEN_PREFIX: &str = "rb_invite_";
/// Addresses in one call.
pub const EMAILS_MAX: usize = 100;
/// Most users and invitations of a team: its lists are shown whole.
const PEOPLE_MAX: usize = 1000;
const HOUR_MS: u64 = 3_600_000;

/// A team that was just made.
#[derive(Clone)]
pub struct NewTeam {
    /// Its id.
    pub id: String,
    /// What its first admin accepts; also sent by mail.
    pub link: String,
}

/// What somebody fills in to join.
#[derive(Clone)]
pub struct Acceptance {
    /// What the link held.
    pub token: String,
    /// Who they are.
    pub profile: Profile,
    /// The password they chose.
    pub password: String,
}

/// Roles that may be given; an admin is made by the operator alone.
///
/// # Errors
/// [`PeopleError::Invalid`] names them.
pub fn grantable(field: &'static str, role: &str) -> Result<Role, PeopleError> {
    match Role::parse(role) {
        Some(Role::Admin) => Err(invalid(
            field,
            "must not be admin: a team has one, whom only the operator changes",
        )),
        Some(role) => Ok(role),
        None => Err(invalid(field, "must be labeler, member or manager")),
    }
}

/// Invites people into a team; all or nobody. Each gets a letter.
///
/// # Errors
/// [`PeopleError::Invalid`] names the address that cannot be invited.
pub async fn invite(
    app: &App,
    team: &str,
    emails: &[String],
    role: Role,
) -> Result<Vec<Invite>, PeopleError> {
    check_emails(emails)?;
    let people = app.records.users(team).await?.len() + app.records.invites(team).await?.len();
    if people + emails.len() > PEOPLE_MAX {
        let reason =
            format!("are too many: a team has at most {PEOPLE_MAX} people and invitations");
        return Err(invalid("emails", reason));
    }
    let found = app.records.team(team).await?;
    let found = found.ok_or(PeopleError::Missing("team"))?;
    let now = app.clock.now();
    let account = &app.config.account;
    let new: Vec<_> = emails
        .iter()
        .map(|email| invitation(account, (team, &found.name), (email, role), now))
        .collect();
    app.records.add_invites(&new).await.map_err(|error| match error {
        RecordsError::Exists(what) => invalid(
            "emails",
            format!("cannot all be invited: there is {what} already; remove it first, or leave it out"),
        ),
        error => error.into(),
    })?;
    app.mail_written.notify_one();
    Ok(new.into_iter().map(|new| new.invite).collect())
}

/// One or more addresses, each legal and named once.
pub(super) fn check_emails(emails: &[String]) -> Result<(), PeopleError> {
    if !(1..=EMAILS_MAX).contains(&emails.len()) {
        let reason = format!("must be 1 to {EMAILS_MAX} addresses");
        return Err(invalid("emails", reason));
    }
    let mut seen = HashSet::new();
    for email in emails {
        check_email("emails", email)?;
        if !seen.insert(email_key(email)) {
            return Err(invalid("emails", format!("names {email} twice")));
        }
    }
    Ok(())
}

fn invitation(
    account: &Account,
    (team, team_name): (&str, &str),
    (email, role): (&str, Role),
    now: TimestampMs,
) -> NewInvite {
    let token = new_key(TOKEN_PREFIX);
    let valid_ms = account.invite_valid_ms();
    let link = account.link("invite", &token);
    NewInvite {
        invite: Invite {
            id: uuid::Uuid::now_v7().to_string(),
            team: team.to_owned(),
            email: email.to_owned(),
            role,
            created_ms: now,
            expires_ms: now + valid_ms,
        },
        mail: Some(Mail {
            recipient: email.to_owned(),
            letter: letters::invitation(team_name, role, &link, valid_ms / HOUR_MS),
        }),
        token,
    }
}

/// Makes a team and invites its first admin; the operator alone asks for it.
///
/// # Errors
/// [`PeopleError::Invalid`] when name or address are not legal, or the address is a user's.
pub async fn create_team(
    records: &Records,
    account: &Account,
    (name, admin): (&str, &str),
    now: TimestampMs,
) -> Result<NewTeam, PeopleError> {
    check_name("name", name)?;
    check_email("admin", admin)?;
    if records.user_by_email(admin).await?.is_some() {
        let reason =
            "is a user already; users stay in their team for ever: use an address with a +suffix";
        return Err(invalid("admin", reason));
    }
    let id = uuid::Uuid::now_v7().to_string();
    records.add_team(&id, name, now).await?;
    let token = invite_admin(records, account, (&id, name, admin), now).await?;
    let link = account.link("invite", &token);
    Ok(NewTeam { id, link })
}

/// Invites the first admin of a team that has none, given its id and name; returns what the
/// link holds.
///
/// # Errors
/// [`PeopleError::Records`] when the address is taken or the records do not answer.
pub async fn invite_admin(
    records: &Records,
    account: &Account,
    (team, name, admin): (&str, &str, &str),
    now: TimestampMs,
) -> Result<String, PeopleError> {
    let new = invitation(account, (team, name), (admin, Role::Admin), now);
    let token = new.token.clone();
    records.add_invites(&[new]).await?;
    Ok(token)
}

/// Joins the team that the link invites to. The invitation is spent.
///
/// # Errors
/// [`PeopleError::Invalid`] when the link is not good (any more), a name or the password is
/// not legal, or the address is a user's by now.
pub async fn accept(app: &App, acceptance: Acceptance) -> Result<User, PeopleError> {
    let Acceptance {
        token,
        profile,
        password,
    } = acceptance;
    let now = app.clock.now();
    let spent = || invalid("token", "is not good any more: ask for a new invitation");
    let invite = app.records.invite_of(&token, now).await?;
    let invite = invite.ok_or_else(spent)?;
    check_name("first_name", &profile.first_name)?;
    check_name("last_name", &profile.last_name)?;
    check_name("company", &profile.company)?;
    if let Some(fault) = passwords::fault(&password, &invite.email) {
        return Err(invalid("password", fault));
    }
    let hash = app.passwords.hash(password).await;
    let user = User {
        id: uuid::Uuid::now_v7().to_string(),
        team: invite.team,
        email: invite.email,
        role: invite.role,
        status: Status::Active,
        profile,
        created_ms: now,
    };
    match app.records.accept_invite(&user, &hash).await {
        Ok(_) => {}
        Err(RecordsError::Missing(_)) => return Err(spent()),
        Err(RecordsError::Exists(what)) => {
            return Err(invalid(
                "token",
                format!("cannot be used: there is {what} already"),
            ));
        }
        Err(error) => return Err(error.into()),
    }
    // One who comes back has the id they had.
    let joined = app.records.user_by_email(&user.email).await?;
    joined.ok_or(PeopleError::Missing("user"))
}
