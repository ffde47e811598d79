//! PURE: the tables about deliveries: counts that charts show, limits of lanes.

use crate::records::transfer::tables::Kind::{Number, Text};
use crate::records::transfer::tables::Table;

pub(super) const DELIVERY_HOURS: Table = Table {
    name: "delivery_hours",
    columns: &[
        ("team_id", Text),
        ("hour_ms", Number),
        ("outcome", Text),
        ("bucket", Number),
        ("n", Number),
    ],
};

pub(super) const LANE_LIMITS: Table = Table {
    name: "lane_limits",
    columns: &[
        ("team_id", Text),
        ("origin", Text),
        ("in_flight_max", Number),
    ],
};
