//! What must not be done is refused with the way out, and changes nothing.

use crate::support::comparison::assert_same;
use crate::support::moving::{Moving, text};
use crate::support::process::Home;
use sqlx::{Connection, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_store_is_used_by_nobody_any_more() {
    let moving = Moving::make("").await;
    moving.fill(10).await;
    moving.migrated(&[]).await;
    let moved = "the store in data.dir was moved to PostgreSQL";
    let told = Moving::refused_gateway(&moving.old);
    assert!(told.contains(moved), "{told}");
    for command in [
        &["producers", "add", "more"][..],
        &["producers", "list"],
        &["dead-letters", "list"],
    ] {
        let told = text(&moving.old.run(command).stderr);
        assert!(told.contains(moved), "{command:?}: {told}");
    }
    let told = std::fs::read_to_string(moving.old.data().join("moved")).unwrap();
    assert!(told.contains("moved to postgres://ringback:***@"), "{told}");

    // Again: nothing to do. Ahead: no more. Unmarked: what the new gateways did would go.
    assert!(moving.migrated(&[]).await.contains("was moved before"));
    assert!(
        moving
            .refused(&["--ahead"])
            .await
            .contains("marked as moved")
    );
    moving.new.serve().kill();
    std::fs::remove_file(moving.old.data().join("moved")).unwrap();
    for more in [&[][..], &["--ahead"]] {
        let told = moving.refused(more).await;
        assert!(told.contains("moved into the target already"), "{told}");
    }
    // That is the way back, as the mark says.
    moving.old.serve().kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_fit_is_refused() {
    let moving = Moving::make("").await;
    moving.fill(1).await;
    let key = moving.old.data().join("vault.key");
    let right = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let told = moving.refused(&[]).await;
    assert!(told.contains("is this the vault key"), "{told}");
    std::fs::remove_file(&key).unwrap();
    let told = moving.refused(&[]).await;
    assert!(told.contains("there is no vault key in"), "{told}");
    assert!(!key.exists(), "none is made");
    std::fs::write(&key, right).unwrap();

    let journal = moving.old.data().join("journal.db");
    std::fs::rename(&journal, journal.with_extension("kept")).unwrap();
    let told = moving.refused(&[]).await;
    assert!(told.contains("there is no store in"), "{told}");
    std::fs::rename(journal.with_extension("kept"), &journal).unwrap();
    let mut old = sqlx::SqliteConnection::connect(journal.to_str().unwrap())
        .await
        .unwrap();
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'later', 0, TRUE, X'00', 0)";
    sqlx::raw_sql(newer).execute(&mut old).await.unwrap();
    let told = moving.refused(&[]).await;
    assert!(told.contains("is of another version"), "{told}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(
        moving.number(tables).await,
        0,
        "the database was not touched"
    );
    sqlx::raw_sql("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .execute(&mut old)
        .await
        .unwrap();
    old.close().await.unwrap();
    moving.migrated(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_fit_is_refused() {
    let moving = Moving::make("").await;
    moving.fill(1).await;
    // Another installation lives there.
    let made = moving.new.run(&["producers", "add", "other"]);
    assert!(made.status.success(), "{made:?}");
    let told = moving.refused(&[]).await;
    assert!(
        told.contains("other data already, in the table producers"),
        "{told}"
    );
    moving
        .execute("DELETE FROM producers; DELETE FROM audit; DELETE FROM audit_heads")
        .await;
    moving
        .execute("UPDATE vault_check SET sealed = 'v1.AAAA'")
        .await;
    let told = moving.refused(&[]).await;
    assert!(told.contains("opened with another vault key"), "{told}");
    moving
        .execute("DELETE FROM vault_check; INSERT INTO ledger VALUES (1, 1)")
        .await;
    let told = moving.refused(&[]).await;
    assert!(
        told.contains("other data already, in the table ledger"),
        "{told}"
    );
    moving.execute("DELETE FROM ledger").await;

    // Another version of the tables.
    for table in ["journal_migrations", "records_migrations"] {
        moving
            .execute(&format!(
                "INSERT INTO {table} VALUES (9999, 'later', now(), TRUE, '\\x00', 0)"
            ))
            .await;
        let told = moving.refused(&[]).await;
        assert!(told.contains("of another version"), "{told}");
        moving
            .execute(&format!("DELETE FROM {table} WHERE version = 9999"))
            .await;
    }

    // A gateway, or another move, is at work there.
    let mut gateway = PgConnection::connect(&moving.database).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(1380535879, 2)")
        .execute(&mut gateway)
        .await
        .unwrap();
    let told = moving.refused(&[]).await;
    assert!(told.contains("is at work on the target"), "{told}");
    gateway.close().await.unwrap();

    // Begun for another installation.
    moving.migrated(&["--ahead"]).await;
    let other = Home::make("");
    other.serve().kill();
    let from = format!("sqlite:{}", other.data().display());
    let told = crate::support::process::ringback(&[
        "migrate-store",
        "--from",
        &from,
        "--to",
        &moving.database,
    ]);
    let told = text(&{ told }.output().unwrap().stderr);
    assert!(
        told.contains("another installation is being moved"),
        "{told}"
    );
    // Everything was refused without leaving a trace.
    moving.migrated(&[]).await;
    assert_same(&moving.old.data(), &moving.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_as_it_was_is_told_and_the_source_stays_in_use() {
    let moving = Moving::make("").await;
    moving.fill(1).await;
    moving.migrated(&["--ahead"]).await;
    moving
        .execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN NEW.due_ms := NEW.due_ms + 1; RETURN NEW; END $$; \
             CREATE TRIGGER spoil BEFORE INSERT ON callbacks FOR EACH ROW EXECUTE FUNCTION spoil()",
        )
        .await;
    moving.fill(3000).await;
    let told = moving.refused(&[]).await;
    assert!(
        told.contains("the table callbacks is not the same on both sides"),
        "{told}"
    );
    assert!(told.contains("3001 rows"), "{told}");
    assert!(!moving.is_marked());
    moving.old.serve().kill();
    assert!(Moving::refused_gateway(&moving.new).contains("not all of it is here yet"));

    // Lost, added and changed rows are put right by the next pass.
    moving.execute("DROP TRIGGER spoil ON callbacks").await;
    moving
        .execute(
            "DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY id LIMIT 5); \
             UPDATE results SET body = 'other' WHERE id = (SELECT id FROM results ORDER BY id LIMIT 1); \
             INSERT INTO results SELECT 'ffffffff-ffff-7fff-bfff-ffffffffffff', 'nobody', 'extra', \
                 task_id, mode, digest, body FROM results LIMIT 1",
        )
        .await;
    moving.migrated(&[]).await;
    assert_same(&moving.old.data(), &moving.database).await;
}

#[test]
fn what_is_typed_wrong_is_told_without_the_password() {
    let home = Home::make_config("");
    for (from, to, word) in [
        (
            "/var/lib/ringback",
            "postgres://me:sesame@host/name",
            "write sqlite:",
        ),
        (
            "sqlite:data",
            "mysql://me:sesame@host/name",
            "must start with postgres://",
        ),
    ] {
        let told = text(
            &home
                .run(&["migrate-store", "--from", from, "--to", to])
                .stderr,
        );
        assert!(told.contains(word) && !told.contains("sesame"), "{told}");
    }
    let told = text(&home.run(&["migrate-store", "--from", "sqlite:data"]).stderr);
    assert!(told.contains("name the database with --to"), "{told}");
}
