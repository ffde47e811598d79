//! Every number the scheduler obeys. Nothing here decides; units end the names.

/// What the scheduler may hand out, to whom, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests all workers together may have in flight: what the shares are taken of.
    pub slots_total: u32,
    /// Requests one lane may have in flight, however well it does.
    pub lane_in_flight_max: u32,
    /// The part of all slots one lane may use, even when nobody else wants them:
    /// a hanging endpoint must leave room for the neighbour who comes next.
    pub lane_slots_percent: u32,
    /// The part of all slots one team may use while another team is about.
    pub team_slots_percent: u32,
    /// The part of all slots one team may use while it is alone. Below 100, so
    /// that a team that comes back after a silence finds a free slot at once.
    pub team_alone_slots_percent: u32,
    /// For how long a team counts as being about after its last claim.
    pub neighbour_ms: u64,
    /// The window of a lane nothing is known about.
    pub window_start: u32,
    /// How long a claim is valid. Longer than an attempt and its settling can take.
    pub lease_ms: u64,
    /// Leases that may end unsettled before the entry is taken for poison.
    pub abandoned_max: u32,
    /// Straight failures that open a lane's breaker.
    pub breaker_straight_failures: u32,
    /// Recent answers the breaker looks at; at most 64.
    pub breaker_sample: u32,
    /// More than this part of a full sample failing opens the breaker, too.
    pub breaker_failures_percent: u32,
    /// The first park of a lane; each failed probe doubles it.
    pub park_ms_first: u64,
    /// The longest park, before its jitter of 20 % either way.
    pub park_ms_max: u64,
    /// What a claim is charged before the lane's first answer tells better.
    pub slot_ms_guess: u64,
    /// For how long a lane without entries keeps what was learned about it.
    pub idle_lane_ms: u64,
    /// Lanes without entries that are remembered at all; the stalest go first.
    pub idle_lanes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slots_total: 256,
            lane_in_flight_max: 32,
            lane_slots_percent: 25,
            team_slots_percent: 50,
            team_alone_slots_percent: 87,
            neighbour_ms: 60_000,
            window_start: 2,
            lease_ms: 60_000,
            abandoned_max: 5,
            breaker_straight_failures: 10,
            breaker_sample: 50,
            breaker_failures_percent: 50,
            park_ms_first: 30_000,
            park_ms_max: 600_000,
            slot_ms_guess: 100,
            idle_lane_ms: 600_000,
            idle_lanes_max: 100_000,
        }
    }
}

impl Limits {
    /// The widest window of a lane.
    #[must_use]
    pub fn lane_max(&self) -> u32 {
        self.lane_in_flight_max
            .min(self.share(self.lane_slots_percent))
            .max(1)
    }

    /// What a team may have in flight while another team is about.
    #[must_use]
    pub fn team_max(&self) -> u32 {
        self.share(self.team_slots_percent)
    }

    /// What a team may have in flight while it is alone.
    #[must_use]
    pub fn team_alone_max(&self) -> u32 {
        self.share(self.team_alone_slots_percent)
            .max(self.team_max())
    }

    // Never nothing: with very few slots, progress goes before shares.
    fn share(&self, percent: u32) -> u32 {
        let slots = u64::from(self.slots_total) * u64::from(percent) / 100;
        u32::try_from(slots).unwrap_or(u32::MAX).max(1)
    }
}
