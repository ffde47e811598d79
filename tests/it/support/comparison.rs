//! Whether an embedded store and a PostgreSQL one hold the same, column by column as the
//! databases themselves list them: written apart from the code that moves one to the other.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns of SQLite that have no meaning in PostgreSQL: part of the id, what the shared
/// queue counts, what the new queue does not know.
const STAY: [&str; 3] = ["abandoned", "queued", "seq"];

/// A table of PostgreSQL and where SQLite has the same.
const JOURNAL: [(&str, &str); 4] = [
    ("results", "callbacks JOIN bodies USING (seq)"),
    ("callbacks", "callbacks"),
    (
        "attempts",
        "attempts JOIN (SELECT seq, id FROM callbacks) USING (seq)",
    ),
    ("replays", "replays"),
];

/// Where PostgreSQL keeps what is no table of the store.
const OTHER_TABLES: [&str; 4] = [
    "journal_migrations",
    "ledger",
    "records_migrations",
    "store_migration",
];

type Columns = BTreeMap<String, BTreeMap<String, String>>;

/// Panics with the first table that is not the same.
pub(crate) async fn assert_same(folder: &Path, url: &str) {
    let mut journal = sqlite(folder, "journal.db").await;
    let mut records = sqlite(folder, "records.db").await;
    let mut target = PgConnection::connect(url).await.unwrap();
    let mut columns = target_columns(&mut target).await;
    let mut known = BTreeSet::from(STAY.map(str::to_owned));
    for (table, source) in JOURNAL {
        let columns = columns.remove(table).unwrap();
        known.extend(columns.keys().cloned());
        let columns: Vec<_> = columns
            .iter()
            .filter(|(name, _)| *name != "queued")
            .collect();
        let here = rows(&mut journal, source, &columns).await;
        assert_rows(
            table,
            &here,
            &target_rows(&mut target, table, &columns).await,
        );
    }
    let mut listed = source_columns(&mut journal).await;
    listed.remove("ledger");
    let listed: BTreeSet<_> = listed.into_values().flat_map(BTreeMap::into_keys).collect();
    assert_eq!(listed, known, "a column stays behind");
    for (table, names) in source_columns(&mut records).await {
        let columns = columns.remove(&table).unwrap();
        assert!(columns.keys().eq(names.keys()), "{table}");
        let columns: Vec<_> = columns.iter().collect();
        let here = rows(&mut records, &table, &columns).await;
        assert_rows(
            &table,
            &here,
            &target_rows(&mut target, &table, &columns).await,
        );
    }
    assert!(columns.is_empty(), "compared nothing with {columns:?}");
    assert_ledger(&mut journal, &mut target).await;
}

fn assert_rows(table: &str, here: &[String], there: &[String]) {
    assert_eq!(here.len(), there.len(), "rows of {table}");
    let differs = here.iter().zip(there).find(|(here, there)| here != there);
    assert_eq!(differs, None, "in {table}");
}

async fn assert_ledger(journal: &mut SqliteConnection, target: &mut PgConnection) {
    let here: Vec<i64> = sqlx::query_scalar("SELECT n FROM ledger ORDER BY name")
        .fetch_all(journal)
        .await
        .unwrap();
    let there: (i64, i64) =
        sqlx::query_as("SELECT SUM(accepted)::bigint, SUM(pruned)::bigint FROM ledger")
            .fetch_one(target)
            .await
            .unwrap();
    assert_eq!(here, [there.0, there.1]);
}

async fn sqlite(folder: &Path, file: &str) -> SqliteConnection {
    let url = format!("sqlite://{}?mode=ro", folder.join(file).display());
    SqliteConnection::connect(&url).await.unwrap()
}

/// Names and types of all columns, by table.
async fn source_columns(connection: &mut SqliteConnection) -> Columns {
    let found: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type FROM sqlite_master t, pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
         AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    by_table(found)
}

pub(crate) async fn records_columns(folder: &Path) -> Columns {
    source_columns(&mut sqlite(folder, "records.db").await).await
}

async fn target_columns(connection: &mut PgConnection) -> Columns {
    let found: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text \
         FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE 'attempts\\_day%' \
         AND table_name <> ALL($1)",
    )
    .bind(OTHER_TABLES.map(str::to_owned).to_vec())
    .fetch_all(connection)
    .await
    .unwrap();
    by_table(found)
}

fn by_table(found: Vec<(String, String, String)>) -> Columns {
    let mut columns = Columns::new();
    for (table, column, kind) in found {
        columns.entry(table).or_default().insert(column, kind);
    }
    columns
}

/// Every row as text, bytes as hexadecimal digits, sorted.
async fn rows(
    connection: &mut SqliteConnection,
    source: &str,
    columns: &[(&String, &String)],
) -> Vec<String> {
    let each = columns.iter().map(|(name, kind)| match kind.as_str() {
        "uuid" | "bytea" => format!("lower(hex({name}))"),
        _ => format!("coalesce(CAST({name} AS TEXT), 'null')"),
    });
    let each: Vec<_> = each.collect();
    let sql = format!("SELECT {} FROM {source}", each.join(" || '|' || "));
    let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection);
    sorted(found.await.unwrap())
}

async fn target_rows(
    connection: &mut PgConnection,
    table: &str,
    columns: &[(&String, &String)],
) -> Vec<String> {
    let each = columns.iter().map(|(name, kind)| match kind.as_str() {
        "uuid" => format!("encode(uuid_send({name}), 'hex')"),
        "bytea" => format!("encode({name}, 'hex')"),
        _ => format!("coalesce({name}::text, 'null')"),
    });
    let each: Vec<_> = each.collect();
    let sql = format!("SELECT {} FROM {table}", each.join(" || '|' || "));
    let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection);
    sorted(found.await.unwrap())
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort_unstable();
    rows
}
