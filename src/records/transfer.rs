//! The records on their way into another store: few enough to go in one transaction.
//! Every table and column is named in [`TABLES`] and nowhere else, so that none can be
//! forgotten; sealed secrets stay sealed.

pub mod tables;

use crate::checksum::{Checksum, RowHasher};
use crate::records::transfer::tables::{Kind, TABLES, Table, VAULT_CHECK};
use crate::records::{MIGRATIONS_TABLE, RecordsError, VAULT_CHECK_PLACE, migrations};
use crate::vault::Vault;
use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use std::path::Path;

/// Rows in one statement.
const ROWS_MAX: usize = 500;

/// A column of a row.
enum Value {
    Text(Option<String>),
    Number(Option<i64>),
}

impl Table {
    fn select(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("SELECT {} FROM {}", names.join(", "), self.name)
    }

    fn values(&self, row: &AnyRow) -> Result<Vec<Value>, sqlx::Error> {
        let value = |(index, (_, kind)): (usize, &(_, Kind))| match kind {
            Kind::Text => Ok(Value::Text(row.try_get(index)?)),
            Kind::Number => Ok(Value::Number(row.try_get(index)?)),
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    /// What the table comes to.
    async fn checksum(&self, connection: &mut AnyConnection) -> Result<Checksum, sqlx::Error> {
        let mut checksum = Checksum::default();
        let mut rows = sqlx::query(AssertSqlSafe(self.select())).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            let hasher = self
                .values(&row)?
                .iter()
                .fold(RowHasher::default(), |hasher, value| match value {
                    Value::Text(text) => hasher.text(text.as_deref()),
                    Value::Number(number) => hasher.number(*number),
                });
            checksum.add(&hasher.finish());
        }
        Ok(checksum)
    }

    /// `INSERT` of so many rows. By hand: placeholders of sqlx's builder are not those of
    /// every database.
    fn insert_sql(&self, rows: usize) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let row = |row: usize| {
            let first = row * names.len() + 1;
            let each: Vec<_> = (first..first + names.len())
                .map(|n| format!("${n}"))
                .collect();
            format!("({})", each.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        let (names, rows) = (names.join(", "), rows.join(", "));
        format!("INSERT INTO {} ({names}) VALUES {rows}", self.name)
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut query = sqlx::query(AssertSqlSafe(self.insert_sql(rows.len())));
        for value in rows.into_iter().flatten() {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        query.execute(connection).await?;
        Ok(())
    }
}

/// What one table comes to on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Which table.
    pub table: &'static str,
    /// In the store it comes from.
    pub source: Checksum,
    /// In the store it went to.
    pub target: Checksum,
}

/// A store's records, to be moved away or filled.
pub struct Transfer {
    connection: AnyConnection,
}

impl Transfer {
    /// Opens `records.db` in the folder. Frozen: nobody writes until this is dropped.
    /// `None`: it is of another version.
    ///
    /// # Errors
    /// [`RecordsError`] when it cannot be opened or another process keeps writing.
    pub async fn from_folder(folder: &Path, frozen: bool) -> Result<Option<Self>, RecordsError> {
        sqlx::any::install_default_drivers();
        let path = folder.join("records.db");
        let mode = if frozen { "rw" } else { "ro" };
        let url = format!("sqlite://{}?mode={mode}", path.display());
        let mut connection = AnyConnection::connect(&url).await?;
        sqlx::query("PRAGMA busy_timeout = 30000")
            .execute(&mut connection)
            .await?;
        if frozen {
            sqlx::query("BEGIN IMMEDIATE")
                .execute(&mut connection)
                .await?;
        }
        let applied = applied(&mut connection, "_sqlx_migrations").await?;
        Ok((applied == known()).then_some(Self { connection }))
    }

    /// Opens a PostgreSQL database and makes the tables if there are none. `None`: there
    /// are, but of another version.
    ///
    /// # Errors
    /// [`RecordsError`] when the server does not answer.
    pub async fn into_database(url: &str) -> Result<Option<Self>, RecordsError> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(url).await?;
        let exists: i64 = sqlx::query_scalar(
            "SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END::bigint",
        )
        .bind(MIGRATIONS_TABLE)
        .fetch_one(&mut connection)
        .await?;
        // Fewer than known: making them was interrupted.
        if exists != 0 && !known().starts_with(&applied(&mut connection, MIGRATIONS_TABLE).await?) {
            return Ok(None);
        }
        let mut migrations = migrations();
        migrations.dangerous_set_table_name(MIGRATIONS_TABLE);
        let migrated = migrations.run(&mut connection).await;
        migrated.map_err(sqlx::Error::from)?;
        Ok(Some(Self { connection }))
    }

    /// The word that this store's first opener sealed: no two stores have the same. `None`:
    /// there is none yet.
    ///
    /// # Errors
    /// [`RecordsError::Vault`] when the vault key is not the one it was sealed with.
    pub async fn sealed_word(&mut self, vault: &Vault) -> Result<Option<String>, RecordsError> {
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT sealed FROM vault_check WHERE id = 1")
                .fetch_optional(&mut self.connection)
                .await?;
        if let Some(sealed) = &sealed {
            vault.unseal(VAULT_CHECK_PLACE, sealed)?;
        }
        Ok(sealed)
    }

    /// A table that holds something besides the sealed word, if there is one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn table_in_use(&mut self) -> Result<Option<&'static str>, RecordsError> {
        for table in TABLES.iter().filter(|table| table.name != VAULT_CHECK.name) {
            let checksum = table.checksum(&mut self.connection).await?;
            if checksum.rows() > 0 {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }

    /// The store becomes one of the source's vault key, so that nobody opens it with another.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn copy_sealed_word(&mut self, source: &mut Self) -> Result<(), RecordsError> {
        let mut transaction = self.connection.begin().await?;
        fill(&VAULT_CHECK, &mut source.connection, &mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All tables become those of the source, in one transaction, which is committed only
    /// if they are the same then. Tells for each what it came to.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn fill_from(&mut self, source: &mut Self) -> Result<Vec<Compared>, RecordsError> {
        let mut transaction = self.connection.begin().await?;
        let mut compared = Vec::new();
        for table in TABLES {
            fill(table, &mut source.connection, &mut transaction).await?;
            compared.push(Compared {
                table: table.name,
                source: table.checksum(&mut source.connection).await?,
                target: table.checksum(&mut transaction).await?,
            });
        }
        if compared.iter().all(|table| table.source == table.target) {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(compared)
    }
}

async fn fill(
    table: &Table,
    source: &mut AnyConnection,
    target: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    let delete = format!("DELETE FROM {}", table.name);
    sqlx::query(AssertSqlSafe(delete))
        .execute(&mut *target)
        .await?;
    let mut found = sqlx::query(AssertSqlSafe(table.select())).fetch(source);
    let mut rows = Vec::with_capacity(ROWS_MAX);
    while let Some(row) = found.try_next().await? {
        rows.push(table.values(&row)?);
        if rows.len() == ROWS_MAX {
            table.insert(target, std::mem::take(&mut rows)).await?;
        }
    }
    table.insert(target, rows).await
}

type Applied = Vec<(i64, Vec<u8>)>;

fn known() -> Applied {
    let migrations = migrations();
    let each = migrations.iter();
    each.map(|known| (known.version, known.checksum.to_vec()))
        .collect()
}

async fn applied(connection: &mut AnyConnection, table: &str) -> Result<Applied, sqlx::Error> {
    let sql = format!("SELECT version, checksum FROM {table} ORDER BY version");
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
}
