//! PURE: the words of a callback's life. Nothing here awaits, reads a clock
//! or makes a random number; time and chance are arguments.

pub mod diagnosis;
pub mod retry;
pub mod signature;
pub mod target;

use std::sync::Arc;
use uuid::Uuid;

/// Milliseconds since the Unix epoch.
pub type TimestampMs = u64;

/// A team's id: up to 64 of `a-z A-Z 0-9 _ -`. Cheap to clone.
pub type TeamId = Arc<str>;

/// A callback's id (UUIDv7): made in order of acceptance, so ids sort as callbacks came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId(pub Uuid);

impl std::fmt::Display for CallbackId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

/// Team and task as one key, 128 bits of SHA-256: callbacks with one key keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey(pub u128);

impl TaskKey {
    /// The key of a team's task.
    #[must_use]
    pub fn of(team: &str, task: &str) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::new()
            .chain_update(team)
            .chain_update([0])
            .chain_update(task)
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(half))
    }
}

/// Whether the result is real. Decides which callback auth key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Labelled by people.
    Live,
    /// A placeholder answer for a test key.
    Test,
}

/// Where a callback is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Due or scheduled.
    Pending,
    /// Nowhere to go, or its endpoint is paused.
    Held,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up; replayable.
    Dead,
    /// Dropped, or superseded by a newer one.
    Cancelled,
}

impl State {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What one attempt to deliver came to. A receiver's failure is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with a complete response head.
    Answered {
        /// The HTTP status, 100 to 599.
        status: u16,
        /// The raw `Retry-After` header, untrusted.
        retry_after: Option<String>,
        /// The raw `Location` header of a 3xx, untrusted; never followed.
        location: Option<String>,
    },
    /// No answer arrived.
    Failed(Fault),
}

/// Why no answer arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The URL cannot be dialled at all (its form is illegal).
    Url,
    /// The name does not resolve.
    Dns,
    /// The outbound guard refused the address; nothing was dialled.
    AddressRefused,
    /// The port answered with a reset: nobody listens.
    ConnectRefused,
    /// No route, network unreachable and the like.
    ConnectFailed,
    /// The certificate has expired or is not valid yet.
    TlsExpired,
    /// The certificate is for another name.
    TlsName,
    /// The chain does not end at a known authority.
    TlsChain,
    /// Any other TLS failure.
    Tls,
    /// The budget ran out in this phase.
    Timeout(Phase),
    /// The connection was cut before the answer was complete.
    Cut,
    /// What came back was not HTTP/1.1, or its head exceeded the limit.
    Protocol,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the name.
    Dns,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From sending the request to the end of the response head.
    Answer,
}

/// What becomes of the callback after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// Try again no earlier than this time.
    Retry {
        /// When the next attempt is due.
        due: TimestampMs,
        /// Until when the whole lane should rest, when the receiver asked for it.
        lane_rests_until: Option<TimestampMs>,
    },
    /// The receiver said it is gone (410): hold the callback and pause its endpoint.
    PauseEndpoint,
    /// All tries are used up: a dead letter, replayable.
    Dead,
}
