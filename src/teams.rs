//! What a team decides about its deliveries: the rules every way of changing it keeps, and
//! what follows from a change. Who may ask is decided before, by `access`.

pub mod lanes;
pub mod sample;

use crate::app::App;
use crate::callback::Mode;
use crate::callback::retry::Policy;
use crate::callback::target::origin_of;
use crate::journal::JournalError;
use crate::queue::{QueueError, Steer};
use crate::records::RecordsError;
use crate::records::secrets::SecretKind;
use crate::records::teams::TeamUpdate;
use crate::work::fields;
use crate::work::rules::Refused;

/// Shortest budget of an attempt, milliseconds: less would fail good endpoints.
const ATTEMPT_TIMEOUT_MS_MIN: u64 = 1000;
/// How long a replaced secret is good unless told otherwise, hours.
pub const GRACE_HOURS_DEFAULT: u64 = 24;
/// Longest time of grace, hours: 30 days.
pub const GRACE_HOURS_MAX: u64 = 720;
/// Most API keys of a team, both modes together: its list is shown whole.
const API_KEYS_MAX: usize = 100;
const HOUR_MS: u64 = 3_600_000;

/// Why a team was not changed.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// A setting is not legal: the text says what would be.
    #[error("{field} {reason}")]
    Invalid {
        /// Which setting.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such team, or it lacks what was asked for.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The journal does not answer: what was held is released later.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The queue does not answer.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<Refused> for TeamError {
    fn from(Refused { field, reason }: Refused) -> Self {
        Self::Invalid { field, reason }
    }
}

/// Makes an API key; the whole of it.
///
/// # Errors
/// [`TeamError::Invalid`] when the team has as many as it may.
pub async fn add_api_key(app: &App, team: &str, mode: Mode) -> Result<String, TeamError> {
    if app.records.listed_api_keys(team).await?.len() >= API_KEYS_MAX {
        let reason =
            format!("cannot have another key: a team has at most {API_KEYS_MAX}; delete one first");
        return Err(invalid("mode", reason));
    }
    Ok(app.records.add_api_key(team, mode, app.clock.now()).await?)
}

/// Checks what is to be changed.
///
/// # Errors
/// [`TeamError::Invalid`] names the setting.
pub fn check(app: &App, update: &TeamUpdate) -> Result<(), TeamError> {
    if let Some(name) = &update.name {
        check_name(name)?;
    }
    if let Some(Some(url)) = &update.default_callback_url {
        check_target(app, "default_callback_url", url)?;
    }
    if let Some(Some(policy)) = &update.retry {
        check_policy(policy)?;
    }
    let timeout_max = app.config.delivery.attempt_timeout_ms;
    let timeouts = ATTEMPT_TIMEOUT_MS_MIN..=timeout_max;
    if let Some(Some(timeout)) = update.attempt_timeout_ms
        && !timeouts.contains(&timeout)
    {
        let reason = format!("must be from {ATTEMPT_TIMEOUT_MS_MIN} to {timeout_max}");
        return Err(invalid("attempt_timeout_ms", reason));
    }
    if let Some(Some(status)) = update.grace_status
        && !(400..=599).contains(&status)
    {
        return Err(invalid("grace_status", "must be from 400 to 599"));
    }
    Ok(())
}

/// Changes a team. A new default URL or the end of a pause releases what was held; answers
/// how many that were.
///
/// # Errors
/// [`TeamError`]; after [`TeamError::Journal`] the change stands.
pub async fn update(app: &App, id: &str, update: &TeamUpdate) -> Result<Option<u64>, TeamError> {
    check(app, update)?;
    if !app.records.update_team(id, update).await? {
        return Err(TeamError::Missing("team"));
    }
    app.forget_team(id);
    if let Some(Some(url)) = &update.default_callback_url {
        return Ok(Some(resume(app, id, url).await?.1));
    }
    if update.paused == Some(false) {
        return Ok(Some(app.release(id).await?));
    }
    Ok(None)
}

/// Sends to the URL again: no pause, no park, and what was held goes now. Answers whether it
/// was paused and how many were released.
///
/// # Errors
/// [`TeamError`] when a store does not answer.
pub async fn resume(app: &App, team: &str, url: &str) -> Result<(bool, u64), TeamError> {
    let was_paused = app.records.resume_endpoint(team, url).await?;
    app.forget_team(team);
    let (lane_team, origin) = (team.into(), origin_of(url));
    let steered = app.queue.steer(&lane_team, &origin, Steer::Resume);
    if let Err(error) = steered.await {
        tracing::warn!(error = %error, "the lane stays parked until its next probe");
    }
    Ok((was_paused, app.release(team).await?))
}

/// Replaces a secret of the team; the previous one is good for some more hours. Returns the
/// new one.
///
/// # Errors
/// [`TeamError::Invalid`] when the hours are too many.
pub async fn rotate(
    app: &App,
    team: &str,
    kind: SecretKind,
    grace_hours: Option<u64>,
) -> Result<String, TeamError> {
    let hours = grace_hours.unwrap_or(GRACE_HOURS_DEFAULT);
    if hours > GRACE_HOURS_MAX {
        let reason = format!("must be from 0 to {GRACE_HOURS_MAX}");
        return Err(invalid("grace_hours", reason));
    }
    let until = app.clock.now() + hours * HOUR_MS;
    let fresh = app.records.rotate_secret(team, kind, until).await?;
    app.forget_team(team);
    fresh.ok_or(TeamError::Missing("team"))
}

/// A name for people.
///
/// # Errors
/// [`TeamError::Invalid`] says what would be legal.
pub fn check_name(name: &str) -> Result<(), TeamError> {
    Ok(fields::check_name("name", name)?)
}

/// A callback target, by the guard that delivery asks, too.
///
/// # Errors
/// [`TeamError::Invalid`] with the reason.
pub fn check_target(app: &App, field: &'static str, text: &str) -> Result<(), TeamError> {
    Ok(fields::check_target(field, text, &app.guard)?)
}

/// A team may be gentler or quicker, never absurd.
fn check_policy(policy: &Policy) -> Result<(), TeamError> {
    let rules = [
        (policy.retries_max <= 100, "retries_max must be at most 100"),
        (
            (1000..=86_400_000).contains(&policy.first_delay_ms),
            "first_delay_ms must be from 1000 to 86400000",
        ),
        (
            (1.0..=10.0).contains(&policy.factor),
            "factor must be from 1.0 to 10.0",
        ),
        (
            (0.0..=1.0).contains(&policy.jitter),
            "jitter must be from 0.0 to 1.0",
        ),
    ];
    match rules.iter().find(|(legal, _)| !legal) {
        Some((_, reason)) => Err(invalid("retry", *reason)),
        None => Ok(()),
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> TeamError {
    TeamError::Invalid {
        field,
        reason: reason.into(),
    }
}
