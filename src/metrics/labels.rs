//! The lists that labels come from.

use super::family::Label;
use crate::callback::State;
use crate::callback::diagnosis::{self, Diagnosis};

/// Declares lists of values that are nothing else.
macro_rules! labels {
    ($($(#[doc = $doc:literal])+ $kind:ident: $name:literal { $($(#[doc = $what:literal])+ $value:ident = $text:literal,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $($(#[doc = $what])+ $value,)+
        }

        impl Label for $kind {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn text(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    )+};
}

labels! {
    /// What intake made of a result.
    ResultAnswer: "answer" {
        /// Taken.
        Accepted = "accepted",
        /// Taken before.
        Duplicate = "duplicate",
        /// Taken before with other content.
        Conflict = "conflict",
        /// Not a legal result.
        Rejected = "rejected",
        /// Its team has too many undelivered.
        QueueFull = "queue_full",
        /// A store did not take it.
        Failed = "failed",
    }

    /// What follows from an attempt.
    VerdictKind: "verdict" {
        /// It arrived.
        Delivered = "delivered",
        /// Again later.
        Retry = "retry",
        /// The endpoint is gone and paused.
        Paused = "paused",
        /// Given up.
        Dead = "dead",
    }

    /// Which attempt of a callback.
    Turn: "attempt" {
        /// The first.
        First = "first",
        /// A later one.
        Retry = "retry",
    }

    /// What became of a try to send a letter.
    MailOutcome: "outcome" {
        /// The server took it.
        Sent = "sent",
        /// Again later.
        Delayed = "delayed",
        /// Given up.
        Failed = "failed",
    }

    /// Where a callback is in the queue.
    Place: "place" {
        /// Due.
        Ready = "ready",
        /// Due later.
        Scheduled = "scheduled",
        /// Claimed by a worker.
        Leased = "leased",
        /// Behind an earlier one of its task.
        Waiting = "waiting",
        /// Nowhere to go, or paused.
        Held = "held",
    }

    /// How lanes are that are known to the queue. One that is parked with something due is
    /// throttled, too.
    LaneState: "state" {
        /// Something is due and may go.
        Open = "open",
        /// Something is due and may not go now: its window is full, or it rests.
        Throttled = "throttled",
        /// Its breaker is open.
        Parked = "parked",
    }

    /// How a rebuild of the queue went on.
    RebuildStep: "step" {
        /// This process began one.
        Begun = "begun",
        /// It came to its end.
        Finished = "finished",
    }

    /// What a dialled connection came to.
    Dialled: "outcome" {
        /// Open.
        Opened = "opened",
        /// Not open.
        Failed = "failed",
    }

    /// A part of opening a connection.
    DialStep: "step" {
        /// Looking the name up.
        Dns = "dns",
        /// Opening the connection.
        Connect = "connect",
        /// The TLS handshake.
        Tls = "tls",
    }

    /// Who calls a server of this gateway, by the first part of the path.
    Surface: "surface" {
        /// Customers' tools.
        V1 = "v1",
        /// Customers' tools, second half.
        V2 = "v2",
        /// Customers' account tools.
        Account = "account",
        /// Producers and operators.
        Internal = "internal",
        /// The labelling side, which waits for tasks.
        Feed = "feed",
        /// Pages.
        Dashboard = "dashboard",
        /// Everything else.
        Other = "other",
    }

    /// A script of the queue in Redis.
    RedisScript: "script" {
        /// New entries.
        Push = "push",
        /// Work for a worker.
        Claim = "claim",
        /// How endpoints behaved.
        Answered = "answered",
        /// Ends of claims.
        Settle = "settle",
        /// The sign of life of a process.
        Pulse = "pulse",
        /// All others.
        Other = "other",
    }
}

impl Surface {
    /// That of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        if path.starts_with("/internal/v1/tasks") {
            return Self::Feed;
        }
        match path.split('/').nth(1) {
            Some("v1") => Self::V1,
            Some("v2") => Self::V2,
            Some("account") => Self::Account,
            Some("internal") => Self::Internal,
            Some("dashboard") => Self::Dashboard,
            _ => Self::Other,
        }
    }
}

impl RedisScript {
    /// That of a script's name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Self::ALL.iter().find(|script| script.text() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

impl Label for Diagnosis {
    const NAME: &'static str = "diagnosis";
    const ALL: &'static [Self] = diagnosis::ALL;

    fn text(self) -> &'static str {
        self.code
    }

    // The usual one is the first.
    fn place(self) -> usize {
        let place = Self::ALL.iter().position(|known| known.code == self.code);
        place.expect("every diagnosis is in the list of all")
    }
}

impl Label for State {
    const NAME: &'static str = "state";
    const ALL: &'static [Self] = &Self::ALL;

    fn text(self) -> &'static str {
        self.as_str()
    }

    fn place(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_place<L: Label + PartialEq + std::fmt::Debug>() {
        for (place, label) in L::ALL.iter().enumerate() {
            assert_eq!(label.place(), place, "{label:?}");
        }
    }

    #[test]
    fn every_label_is_where_it_says() {
        in_place::<State>();
        in_place::<DialStep>();
        in_place::<Diagnosis>();
        in_place::<RedisScript>();
    }
}
