//! PURE: the tables of integrations.

use super::Kind::{Number, Text};
use super::Table;

pub(super) const IDENTITIES: Table = Table {
    name: "integration_identities",
    columns: &[
        ("team_id", Text),
        ("external_id", Text),
        ("short_id", Text),
        ("results_cloud", Text),
        ("results_prefix", Text),
    ],
};

pub(super) const INTEGRATIONS: Table = Table {
    name: "integrations",
    columns: &[
        ("team_id", Text),
        ("cloud", Text),
        ("names", Text),
        ("changed_ms", Number),
        ("tested_ms", Number),
        ("tested_as", Text),
    ],
};

pub(super) const STORED_RESPONSES: Table = Table {
    name: "stored_responses",
    columns: &[
        ("callback_id", Text),
        ("team_id", Text),
        ("cloud", Text),
        ("bucket", Text),
        ("object", Text),
        ("bytes", Number),
        ("sha256", Text),
        ("stored_ms", Number),
    ],
};
