//! What went wrong at a cloud: whatever `object_store` wraps it in, the refusal inside decides.

use crate::callback::bucket::{Cloud, Step, Trouble, of_refusal};
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;

/// Why a bucket did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {said}", trouble.code())]
pub struct CloudError {
    /// What can be done about it.
    pub trouble: Trouble,
    /// The cloud's own code, or what the connection said; for logs and the curious.
    pub said: String,
    /// Where the bucket is, when it is elsewhere and the cloud said so.
    pub region: Option<String>,
}

impl CloudError {
    /// Without anybody having been asked.
    #[must_use]
    pub fn new(trouble: Trouble, said: impl Into<String>) -> Self {
        Self {
            trouble,
            said: said.into(),
            region: None,
        }
    }

    /// An answer that is not what the cloud's documentation says.
    pub(super) fn unreadable(error: impl Error) -> Self {
        Self::new(Trouble::Odd, error.to_string())
    }

    /// On its way through `object_store`.
    pub(super) fn into_store(self) -> object_store::Error {
        object_store::Error::Generic {
            store: "credentials",
            source: Box::new(self),
        }
    }
}

/// A refusal on its way through `object_store`, which wants an error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("refused with {status} {code}")]
pub(super) struct Refusal {
    pub(super) cloud: Cloud,
    pub(super) step: Step,
    pub(super) status: u16,
    /// The cloud's own; empty where it gave none.
    pub(super) code: String,
    pub(super) region: Option<String>,
    /// The cloud's clock and ours differ by more than any signature survives.
    pub(super) is_skewed: bool,
}

impl From<&Refusal> for CloudError {
    fn from(refusal: &Refusal) -> Self {
        let (cloud, step) = (refusal.cloud, refusal.step);
        let trouble = of_refusal(cloud, step, refusal.status, &refusal.code);
        Self {
            // An old signature is refused under many names.
            trouble: if refusal.is_skewed {
                Trouble::Clock
            } else {
                trouble
            },
            said: format!("{} {}", refusal.status, refusal.code)
                .trim_end()
                .to_owned(),
            region: refusal.region.clone(),
        }
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        // Not one of the kinds that object_store tries again.
        Self::new(HttpErrorKind::Unknown, refusal)
    }
}

impl From<HttpError> for CloudError {
    fn from(error: HttpError) -> Self {
        of(&error)
    }
}

impl From<object_store::Error> for CloudError {
    fn from(error: object_store::Error) -> Self {
        match &error {
            object_store::Error::NotFound { .. } => Self::new(Trouble::NoObject, "404"),
            _ => of(&error),
        }
    }
}

fn of(error: &(dyn Error + 'static)) -> CloudError {
    let mut next = Some(error);
    let mut said = String::new();
    let mut trouble = Trouble::Busy;
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return refusal.into();
        }
        if let Some(known) = error.downcast_ref::<CloudError>() {
            return known.clone();
        }
        if let Some(http) = error.downcast_ref::<HttpError>() {
            trouble = of_kind(http.kind());
        }
        said = error.to_string();
        next = error.source();
    }
    CloudError::new(trouble, said)
}

fn of_kind(kind: HttpErrorKind) -> Trouble {
    match kind {
        HttpErrorKind::Connect
        | HttpErrorKind::Request
        | HttpErrorKind::Timeout
        | HttpErrorKind::Interrupted => Trouble::Network,
        _ => Trouble::Odd,
    }
}
