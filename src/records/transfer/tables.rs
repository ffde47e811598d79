//! PURE: every table and column of the records. A table that is not here is lost when a store
//! is moved; a test compares this with the schema.

mod billing;
mod delivery;
mod integrations;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text or null.
    Text,
    /// A number or null.
    Number,
}
use Kind::{Number, Text};

/// A table and its columns.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// All of its columns.
    pub columns: &'static [(&'static str, Kind)],
}

/// Every table of the records.
pub const TABLES: &[Table] = &[
    Table {
        name: "teams",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("default_callback_url", Text),
            ("latest_only", Number),
            ("retry", Text),
            ("live_callback_auth", Text),
            ("test_callback_auth", Text),
            ("signing_secret", Text),
            ("created_ms", Number),
            ("members_use_keys", Number),
            ("always_live_auth", Number),
            ("paused", Number),
            ("attempt_timeout_ms", Number),
            ("grace_status", Number),
        ],
    },
    Table {
        name: "api_keys",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("digest", Text),
            ("sealed", Text),
            ("last_four", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "producers",
        columns: &[
            ("name", Text),
            ("digest", Text),
            ("last_four", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "paused_endpoints",
        columns: &[("team_id", Text), ("url", Text), ("paused_ms", Number)],
    },
    Table {
        name: "users",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("email", Text),
            ("email_key", Text),
            ("role", Text),
            ("status", Text),
            ("password", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("company", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "invites",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("email", Text),
            ("email_key", Text),
            ("role", Text),
            ("digest", Text),
            ("created_ms", Number),
            ("expires_ms", Number),
        ],
    },
    Table {
        name: "sessions",
        columns: &[
            ("id", Text),
            ("user_id", Text),
            ("digest", Text),
            ("created_ms", Number),
            ("seen_ms", Number),
            ("expires_ms", Number),
            ("address", Text),
            ("agent", Text),
        ],
    },
    Table {
        name: "password_resets",
        columns: &[("user_id", Text), ("digest", Text), ("expires_ms", Number)],
    },
    Table {
        name: "sign_in_tries",
        columns: &[("id", Text), ("tries", Number), ("since_ms", Number)],
    },
    Table {
        name: "old_secrets",
        columns: &[
            ("team_id", Text),
            ("kind", Text),
            ("sealed", Text),
            ("until_ms", Number),
        ],
    },
    Table {
        name: "endpoint_keys",
        columns: &[
            ("team_id", Text),
            ("url", Text),
            ("mode", Text),
            ("takes", Text),
            ("seen_ms", Number),
        ],
    },
    Table {
        name: "mails",
        columns: &[
            ("id", Text),
            ("recipient", Text),
            ("letter", Text),
            ("tries", Number),
            ("due_ms", Number),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "audit",
        columns: &[
            ("team_id", Text),
            ("seq", Number),
            ("at_ms", Number),
            ("actor", Text),
            ("action", Text),
            ("target", Text),
            ("address", Text),
            ("status", Number),
            ("hash", Text),
        ],
    },
    Table {
        name: "audit_heads",
        columns: &[("team_id", Text), ("seq", Number), ("hash", Text)],
    },
    Table {
        name: "project_urls",
        columns: &[
            ("team_id", Text),
            ("mode", Text),
            ("name", Text),
            ("callback_url", Text),
        ],
    },
    Table {
        name: "projects",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("name", Text),
            ("type", Text),
            ("flags", Text),
            ("is_staging", Number),
            ("archived", Number),
            ("created_ms", Number),
            ("version", Number),
        ],
    },
    Table {
        name: "project_params",
        columns: &[
            ("project_id", Text),
            ("version", Number),
            ("params", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "batches",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("name", Text),
            ("project", Text),
            ("status", Text),
            ("is_staging", Number),
            ("callback_url", Text),
            ("metadata", Text),
            ("flags", Text),
            ("events", Number),
            ("created_ms", Number),
            ("completed_ms", Number),
            ("halted", Text),
        ],
    },
    Table {
        name: "tasks",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("type", Text),
            ("status", Text),
            ("project", Text),
            ("project_version", Number),
            ("batch", Text),
            ("unique_id", Text),
            ("clears_unique_id", Number),
            ("callback_url", Text),
            ("instruction", Text),
            ("params", Text),
            ("metadata", Text),
            ("tags", Text),
            ("priority", Number),
            ("response", Text),
            ("created_ms", Number),
            ("updated_ms", Number),
            ("completed_ms", Number),
            ("review", Text),
            ("audits", Text),
            ("callback_succeeded", Number),
            ("callback_succeeded_ms", Number),
            ("events", Number),
            ("is_staged", Number),
            ("claimed_by", Text),
            ("claimed_until_ms", Number),
            ("acknowledged", Number),
        ],
    },
    Table {
        name: "task_tags",
        columns: &[
            ("team_id", Text),
            ("mode", Text),
            ("tag", Text),
            ("task_id", Text),
        ],
    },
    Table {
        name: "task_events",
        columns: &[
            ("task_id", Text),
            ("event_id", Text),
            ("applied_ms", Number),
        ],
    },
    Table {
        name: "task_counts",
        columns: &[
            ("team_id", Text),
            ("mode", Text),
            ("kind", Text),
            ("name", Text),
            ("status", Text),
            ("slot", Number),
            ("n", Number),
        ],
    },
    Table {
        name: "quality_tasks",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("kind", Text),
            ("project", Text),
            ("object", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "idempotency_keys",
        columns: &[
            ("team_id", Text),
            ("mode", Text),
            ("key", Text),
            ("digest", Text),
            ("answer", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "outbox",
        columns: &[
            ("subject", Text),
            ("event", Number),
            ("team_id", Text),
            ("mode", Text),
            ("project", Text),
            ("url", Text),
            ("body", Text),
            ("created_ms", Number),
        ],
    },
    Table {
        name: "files",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("reference_id", Text),
            ("display_name", Text),
            ("mime_type", Text),
            ("size_bytes", Number),
            ("sha256", Text),
            ("project", Text),
            ("metadata", Text),
            ("created_ms", Number),
            ("stored_ms", Number),
            ("used_ms", Number),
        ],
    },
    Table {
        name: "studio_assignments",
        columns: &[
            ("team_id", Text),
            ("mode", Text),
            ("project", Text),
            ("email_key", Text),
        ],
    },
    Table {
        name: "studio_groups",
        columns: &[
            ("id", Text),
            ("team_id", Text),
            ("mode", Text),
            ("project", Text),
            ("name", Text),
        ],
    },
    Table {
        name: "studio_group_people",
        columns: &[("group_id", Text), ("email_key", Text)],
    },
    Table {
        name: "studio_batch_groups",
        columns: &[("batch_id", Text), ("group_id", Text)],
    },
    Table {
        name: "studio_orders",
        columns: &[("team_id", Text), ("mode", Text), ("batches", Text)],
    },
    delivery::DELIVERY_HOURS,
    delivery::LANE_LIMITS,
    billing::TEAM_BILLING,
    billing::PRICES,
    billing::CHARGES,
    billing::STATEMENT_SLOTS,
    billing::ACCRUALS,
    billing::BILLING_COUNTERS,
    billing::INVOICES,
    billing::INVOICE_LINES,
    billing::INVOICE_STATEMENTS,
    billing::INVOICE_PAYMENTS,
    billing::TEAM_CLOSES,
    billing::MONTH_CLOSES,
    billing::PAYMENT_DETAILS,
    integrations::IDENTITIES,
    integrations::INTEGRATIONS,
    integrations::STORED_RESPONSES,
    VAULT_CHECK,
];

/// The sealed word: whoever opens a store first leaves one, so it may be there already.
pub(super) const VAULT_CHECK: Table = Table {
    name: "vault_check",
    columns: &[("id", Number), ("sealed", Text)],
};
