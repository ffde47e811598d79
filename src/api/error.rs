//! Every error the API answers with, and the only place that knows their status codes.
//! Causes go to the log, never to the caller.

use crate::app::error::StoreError;
use crate::billing::BillingError;
use crate::dead_letters::ReplayError;
use crate::files::FilesError;
use crate::integrations::IntegrationsError;
use crate::integrations::responses::ResponseError;
use crate::journal::JournalError;
use crate::people::PeopleError;
use crate::records::RecordsError;
use crate::teams::TeamError;
use crate::teams::sample::SampleError;
use crate::work::WorkError;
use crate::work::rules::Refused;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Seconds a caller should wait when the gateway cannot serve at the moment.
const RETRY_AFTER_S: u64 = 5;
/// After too many wrong passwords.
const TRIES_WAIT_S: u64 = 60;

/// What went wrong, by what the caller can do.
#[derive(Debug, PartialEq, Eq)]
pub enum ApiError {
    /// No key, or a wrong one.
    Unauthorized,
    /// Wrong e-mail address or password.
    WrongPassword,
    /// The caller is known, and may not.
    Forbidden,
    /// A field is wrong.
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A type of task that is known and not offered.
    NotOffered {
        /// Which field names it.
        field: &'static str,
        /// What is not offered.
        reason: String,
    },
    /// There is no such thing.
    NotFound(&'static str),
    /// The same name with other content.
    Conflict {
        /// Which field.
        field: &'static str,
        /// What it conflicts with.
        reason: String,
    },
    /// The body is not of a kind that is read here.
    MediaType,
    /// The body exceeds this many bytes.
    TooLarge(usize),
    /// The client stopped sending its body.
    BodyTimeout,
    /// The team has too much undelivered work.
    QueueFull(String),
    /// The caller has made too many requests.
    TooManyRequests {
        /// Seconds until it may make another.
        wait_s: u64,
    },
    /// The gateway is stopping: another one, or later.
    ShuttingDown,
    /// The disk is full.
    Full,
    /// A store does not answer: later.
    Unavailable,
}

/// Status, code, field and message.
type Parts = (StatusCode, &'static str, Option<&'static str>, String);

impl ApiError {
    fn parts(self) -> Parts {
        use StatusCode as Is;
        match self {
            Self::Unauthorized => plain(
                Is::UNAUTHORIZED,
                "unauthorized",
                "send a valid key: `Authorization: Bearer <key>`, or HTTP Basic with the key as user name",
            ),
            Self::WrongPassword => plain(
                Is::UNAUTHORIZED,
                "wrong_password",
                "wrong e-mail address or password",
            ),
            Self::Forbidden => plain(
                Is::FORBIDDEN,
                "forbidden",
                "your role does not permit this; ask an admin of your team",
            ),
            Self::Invalid { field, reason } => (Is::BAD_REQUEST, "invalid", Some(field), reason),
            Self::NotOffered { field, reason } => {
                (Is::PAYMENT_REQUIRED, "not_offered", Some(field), reason)
            }
            Self::NotFound(what) => {
                let message = format!("there is no such {what}");
                (Is::NOT_FOUND, "not_found", None, message)
            }
            Self::Conflict { field, reason } => (Is::CONFLICT, "conflict", Some(field), reason),
            Self::MediaType => (
                Is::UNSUPPORTED_MEDIA_TYPE,
                "media_type",
                Some("content-type"),
                "send application/json (one result or an array) or application/x-ndjson (one result a line)"
                    .to_owned(),
            ),
            Self::TooLarge(max) => {
                let message = format!("the body exceeds {max} bytes; send less in one request");
                (Is::PAYLOAD_TOO_LARGE, "too_large", None, message)
            }
            Self::BodyTimeout => plain(
                Is::REQUEST_TIMEOUT,
                "body_timeout",
                "the body did not arrive in time; send it without pauses",
            ),
            Self::QueueFull(reason) => {
                (Is::TOO_MANY_REQUESTS, "queue_full", Some("team_id"), reason)
            }
            Self::TooManyRequests { wait_s } => {
                let message =
                    format!("you have made too many requests; make the next one in {wait_s} s");
                (Is::TOO_MANY_REQUESTS, "too_many_requests", None, message)
            }
            Self::ShuttingDown => {
                unavailable("shutting_down", "the gateway is stopping; try again later")
            }
            Self::Full => unavailable("storage_full", "the disk is full; try again later"),
            Self::Unavailable => {
                unavailable("unavailable", "a store does not answer; try again later")
            }
        }
    }
}

fn plain(status: StatusCode, code: &'static str, message: &str) -> Parts {
    (status, code, None, message.to_owned())
}

fn unavailable(code: &'static str, message: &str) -> Parts {
    plain(StatusCode::SERVICE_UNAVAILABLE, code, message)
}

/// What an answer says was wrong; carried beside its body, so that a family of routes can
/// say it in its own form.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The field at fault, if it is one.
    pub(crate) field: Option<&'static str>,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let wait_s = match self {
            Self::TooManyRequests { wait_s } => wait_s,
            _ => RETRY_AFTER_S,
        };
        let (status, code, field, message) = self.parts();
        let body = match field {
            Some(field) => json!({"error": {"code": code, "field": field, "message": message}}),
            None => json!({"error": {"code": code, "message": message}}),
        };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(Problem { field, message });
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            let wait = HeaderValue::from(wait_s);
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

impl From<BillingError> for ApiError {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::Invalid { field, reason } => Self::Invalid { field, reason },
            BillingError::Missing(what) => Self::NotFound(what),
            BillingError::Records(error) => error.into(),
        }
    }
}

impl From<FilesError> for ApiError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Invalid { field, reason } => Self::Invalid { field, reason },
            FilesError::Taken(reference) => Self::Conflict {
                field: "reference_id",
                reason: format!("{reference:?} is taken by another file"),
            },
            FilesError::TooLarge(max) => Self::TooLarge(usize::try_from(max).unwrap_or(usize::MAX)),
            FilesError::Records(error) => error.into(),
            FilesError::Client(error) => {
                tracing::error!(error = %error, "no client can be made");
                Self::Unavailable
            }
            FilesError::Blobs(error) => {
                tracing::error!(error = %error, "the files failed a request");
                Self::Unavailable
            }
        }
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        tracing::error!(error = %error, "the journal failed a request");
        match error {
            JournalError::Full => Self::Full,
            JournalError::Closed => Self::ShuttingDown,
            JournalError::Unavailable(_) | JournalError::Unfit(_) => Self::Unavailable,
        }
    }
}

impl From<IntegrationsError> for ApiError {
    fn from(error: IntegrationsError) -> Self {
        match error {
            IntegrationsError::Invalid { field, reason } => Self::Invalid { field, reason },
            IntegrationsError::Missing(what) => Self::NotFound(what),
            IntegrationsError::Records(error) => error.into(),
        }
    }
}

impl From<ResponseError> for ApiError {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Missing => Self::NotFound("response"),
            ResponseError::Cloud(error) => {
                tracing::warn!(error = %error, "a large response cannot be reached");
                Self::Unavailable
            }
            ResponseError::Records(error) => error.into(),
        }
    }
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        tracing::error!(error = %error, "the records failed a request");
        Self::Unavailable
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Invalid { field, reason } => Self::Invalid { field, reason },
            PeopleError::Missing(what) => Self::NotFound(what),
            PeopleError::WrongPassword => Self::WrongPassword,
            PeopleError::TooManyTries => Self::TooManyRequests {
                wait_s: TRIES_WAIT_S,
            },
            PeopleError::Records(error) => error.into(),
        }
    }
}

impl From<TeamError> for ApiError {
    fn from(error: TeamError) -> Self {
        match error {
            TeamError::Invalid { field, reason } => Self::Invalid { field, reason },
            TeamError::Missing(what) => Self::NotFound(what),
            TeamError::Records(error) => error.into(),
            TeamError::Journal(error) => error.into(),
            TeamError::Queue(error) => {
                tracing::error!(error = %error, "the queue failed a request");
                Self::Unavailable
            }
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Pace => Self::Invalid {
                field: "per_second",
                reason: error.to_string(),
            },
            ReplayError::Ended => Self::Conflict {
                field: "replay_id",
                reason: error.to_string(),
            },
            ReplayError::Journal(error) => error.into(),
        }
    }
}

impl From<SampleError> for ApiError {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Team(error) => error.into(),
            SampleError::Client(error) => {
                tracing::error!(error = %error, "no client can be made");
                Self::Unavailable
            }
            SampleError::Mail(error) => {
                tracing::error!(error = %error, "no mail can be sent");
                Self::Unavailable
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Journal(error) => error.into(),
            StoreError::Records(error) => error.into(),
        }
    }
}

impl From<WorkError> for ApiError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Refused(Refused { field, reason }) => Self::Invalid { field, reason },
            WorkError::NotOffered(Refused { field, reason }) => Self::NotOffered { field, reason },
            WorkError::Missing(what) => Self::NotFound(what),
            WorkError::Taken(Refused { field, reason }) => Self::Conflict { field, reason },
            WorkError::Records(error) => error.into(),
        }
    }
}
