//! PURE: lanes as a list for people, those in trouble first.

use crate::callback::{TeamId, TimestampMs};
use crate::queue::{LaneView, Origin};

/// Lanes that one listing looks at, at most.
pub const LOOKED_AT_MAX: usize = 20_000;

/// A lane with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedLane {
    /// Whose.
    pub team: TeamId,
    /// Where it goes; empty for callbacks that have nowhere to go.
    pub origin: Origin,
    /// How it is.
    pub lane: LaneView,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Its breaker is open, or its probe is under way.
    Parked,
    /// The receiver asked for rest.
    Resting,
    /// More is due than its window lets go at one time.
    Full,
    /// Nothing holds it back.
    Open,
}

impl Condition {
    /// Of a lane at this time.
    #[must_use]
    pub fn of(lane: &LaneView, now: TimestampMs) -> Self {
        if lane.parked_until.is_some() {
            Self::Parked
        } else if lane.rests_until.is_some_and(|until| until > now) {
            Self::Resting
        } else if lane.ready > 0 && lane.in_flight >= lane.window {
            Self::Full
        } else {
            Self::Open
        }
    }

    /// As shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Resting => "resting",
            Self::Full => "full",
            Self::Open => "open",
        }
    }
}

/// The first `most` of them: by condition, and within one the longest line first.
#[must_use]
pub fn worst_first(mut lanes: Vec<ListedLane>, most: usize, now: TimestampMs) -> Vec<ListedLane> {
    lanes.sort_by_cached_key(|listed| {
        let condition = Condition::of(&listed.lane, now);
        let longest_first = u64::MAX - listed.lane.ready;
        let name = (listed.team.clone(), listed.origin.clone());
        (condition, longest_first, name)
    });
    lanes.truncate(most);
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(origin: &str, ready: u64, parked_until: Option<u64>) -> ListedLane {
        ListedLane {
            team: "acme".into(),
            origin: origin.into(),
            lane: LaneView {
                window: 2,
                in_flight: 2,
                ready,
                parked_until,
                rests_until: None,
                limit: None,
                drained_in_ms: None,
            },
        }
    }

    #[test]
    fn trouble_comes_first_then_the_longest_line() {
        let rests = ListedLane {
            lane: LaneView {
                rests_until: Some(11),
                ..lane("", 0, None).lane
            },
            ..lane("rests", 0, None)
        };
        let lanes = vec![
            lane("open", 0, None),
            lane("short", 1, None),
            lane("long", 9, None),
            rests,
            lane("parked", 1, Some(5)),
        ];
        let order = |now| -> Vec<_> {
            let worst = worst_first(lanes.clone(), 4, now).into_iter();
            worst.map(|lane| lane.origin.to_string()).collect()
        };
        assert_eq!(order(10), ["parked", "rests", "long", "short"]);
        assert_eq!(order(11), ["parked", "long", "short", "open"], "it rested");
    }
}
