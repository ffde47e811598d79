//! Sentinels: the master is found, and found again when another is elected.

use super::*;
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis::sentinels::Sentinels;
use crate::support::redis::{Program, until};
use ringback::queue::redis::link::Message;
use tokio::time::timeout;

#[tokio::test]
async fn after_a_failover_the_promoted_replica_is_found() {
    fails_over(Program::Redis).await;
}

#[tokio::test]
async fn after_a_failover_of_valkey_too() {
    fails_over(Program::Valkey).await;
}

async fn fails_over(program: Program) {
    let mut sentinels = Sentinels::start(program);
    let hearing = LinkOptions {
        channel: Some("ringback:woken".to_owned()),
        ..options()
    };
    let link = Link::open(&sentinels.url(), hearing).await.unwrap();
    let mut messages = link.subscribe();
    let mut heard = async || {
        timeout(HANG, messages.recv())
            .await
            .expect("it is heard")
            .unwrap()
    };
    assert_eq!(heard().await, Message::Reconnected);
    run_until_answered(&link, "ringback:{1}").await;
    sentinels.kill(0);
    // One of those that watch may be away as well.
    sentinels.kill_sentinel(0);
    run_until_answered(&link, "ringback:{2}").await;
    assert_eq!(
        sentinels.command(1, &["EXISTS", "ringback:{2}"]),
        Value::Int(1)
    );
    assert_eq!(heard().await, Message::Reconnected);
    sentinels.command(1, &["PUBLISH", "ringback:woken", "yes"]);
    assert_eq!(heard().await, Message::Published("yes".into()));
}
/// The old master comes back and believes in itself; the sentinels know better.
#[tokio::test]
async fn a_master_that_returns_is_not_believed() {
    let mut sentinels = Sentinels::start(Program::Redis);
    let link = open(&sentinels.url()).await;
    sentinels.kill(0);
    run_until_answered(&link, "ringback:{1}").await;
    sentinels.restart(0);
    sentinels.command(1, &["CLIENT", "KILL", "TYPE", "normal"]);
    let again = run_until_answered(&link, "ringback:{1}").await;
    assert_eq!(Ok(again), counted("ringback:{1}", "x", 2));
}

/// The connection stands, only the server's part has changed.
#[tokio::test]
async fn a_master_that_becomes_a_replica_is_left() {
    let sentinels = Sentinels::start(Program::Redis);
    let link = open(&sentinels.url()).await;
    run_until_answered(&link, "ringback:{1}").await;
    until_copied(&sentinels);
    sentinels.swap_by_hand();
    let script = counting();
    let answers = link.run(vec![call(&script, "ringback:{1}", "x")]).await;
    assert!(
        matches!(&answers[..], [Err(LinkError::Unavailable(reason))] if reason.starts_with("READONLY")),
        "{answers:?}"
    );
    let again = run_until_answered(&link, "ringback:{1}").await;
    assert_eq!(Ok(again), counted("ringback:{1}", "x", 2));
}

/// Replication is asynchronous: the link goes on, and the journal knows what is missing.
#[tokio::test]
async fn what_the_replica_missed_is_gone_after_a_failover() {
    let mut sentinels = Sentinels::start(Program::Redis);
    let link = open(&sentinels.url()).await;
    let proxy = Proxy::start(sentinels.address(0));
    sentinels.follow_through(proxy.address());
    run_until_answered(&link, "ringback:{1}").await;
    until_copied(&sentinels);
    proxy.set(Mode::BlackHole);
    let missed = run_until_answered(&link, "ringback:{1}").await;
    assert_eq!(Ok(missed), counted("ringback:{1}", "x", 2));
    sentinels.kill(0);
    let again = run_until_answered(&link, "ringback:{1}").await;
    assert_eq!(Ok(again), counted("ringback:{1}", "x", 2));
}

fn until_copied(sentinels: &Sentinels) {
    until("the replica has it, too", || {
        sentinels.command(1, &["EXISTS", "ringback:{1}"]) == Value::Int(1)
    });
}

#[tokio::test]
async fn sentinels_and_master_are_spoken_to_in_tls() {
    let authority = Authority::new();
    let sentinels = Sentinels::with_tls(&authority);
    let link = Link::open(&sentinels.url(), trusting(&authority))
        .await
        .unwrap();
    run_until_answered(&link, "ringback:{1}").await;
    let refused = Link::open(&sentinels.url(), options()).await;
    assert!(matches!(refused, Err(LinkError::Settings(text)) if text.contains("certificate")));
}

#[tokio::test]
async fn wrong_settings_are_told_apart() {
    let sentinels = Sentinels::start(Program::Redis);
    let (right, watch) = ("server-password", "sentinel-password");
    let cases = [
        (
            sentinels.url_with("hunter2", watch, "ringback"),
            "user and password",
        ),
        (
            sentinels.url_with(right, "hunter2", "ringback"),
            "sentinel_password",
        ),
        (
            sentinels.url_with(right, watch, "other"),
            "no master \"other\"",
        ),
    ];
    for (url, part) in cases {
        let Err(LinkError::Settings(text)) = Link::open(&url, options()).await else {
            panic!("{part} must be refused");
        };
        assert!(
            text.starts_with("queue.url: ") && text.contains(part),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}
