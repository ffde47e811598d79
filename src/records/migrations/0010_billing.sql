-- What customers owe. Amounts are whole minor units of a currency. A team without a row here
-- is billed on demand, in the configured currency.
CREATE TABLE team_billing (
    team_id        TEXT PRIMARY KEY,
    mode           TEXT NOT NULL,  -- on_demand; invoice: a contract outside of this program
    currency       TEXT,           -- none: the configured one
    representative TEXT            -- whom a team with a contract asks; none: the configured one
);
-- The price list. A version changes some entries and leaves the others; no row ever changes.
CREATE TABLE prices (
    version    BIGINT NOT NULL,  -- 1, 2, 3 ...
    team_id    TEXT   NOT NULL,  -- '': for everybody
    type       TEXT   NOT NULL,
    currency   TEXT   NOT NULL,
    unit_minor BIGINT,           -- none: this entry ends
    from_ms    BIGINT NOT NULL,  -- valid from then on
    set_ms     BIGINT NOT NULL,
    PRIMARY KEY (type, currency, team_id, version)
);
-- The ledger: each completion of a live task is a charge, each recall takes it back. Rows are only added.
-- A task's rows are numbered, so that it cannot be charged twice at one time.
CREATE TABLE charges (
    task_id       TEXT   NOT NULL,
    seq           BIGINT NOT NULL,  -- 1 a charge, 2 takes it back, 3 the next charge ...
    team_id       TEXT   NOT NULL,
    project       TEXT   NOT NULL,  -- '': none
    type          TEXT   NOT NULL,
    currency      TEXT   NOT NULL,
    priced_by     TEXT   NOT NULL,  -- list, team, nothing, contract
    price_version BIGINT NOT NULL,  -- 0: none
    unit_minor    BIGINT NOT NULL,  -- as it was at completion
    amount_minor  BIGINT NOT NULL,  -- the unit; negative where it takes back
    month         TEXT   NOT NULL,  -- with the round, the statement it belongs to
    round         BIGINT NOT NULL,
    at_ms         BIGINT NOT NULL,
    PRIMARY KEY (task_id, seq)
);
CREATE INDEX charges_statement ON charges (team_id, month, round);
-- How often a team's month was closed. Who writes to the ledger holds the row of its slot, who
-- closes holds all of them: a statement is whole when it is closed. Slots keep commits out of
-- each other's way.
CREATE TABLE statement_slots (
    team_id TEXT   NOT NULL,
    month   TEXT   NOT NULL,
    slot    BIGINT NOT NULL,
    round   BIGINT NOT NULL,
    PRIMARY KEY (team_id, month, slot)
);
-- Sums of the ledger that are on no document yet, kept in the transaction that writes to it.
CREATE TABLE accruals (
    team_id      TEXT   NOT NULL,
    month        TEXT   NOT NULL,
    round        BIGINT NOT NULL,
    slot         BIGINT NOT NULL,
    currency     TEXT   NOT NULL,
    project      TEXT   NOT NULL,
    type         TEXT   NOT NULL,
    priced_by    TEXT   NOT NULL,
    unit_minor   BIGINT NOT NULL,
    about        TEXT   NOT NULL,  -- takes back charges of that statement; '': of this one
    n            BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    PRIMARY KEY (team_id, month, round, slot, currency, project, type, priced_by, unit_minor, about)
);
-- Numbers without gaps: taken in the transaction that uses them.
CREATE TABLE billing_counters (
    name TEXT   PRIMARY KEY,  -- documents, prices
    n    BIGINT NOT NULL
);
-- Invoices and credit notes. No row ever changes.
CREATE TABLE invoices (
    number      BIGINT PRIMARY KEY,
    team_id     TEXT   NOT NULL,
    kind        TEXT   NOT NULL,  -- invoice, credit_note
    month       TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    total_minor BIGINT NOT NULL,
    issued_ms   BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    issuer      TEXT   NOT NULL,  -- who asks, as it was then
    recipient   TEXT   NOT NULL   -- JSON: who is asked, as it was then
);
CREATE INDEX invoices_by_team ON invoices (team_id, number);
CREATE TABLE invoice_lines (
    number       BIGINT NOT NULL,
    place        BIGINT NOT NULL,  -- 1, 2, 3 ...
    project      TEXT   NOT NULL,
    type         TEXT   NOT NULL,
    unit_minor   BIGINT NOT NULL,
    is_priced    BIGINT NOT NULL,  -- 0: nobody has set a price
    n            BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    about        BIGINT,           -- on a credit note: the invoice that asked for it
    PRIMARY KEY (number, place)
);
-- Which invoice a statement is on.
CREATE TABLE invoice_statements (
    team_id   TEXT   NOT NULL,
    statement TEXT   NOT NULL,
    currency  TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    PRIMARY KEY (team_id, statement, currency)
);
CREATE TABLE invoice_payments (
    number    BIGINT PRIMARY KEY,
    paid_ms   BIGINT NOT NULL,
    reference TEXT   NOT NULL,  -- as the bank or the processor names it
    noted_by  TEXT   NOT NULL
);
-- Months that are closed, of each team and of all.
CREATE TABLE team_closes (
    team_id   TEXT   NOT NULL,
    month     TEXT   NOT NULL,
    closed_ms BIGINT NOT NULL,
    PRIMARY KEY (team_id, month)
);
CREATE TABLE month_closes (
    month     TEXT   PRIMARY KEY,
    closed_ms BIGINT NOT NULL
);
-- Whom to ask for money and how; never a card's number.
CREATE TABLE payment_details (
    team_id    TEXT   PRIMARY KEY,
    sealed     TEXT   NOT NULL,  -- JSON
    updated_ms BIGINT NOT NULL
);
