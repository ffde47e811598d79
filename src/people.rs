//! The rules about people: who joins a team and how, who they are to it, how they come in.
//! Whether a caller may ask for it is decided before, by `access`; what the tables hold to by
//! themselves (one team per address, one admin per team) is not repeated here.

pub mod invitations;
pub mod members;
pub mod sign_in;

use crate::callback::email::is_address;
use crate::records::RecordsError;

/// Longest name of a person or company, bytes.
pub const NAME_BYTES_MAX: usize = 100;

/// Why something about people was not done.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// What was sent is not legal: the text says what would be.
    #[error("{field} {reason}")]
    Invalid {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The team has no such thing.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// Wrong address or password, or a user who may not come in: nobody learns which.
    #[error("wrong e-mail address or password")]
    WrongPassword,
    /// Too many wrong tries: later.
    #[error("too many tries; wait a while")]
    TooManyTries,
    /// The records do not answer.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for PeopleError {
    fn from(error: RecordsError) -> Self {
        Self::Records(error)
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> PeopleError {
    PeopleError::Invalid {
        field,
        reason: reason.into(),
    }
}

fn check_email(field: &'static str, email: &str) -> Result<(), PeopleError> {
    if is_address(email) {
        return Ok(());
    }
    let shown: String = email.chars().take(NAME_BYTES_MAX).collect();
    Err(invalid(
        field,
        format!("{shown:?} is not an e-mail address"),
    ))
}

/// A text that people see, such as a name.
fn check_name(field: &'static str, name: &str) -> Result<(), PeopleError> {
    if (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.chars().any(char::is_control)
        && !name.trim().is_empty()
    {
        return Ok(());
    }
    let reason = format!("must be 1 to {NAME_BYTES_MAX} bytes without control characters");
    Err(invalid(field, reason))
}
