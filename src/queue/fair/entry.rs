//! One entry as the scheduler stores it: millions wait, so names are numbers here.

use super::LaneIx;
use crate::callback::{CallbackId, TaskKey, TimestampMs};

pub(super) struct Record {
    pub(super) id: CallbackId,
    pub(super) task: TaskKey,
    pub(super) due: TimestampMs,
    pub(super) lane: LaneIx,
    pub(super) place: Place,
    pub(super) abandoned: u32,
    pub(super) latest_only: bool,
}

/// Where an entry is. Each place but `Waiting` has its index, and an entry is in
/// the index of its place and in no other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Due, in its lane's line.
    Ready,
    /// Due later, in the schedule.
    Scheduled,
    /// Behind an older callback of its task.
    Waiting,
    /// Out of reach until its team is released, in the team's held set.
    Held,
    /// Claimed under the lease of this number.
    Leased(u32),
}

pub(super) struct Lease {
    pub(super) token: u64,
    pub(super) expires: TimestampMs,
    /// What the team and the lane were charged in advance.
    pub(super) charge_ms: u64,
    /// Whether it still counts as in flight; not any more once it was answered.
    pub(super) in_flight: bool,
}
