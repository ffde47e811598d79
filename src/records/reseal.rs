//! Everything sealed, sealed anew with the newest version of the vault's key, in one
//! transaction. `SEALED` names every such column; a test looks for forgotten ones.

use crate::records::secrets::SecretKind;
use crate::records::{Records, RecordsError, VAULT_CHECK_PLACE, api_keys, mails, payment, teams};
use sqlx::{AnyConnection, AssertSqlSafe};

/// A column of sealed text.
struct Sealed {
    table: &'static str,
    column: &'static str,
    /// Two texts that together name a row.
    key: [&'static str; 2],
    /// What the sealed text is bound to, by those two.
    place: fn(&str, &str) -> String,
}

/// Every column of sealed text.
const SEALED: &[Sealed] = &[
    Sealed {
        table: "teams",
        column: "live_callback_auth",
        key: ["id", "id"],
        place: |team, _| teams::place(team, SecretKind::LiveAuth.place()),
    },
    Sealed {
        table: "teams",
        column: "test_callback_auth",
        key: ["id", "id"],
        place: |team, _| teams::place(team, SecretKind::TestAuth.place()),
    },
    Sealed {
        table: "teams",
        column: "signing_secret",
        key: ["id", "id"],
        place: |team, _| teams::place(team, SecretKind::Signing.place()),
    },
    Sealed {
        table: "api_keys",
        column: "sealed",
        key: ["team_id", "id"],
        place: |team, _| api_keys::place(team),
    },
    Sealed {
        table: "old_secrets",
        column: "sealed",
        key: ["team_id", "kind"],
        place: |team, kind| {
            let kind = SecretKind::parse(kind).map_or("", SecretKind::place);
            teams::place(team, kind)
        },
    },
    Sealed {
        table: "mails",
        column: "letter",
        key: ["id", "id"],
        place: |id, _| mails::place(id),
    },
    Sealed {
        table: "payment_details",
        column: "sealed",
        key: ["team_id", "team_id"],
        place: |team, _| payment::place(team),
    },
    Sealed {
        table: "vault_check",
        column: "sealed",
        key: ["CAST(id AS TEXT)", "CAST(id AS TEXT)"],
        place: |_, _| VAULT_CHECK_PLACE.to_owned(),
    },
];

impl Records {
    /// Seals everything anew; all or nothing. Returns how many secrets that were.
    ///
    /// # Errors
    /// [`RecordsError::Vault`] when one of them does not open: nothing was changed.
    pub async fn reseal(&self) -> Result<usize, RecordsError> {
        self.transact(async |connection| {
            let mut count = 0;
            for sealed in SEALED {
                count += self.reseal_column(connection, sealed).await?;
            }
            Ok(count)
        })
        .await
    }

    async fn reseal_column(
        &self,
        connection: &mut AnyConnection,
        sealed: &Sealed,
    ) -> Result<usize, RecordsError> {
        let Sealed {
            table,
            column,
            key: [first, second],
            place,
        } = sealed;
        // Read by writing, so that nobody changes a secret between this and what follows.
        let lock =
            format!("UPDATE {table} SET {column} = {column} RETURNING {first}, {second}, {column}");
        let set = format!("UPDATE {table} SET {column} = $1 WHERE {first} = $2 AND {second} = $3");
        let rows: Vec<(String, String, String)> = sqlx::query_as(AssertSqlSafe(lock))
            .fetch_all(&mut *connection)
            .await?;
        for (one, two, text) in &rows {
            let place = place(one, two);
            let secret = self.vault.unseal(&place, text)?;
            sqlx::query(AssertSqlSafe(set.clone()))
                .bind(self.vault.seal(&place, &secret))
                .bind(one)
                .bind(two)
                .execute(&mut *connection)
                .await?;
        }
        Ok(rows.len())
    }
}
