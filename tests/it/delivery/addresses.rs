//! Which addresses are dialled: every one is judged, after the look-up, before the dial.

use super::answered;
use super::failed;
use super::post;
use super::settings;
use crate::support::receiver::OK;
use crate::support::receiver::Receiver;
use crate::support::resolver::Scripted;
use ringback::callback::Fault;
use ringback::callback::address::Guard;
use ringback::delivery::client::Client;
use ringback::delivery::client::ClientSettings;
use std::sync::Arc;

fn resolving(resolver: &Arc<Scripted>) -> Client {
    let resolver = Arc::clone(resolver) as _;
    Client::new(ClientSettings {
        resolver,
        ..settings()
    })
    .unwrap()
}

/// A receiver that takes one request per connection, so that each attempt dials.
async fn forgetful() -> Receiver {
    Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    })
    .await
}

#[tokio::test]
async fn by_default_no_spelling_of_loopback_is_dialled() {
    let receiver = Receiver::answering(OK).await;
    let client = Client::new(ClientSettings::default()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "１２７.０.０.１",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "localhost",
    ] {
        let answer = post(&client, &receiver.url_as("http", host)).await;
        assert_eq!(answer.outcome, failed(Fault::AddressRefused), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// Scenario 54.
#[tokio::test]
async fn an_allow_list_opens_exactly_its_range() {
    let inside = Receiver::start_at("127.1.0.1", |mut conn| async move {
        conn.read_request().await;
        conn.send(OK).await;
    });
    let (inside, outside) = (inside.await, Receiver::answering(OK).await);
    let guard = Guard::new(vec!["127.1.0.0/16".parse().unwrap()]);
    let client = Client::new(ClientSettings {
        guard,
        ..settings()
    })
    .unwrap();
    assert_eq!(post(&client, &inside.url()).await.outcome, answered(200));
    let refused = failed(Fault::AddressRefused);
    assert_eq!(post(&client, &outside.url()).await.outcome, refused);
    assert_eq!(outside.connections(), 0);
}

/// Scenario 51: the name turns bad between two attempts.
#[tokio::test]
async fn a_name_that_turns_inward_is_never_dialled_again() {
    let receiver = forgetful().await;
    let resolver = Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"], &["169.254.169.254"]]);
    let client = resolving(&resolver);
    let url = receiver.url_as("http", "receiver.test");
    assert_eq!(post(&client, &url).await.outcome, answered(200));
    for lookups in [2, 3] {
        let answer = post(&client, &url).await;
        assert_eq!(answer.outcome, failed(Fault::AddressRefused));
        assert_eq!(resolver.asked().len(), lookups);
    }
    assert_eq!(receiver.connections(), 1);
}

/// Scenario 51: no second look-up inside an attempt, whatever its TTL.
#[tokio::test]
async fn an_attempt_asks_once_and_a_kept_connection_does_not_ask() {
    let receiver = Receiver::answering(OK).await;
    let resolver = Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = resolving(&resolver);
    for _ in 0..3 {
        let answer = post(&client, &receiver.url_as("http", "receiver.test")).await;
        assert_eq!(answer.outcome, answered(200));
    }
    assert_eq!(resolver.asked(), ["receiver.test"]);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn one_bad_address_refuses_all() {
    let receiver = Receiver::answering(OK).await;
    let url = receiver.url_as("http", "receiver.test");
    for addresses in [&["127.0.0.1", "10.0.0.1"], &["::1", "127.0.0.1"]] {
        let client = resolving(&Scripted::new(&[addresses]));
        let answer = post(&client, &url).await;
        assert_eq!(answer.outcome, failed(Fault::AddressRefused));
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_without_addresses_does_not_resolve() {
    let url = "http://receiver.test/".parse().unwrap();
    for answers in [&[][..], &[&[][..]]] {
        let answer = post(&resolving(&Scripted::new(answers)), &url).await;
        assert_eq!(answer.outcome, failed(Fault::Dns));
    }
}

#[tokio::test]
async fn the_next_address_is_tried_when_the_first_is_dead() {
    let receiver = Receiver::answering(OK).await;
    let client = resolving(&Scripted::new(&[&["127.0.0.9", "127.0.0.1"]]));
    let answer = post(&client, &receiver.url_as("http", "receiver.test")).await;
    assert_eq!(answer.outcome, answered(200));
    assert_eq!(answer.remote, Some(receiver.address));
}

/// The default resolver is the system's; `localhost` is the one name it knows offline.
#[tokio::test]
async fn the_system_resolves_names() {
    let guard = Guard::new(vec![
        "127.0.0.0/8".parse().unwrap(),
        "::1/128".parse().unwrap(),
    ]);
    let client = Client::new(ClientSettings {
        guard,
        ..settings()
    })
    .unwrap();
    let receiver = Receiver::answering(OK).await;
    let answer = post(&client, &receiver.url_as("http", "localhost")).await;
    assert_eq!(answer.outcome, answered(200));
}
