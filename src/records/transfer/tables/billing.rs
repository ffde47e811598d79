//! PURE: the tables of billing.

use crate::records::transfer::tables::Kind::{Number, Text};
use crate::records::transfer::tables::Table;

pub(super) const TEAM_BILLING: Table = Table {
    name: "team_billing",
    columns: &[
        ("team_id", Text),
        ("mode", Text),
        ("currency", Text),
        ("representative", Text),
    ],
};

pub(super) const PRICES: Table = Table {
    name: "prices",
    columns: &[
        ("version", Number),
        ("team_id", Text),
        ("type", Text),
        ("currency", Text),
        ("unit_minor", Number),
        ("from_ms", Number),
        ("set_ms", Number),
    ],
};

pub(super) const CHARGES: Table = Table {
    name: "charges",
    columns: &[
        ("task_id", Text),
        ("seq", Number),
        ("team_id", Text),
        ("project", Text),
        ("type", Text),
        ("currency", Text),
        ("priced_by", Text),
        ("price_version", Number),
        ("unit_minor", Number),
        ("amount_minor", Number),
        ("month", Text),
        ("round", Number),
        ("at_ms", Number),
    ],
};

pub(super) const STATEMENT_SLOTS: Table = Table {
    name: "statement_slots",
    columns: &[
        ("team_id", Text),
        ("month", Text),
        ("slot", Number),
        ("round", Number),
    ],
};

pub(super) const ACCRUALS: Table = Table {
    name: "accruals",
    columns: &[
        ("team_id", Text),
        ("month", Text),
        ("round", Number),
        ("slot", Number),
        ("currency", Text),
        ("project", Text),
        ("type", Text),
        ("priced_by", Text),
        ("unit_minor", Number),
        ("about", Text),
        ("n", Number),
        ("amount_minor", Number),
    ],
};

pub(super) const BILLING_COUNTERS: Table = Table {
    name: "billing_counters",
    columns: &[("name", Text), ("n", Number)],
};

pub(super) const INVOICES: Table = Table {
    name: "invoices",
    columns: &[
        ("number", Number),
        ("team_id", Text),
        ("kind", Text),
        ("month", Text),
        ("currency", Text),
        ("total_minor", Number),
        ("issued_ms", Number),
        ("due_ms", Number),
        ("issuer", Text),
        ("recipient", Text),
    ],
};

pub(super) const INVOICE_LINES: Table = Table {
    name: "invoice_lines",
    columns: &[
        ("number", Number),
        ("place", Number),
        ("project", Text),
        ("type", Text),
        ("unit_minor", Number),
        ("is_priced", Number),
        ("n", Number),
        ("amount_minor", Number),
        ("about", Number),
    ],
};

pub(super) const INVOICE_STATEMENTS: Table = Table {
    name: "invoice_statements",
    columns: &[
        ("team_id", Text),
        ("statement", Text),
        ("currency", Text),
        ("number", Number),
    ],
};

pub(super) const INVOICE_PAYMENTS: Table = Table {
    name: "invoice_payments",
    columns: &[
        ("number", Number),
        ("paid_ms", Number),
        ("reference", Text),
        ("noted_by", Text),
    ],
};

pub(super) const TEAM_CLOSES: Table = Table {
    name: "team_closes",
    columns: &[("team_id", Text), ("month", Text), ("closed_ms", Number)],
};

pub(super) const MONTH_CLOSES: Table = Table {
    name: "month_closes",
    columns: &[("month", Text), ("closed_ms", Number)],
};

pub(super) const PAYMENT_DETAILS: Table = Table {
    name: "payment_details",
    columns: &[("team_id", Text), ("sealed", Text), ("updated_ms", Number)],
};
