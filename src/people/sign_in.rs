//! How people come in: passwords, sessions, and links for those who forgot. Answers take as
//! long and say as little for an address that is nobody's as for a wrong password.

use crate::app::App;
use crate::callback::TimestampMs;
use crate::mail::letters;
use crate::passwords;
use crate::people::{PeopleError, invalid};
use crate::records::RecordsError;
use crate::records::mails::Mail;
use crate::records::sessions::{Origin, Person, TryLimit, account_tries};
use crate::records::users::{Status, User, email_key};
use crate::vault::new_key;

/// A link for a new password is good for this long, milliseconds.
const RESET_VALID_MS: u64 = 1_800_000;
const RESET_PREFIX: &str = "rb_reset_";
/// Letters about a new password to one account.
const RESETS: TryLimit = TryLimit {
    tries_max: 3,
    window_ms: 3_600_000,
};
/// What a program calls itself is kept up to this, characters.
const AGENT_CHARACTERS_MAX: usize = 200;

/// A session that begins. Its token opens it: no `Debug`.
#[derive(Clone)]
pub struct SignedIn {
    /// Send it with every call.
    pub token: String,
    /// Who it is.
    pub user: User,
    /// When the session ends by itself.
    pub expires_ms: TimestampMs,
}

/// Begins a session for whoever knows the password.
///
/// # Errors
/// [`PeopleError::WrongPassword`], [`PeopleError::TooManyTries`].
pub async fn sign_in(
    app: &App,
    email: &str,
    password: String,
    origin: Origin,
) -> Result<SignedIn, PeopleError> {
    if email.contains('\0') || password.len() > passwords::BYTES_MAX {
        return Err(PeopleError::WrongPassword);
    }
    let tries = Tries::count(app, email, Some(&origin.address)).await?;
    let known = app.records.credentials(email).await?;
    let (user, stored) = known.unzip();
    let fits = app.passwords.verify(password, stored).await;
    let user = user.filter(|user| fits && user.status == Status::Active);
    let user = user.ok_or(PeopleError::WrongPassword)?;
    tries.forgive(app).await?;
    begin(app, user, origin).await
}

/// Begins a session for somebody who proved themselves otherwise: by accepting an invitation.
///
/// # Errors
/// [`PeopleError::Records`] when the records do not answer.
pub async fn begin(app: &App, user: User, origin: Origin) -> Result<SignedIn, PeopleError> {
    let now = app.clock.now();
    let expires = now + app.config.account.session_valid_ms();
    let origin = Origin {
        agent: origin.agent.chars().take(AGENT_CHARACTERS_MAX).collect(),
        ..origin
    };
    let token = app
        .records
        .add_session(&user.id, &origin, now, expires)
        .await?;
    Ok(SignedIn {
        token,
        user,
        expires_ms: expires,
    })
}

/// Tries under the account's and the address's name, counted before the password is looked
/// at, so that many at once gain nothing.
struct Tries(Vec<String>);

impl Tries {
    async fn count(app: &App, email: &str, address: Option<&str>) -> Result<Self, PeopleError> {
        let account = &app.config.account;
        let mut counted = vec![(account_tries(email), account.sign_in_account_tries_max)];
        let from = address.map(|address| format!("address {address}"));
        counted.extend(from.map(|name| (name, account.sign_in_address_tries_max)));
        for (name, tries_max) in &counted {
            let limit = TryLimit {
                tries_max: *tries_max,
                window_ms: account.sign_in_window_ms,
            };
            if !app.records.count_try(name, limit, app.clock.now()).await? {
                return Err(PeopleError::TooManyTries);
            }
        }
        Ok(Self(counted.into_iter().map(|(name, _)| name).collect()))
    }

    async fn forgive(self, app: &App) -> Result<(), PeopleError> {
        for name in &self.0 {
            app.records.forgive_try(name).await?;
        }
        Ok(())
    }
}

/// Ends one of the person's own sessions.
///
/// # Errors
/// [`PeopleError::Missing`] when it is none of theirs.
pub async fn end_session(app: &App, person: &Person, id: &str) -> Result<(), PeopleError> {
    let ended = app.records.end_session(&person.user, id).await?;
    app.forget_callers();
    if ended {
        Ok(())
    } else {
        Err(PeopleError::Missing("session"))
    }
}

/// A new password for whoever knows the old one. Every session ends, this one too.
///
/// # Errors
/// [`PeopleError::Invalid`] when the old one is wrong or the new one not legal.
pub async fn change_password(
    app: &App,
    person: &Person,
    current: String,
    new: String,
) -> Result<(), PeopleError> {
    if let Some(fault) = passwords::fault(&new, &person.email) {
        return Err(invalid("new_password", fault));
    }
    if current.len() > passwords::BYTES_MAX {
        return Err(invalid("current_password", "is wrong"));
    }
    let tries = Tries::count(app, &person.email, None).await?;
    let known = app.records.credentials(&person.email).await?;
    let stored = known.map(|(_, stored)| stored);
    if !app.passwords.verify(current, stored).await {
        return Err(invalid("current_password", "is wrong"));
    }
    tries.forgive(app).await?;
    let hash = app.passwords.hash(new).await;
    app.records.set_password(&person.user, &hash).await?;
    app.forget_callers();
    Ok(())
}

/// Sends a link for a new password, if the address is a user's. The answer is the same and
/// comes as soon if it is not: who has an account is looked up after it.
///
/// # Errors
/// [`PeopleError::TooManyTries`].
pub async fn request_reset(app: &App, email: String, origin: Origin) -> Result<(), PeopleError> {
    if email.contains('\0') {
        return Ok(());
    }
    let account = &app.config.account;
    let from_address = TryLimit {
        tries_max: account.sign_in_address_tries_max,
        window_ms: account.sign_in_window_ms,
    };
    let counted = [
        (format!("resets from {}", origin.address), from_address),
        (format!("resets of {}", email_key(&email)), RESETS),
    ];
    for (name, limit) in counted {
        if !app.records.count_try(&name, limit, app.clock.now()).await? {
            return Err(PeopleError::TooManyTries);
        }
    }
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = send_reset(&app, &email).await {
            tracing::error!(error = %error, "a link for a new password was not made");
        }
    });
    Ok(())
}

async fn send_reset(app: &App, email: &str) -> Result<(), RecordsError> {
    let user = app.records.user_by_email(email).await?;
    let Some(user) = user.filter(|user| user.status == Status::Active) else {
        return Ok(());
    };
    let token = new_key(RESET_PREFIX);
    let link = app.config.account.link("reset-password", &token);
    let mail = Mail {
        recipient: user.email,
        letter: letters::password_reset(&link, RESET_VALID_MS / 60_000),
    };
    let now = app.clock.now();
    let times = [now, now + RESET_VALID_MS];
    app.records
        .add_password_reset(&user.id, &token, &mail, times)
        .await?;
    app.mail_written.notify_one();
    Ok(())
}

/// A new password for whoever has the link. Every session ends.
///
/// # Errors
/// [`PeopleError::Invalid`] when the link is not good or the password not legal.
pub async fn reset_password(app: &App, token: &str, password: String) -> Result<User, PeopleError> {
    let spent = || invalid("token", "is not good any more: ask for a new link");
    let id = app
        .records
        .password_reset_of(token, app.clock.now())
        .await?;
    let user = app.records.user(&id.ok_or_else(spent)?).await?;
    let user = user.ok_or_else(spent)?;
    if let Some(fault) = passwords::fault(&password, &user.email) {
        return Err(invalid("password", fault));
    }
    let hash = app.passwords.hash(password).await;
    let reset = app.records.reset_password(token, &hash).await;
    app.forget_callers();
    match reset {
        Ok(()) => Ok(user),
        Err(RecordsError::Missing(_)) => Err(spent()),
        Err(error) => Err(error.into()),
    }
}
