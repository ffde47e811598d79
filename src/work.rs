//! Projects, tasks and batches: what the public API, the dashboard and the labelling side
//! may do with them. Rules are pure files; the others read, decide and write through
//! [`crate::records`]. Knows nothing of HTTP.
//!
//! - [`fields`] reads what a customer sends; [`required`] what each type of task needs.
//! - [`rules`]: which change of a task is legal. [`placeholder`]: answers of test mode.
//! - [`projects`], [`tasks`], [`batches`], [`quality`]: what customers do.
//! - [`studio`]: who labels what, and in which order.
//! - [`genai`]: what `/v2` does beside.
//! - [`labelling`]: what waits for the labelling side. [`results`]: what comes back.
//! - [`outbox`]: callbacks that changes have caused, on their way into the journal.

pub mod batches;
pub mod fields;
pub mod genai;
pub mod labelling;
pub mod outbox;
pub mod placeholder;
pub mod projects;
pub mod quality;
pub mod required;
pub mod results;
pub mod rules;
pub mod studio;
pub mod tasks;

use crate::records::RecordsError;
use crate::work::rules::Refused;

/// Why something was not done, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// What was sent, or the state of the thing, does not permit it.
    #[error("{} {}", .0.field, .0.reason)]
    Refused(Refused),
    /// A type of task that is known and not offered.
    #[error("{} {}", .0.field, .0.reason)]
    NotOffered(Refused),
    /// There is no such thing in this world.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// Something else has it already.
    #[error("{} {}", .0.field, .0.reason)]
    Taken(Refused),
    /// Try later.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<Refused> for WorkError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
