//! PURE: the words of a callback's life. Nothing here awaits, reads a clock
//! or makes a random number; time and chance are arguments.

pub mod address;
pub mod bucket;
pub mod diagnosis;
pub mod email;
pub mod latency;
pub mod oversize;
pub mod retry;
pub mod signature;
pub mod target;
pub mod trace;

use crate::callback::bucket::Trouble;
use crate::callback::trace::TraceParent;
use bytes::Bytes;
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

impl CallbackId {
    /// The first 60 of its bits, which order it: 48 of milliseconds, 12 of counter. Unique
    /// among the ids of one [`IdSequence`] only: several processes make equal ones.
    #[must_use]
    pub fn sequence(self) -> i64 {
        let bits = self.0.as_u128();
        let (ms, counter) = (bits >> 80, (bits >> 64) & 0xfff);
        i64::try_from((ms << 12) | counter).expect("60 bits fit into 63")
    }

    /// Below every id of a callback accepted at this time, above every earlier one.
    #[must_use]
    pub fn first_at(ms: TimestampMs) -> Self {
        let ms = ms.min((1 << 48) - 1);
        Self(Uuid::from_u128(u128::from(ms) << 80))
    }

    /// Not greater than any id made at this time or later.
    #[must_use]
    pub fn before(ms: TimestampMs) -> Self {
        Self(Uuid::from_u128(u128::from(ms.min((1 << 48) - 1)) << 80))
    }

    /// When it was accepted.
    #[must_use]
    pub fn accepted_ms(self) -> TimestampMs {
        u64::try_from(self.0.as_u128() >> 80).expect("48 bits fit into 64")
    }
}

/// Makes callback ids that only ever grow: a counter under the millisecond (RFC 9562,
/// 6.2, method 1), borrowing from the future when 4096 a millisecond are not enough
/// or the clock steps back.
#[derive(Debug)]
pub struct IdSequence {
    last: u64,
}

impl IdSequence {
    /// Continues after `last`, the greatest id in use.
    #[must_use]
    pub fn after(last: Option<CallbackId>) -> Self {
        let last = last.map_or(0, CallbackId::sequence);
        Self {
            last: last.unsigned_abs(),
        }
    }

    /// The next id. `random` fills the 62 bits that make it unguessable.
    pub fn next(&mut self, now: TimestampMs, random: u64) -> CallbackId {
        self.last = (now << 12).max(self.last + 1);
        let (ms, counter) = (u128::from(self.last >> 12), u128::from(self.last & 0xfff));
        let tail = u128::from(random >> 2) | 1 << 63; // variant 0b10
        CallbackId(Uuid::from_u128(ms << 80 | 7 << 76 | counter << 64 | tail))
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Labelled by people.
    Live,
    /// A placeholder answer for a test key.
    Test,
}

impl Mode {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Where a callback is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
    /// All of them, in the order of life.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Held,
        Self::Delivered,
        Self::Dead,
        Self::Cancelled,
    ];

    /// Reads what [`State::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

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

/// All that an attempt needs to know about a callback, besides its team's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Its id, also `webhook-id`.
    pub id: CallbackId,
    /// Whose it is.
    pub team: TeamId,
    /// The producer's name for this event; unique in the team.
    pub event_id: String,
    /// What it is about.
    pub task_id: String,
    /// The task's project, by name, if it has one.
    pub project: Option<String>,
    /// Decides the callback auth key.
    pub mode: Mode,
    /// The task's own URL, fixed when accepted.
    pub url: Option<String>,
    /// The producer's place in its own trace, if it told.
    pub trace: Option<TraceParent>,
    /// What is POSTed: the same bytes on every try.
    pub body: Bytes,
    /// Attempts made so far.
    pub attempts: u32,
    /// Of these, made before the last replay: they no longer count against the retries.
    pub forgiven: u32,
}

/// Why a callback is cancelled that a newer one of its task made superfluous.
pub const CANCELLED_SUPERSEDED: &str = "superseded";
/// Why an operator's cancelled callback is cancelled.
pub const CANCELLED_BY_OPERATOR: &str = "cancelled by the operator";
/// Why a callback is held that nobody gave a URL.
pub const HELD_NO_URL: &str = "no callback URL";
/// Why a callback is held after 410 Gone.
pub const HELD_GONE: &str = "endpoint paused after 410 Gone";

/// Why a callback is held whose team has paused its deliveries.
pub const HELD_PAUSED: &str = "deliveries paused by the team";

/// Why a callback is dead that was tried as often as its team wants.
pub const DEAD_USED_UP: &str = "all retries used up";
/// Why a callback is dead that another try by mail would not help.
pub const DEAD_REFUSED: &str = "the mail server refused it for good";

/// What one attempt to deliver came to. A receiver's failure is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with a complete response head.
    Answered {
        /// The HTTP status, 100 to 999 as the receiver sent it.
        status: u16,
        /// The raw `Retry-After` header, untrusted.
        retry_after: Option<String>,
        /// The raw `Location` header of a 3xx, untrusted; never followed.
        location: Option<String>,
    },
    /// No answer arrived.
    Failed(Fault),
    /// It went by mail, and this is what the mail server made of it.
    Mailed(MailReply),
    /// Its response was to go into the team's bucket first, and did not.
    Unstored(Trouble),
}

/// What the mail server made of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailReply {
    /// It took the letter and answers for the rest.
    Taken,
    /// It refused the letter for good, with this code (5xx).
    Refused(u16),
    /// It wants the letter later, with this code (4xx).
    PutOff(u16),
    /// It did not answer in time, or did not let this gateway in.
    Away,
}

/// What an outcome says about the receiver's health; steers its lane's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It took the callback: the window may grow.
    Well,
    /// It answers, but not with 2xx: sending less would not help.
    Refusing,
    /// It is slow, down or asks for less: the window must shrink.
    Overloaded,
}

impl Outcome {
    /// The HTTP status or the mail server's code, if somebody answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Mailed(MailReply::Taken) => Some(250),
            Self::Mailed(MailReply::Refused(code) | MailReply::PutOff(code)) => Some(*code),
            Self::Mailed(MailReply::Away) | Self::Failed(_) | Self::Unstored(_) => None,
        }
    }

    /// The raw `Location` header of a 3xx, untrusted.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        match self {
            Self::Answered { location, .. } => location.as_deref(),
            Self::Failed(_) | Self::Mailed(_) | Self::Unstored(_) => None,
        }
    }

    /// What this says about the receiver's health.
    #[must_use]
    pub fn health(&self) -> Health {
        match self {
            Self::Answered {
                status: 200..=299, ..
            }
            | Self::Mailed(MailReply::Taken) => Health::Well,
            Self::Answered {
                status: 429 | 502..=504,
                ..
            }
            | Self::Failed(Fault::Timeout(_) | Fault::ConnectRefused | Fault::ConnectFailed)
            | Self::Mailed(MailReply::PutOff(_) | MailReply::Away) => Health::Overloaded,
            Self::Answered { .. }
            | Self::Failed(_)
            | Self::Mailed(MailReply::Refused(_))
            | Self::Unstored(_) => Health::Refusing,
        }
    }
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
    /// Given up for this reason: a dead letter, replayable.
    Dead(&'static str),
}

#[cfg(test)]
mod tests;
