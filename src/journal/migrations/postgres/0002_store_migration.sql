-- The move of an embedded installation into this database, if there was one. While it is
-- not finished no gateway starts here: what it would deliver may be delivered already.
CREATE TABLE store_migration (
    source       TEXT PRIMARY KEY,  -- which installation
    copied_until UUID,              -- where the copy ahead goes on; null: from the start
    moved_ms     BIGINT             -- when it was finished; null: it is not
);
