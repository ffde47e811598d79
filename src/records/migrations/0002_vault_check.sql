-- A word sealed by whoever opened the records first: another vault key cannot read it.
CREATE TABLE vault_check (
    id     BIGINT PRIMARY KEY,
    sealed TEXT   NOT NULL
);
