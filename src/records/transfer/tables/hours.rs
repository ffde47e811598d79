//! PURE: the table of counts that charts show.

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
