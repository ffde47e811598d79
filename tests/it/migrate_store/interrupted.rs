//! kill -9 at every stage: the same command goes on, and until it is through no gateway
//! starts on the database.

use crate::support::comparison::assert_same;
use crate::support::moving::{Moving, until};
use std::process::{Child, Stdio};

const CALLBACKS: usize = 24_000;

/// What must have happened before the command is killed.
enum Moment {
    /// So many callbacks are in the database.
    Copied(i64),
    /// Everything is, and the comparison begins.
    Comparing,
    /// The comparison is through, but gateways may not start yet.
    Marked,
}

/// Kills the command at the moment, unless it ends before. Returns whether it was killed.
async fn kill_at(moving: &Moving, mut child: Child, moment: &Moment) -> bool {
    let mut ended = false;
    until("the moment has come", async || {
        ended = child.try_wait().unwrap().is_some();
        ended
            || match moment {
                Moment::Copied(rows) => moving.copied().await >= *rows,
                Moment::Comparing => moving.number("SELECT count(*) FROM ledger").await > 0,
                Moment::Marked => moving.is_marked(),
            }
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    !ended
}

fn spawn(moving: &Moving, more: &[&str]) -> Child {
    let mut command = moving.command(more);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_stage_it_goes_on_and_nothing_is_missing() {
    let moving = Moving::make("").await;
    moving.fill(CALLBACKS).await;
    let stages = [
        (&["--ahead"][..], Moment::Copied(1)),
        (&["--ahead"], Moment::Copied(6_000)),
        (&[], Moment::Copied(9_000)),
        (&[], Moment::Copied(12_000)),
        (&[], Moment::Comparing),
        (&[], Moment::Marked),
    ];
    let (mut killed, mut copied) = (0, 0);
    for (more, moment) in stages {
        killed += u32::from(kill_at(&moving, spawn(&moving, more), &moment).await);
        let now = moving.copied().await;
        assert!(now >= copied, "what was copied stays");
        copied = now;
        if moving
            .number("SELECT count(*) FROM store_migration WHERE moved_ms IS NULL")
            .await
            == 1
        {
            let told = Moving::refused_gateway(&moving.new);
            assert!(
                told.contains("run `ringback migrate-store` to its end"),
                "{told}"
            );
        }
        if !moving.is_marked() {
            moving.old.serve().kill();
        }
    }
    assert!(killed >= 4, "only {killed} were killed in the middle of it");
    let told = moving.migrated(&[]).await;
    assert!(told.contains("Next:"), "{told}");
    assert_same(&moving.old.data(), &moving.database).await;
    assert!(moving.is_marked());
    moving.new.serve().kill();
}

#[tokio::test]
async fn a_copy_ahead_goes_on_where_it_was() {
    let moving = Moving::make("").await;
    moving.fill(CALLBACKS).await;
    kill_at(
        &moving,
        spawn(&moving, &["--ahead"]),
        &Moment::Copied(8_000),
    )
    .await;
    let copied = moving.copied().await;
    let until =
        "SELECT count(*) FROM results WHERE id <= (SELECT copied_until FROM store_migration)";
    assert_eq!(moving.number(until).await, copied, "never half a batch");
    let told = moving.migrated(&["--ahead"]).await;
    let rest = CALLBACKS - usize::try_from(copied).unwrap();
    assert!(told.starts_with(&format!("{rest} callbacks")), "{told}");
}
