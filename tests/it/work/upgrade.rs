//! Records as they were before there were tasks: what they knew of projects is kept.

use crate::support::store::configs;
use ringback::callback::Mode;
use ringback::records::Records;
use ringback::vault::Vault;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection};

/// The last version of the records without tasks.
const BEFORE: i64 = 2;

#[tokio::test]
async fn the_urls_of_projects_are_kept_for_both_worlds() {
    for (name, config, _folder) in configs().await {
        sqlx::any::install_default_drivers();
        let all = sqlx::migrate!("src/records/migrations");
        let old = all.iter().filter(|it| it.version <= BEFORE).cloned();
        let mut migrations = Migrator::with_migrations(old.collect());
        let url = match config.store.postgres_url() {
            Some(url) => {
                migrations.dangerous_set_table_name("records_migrations");
                url.to_owned()
            }
            None => format!(
                "sqlite://{}?mode=rwc",
                config.data.dir.join("records.db").display()
            ),
        };
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        migrations.run(&mut connection).await.unwrap();
        sqlx::query(
            "INSERT INTO projects (team_id, name, callback_url) \
             VALUES ('a', 'kites', 'https://a.test/'), ('a', 'boats', NULL)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();

        let records = Records::open(&config, Vault::new([7; 32])).await.unwrap();
        for mode in [Mode::Live, Mode::Test] {
            let urls = records.project_urls("a", mode).await.unwrap();
            let expected = [("kites".to_owned(), "https://a.test/".to_owned())];
            assert_eq!(urls, expected, "on {name}");
        }
    }
}
