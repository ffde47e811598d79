//! PURE: the words of a callback's life. Nothing here awaits, reads a clock
//! or makes a random number; time and chance are arguments.

pub mod retry;
pub mod signature;
pub mod target;

/// Milliseconds since the Unix epoch.
pub type TimestampMs = u64;

/// What one attempt to deliver came to. A receiver's failure is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with a complete response head.
    Answered {
        /// The HTTP status, 100 to 599.
        status: u16,
        /// The raw `Retry-After` header, untrusted.
        retry_after: Option<String>,
    },
    /// No answer arrived: DNS, connect, TLS, a timeout or a cut connection.
    Unreachable,
    /// The outbound guard refused the address; nothing was dialled.
    Refused,
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
