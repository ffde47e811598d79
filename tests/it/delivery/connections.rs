//! Which connections are used again, and which are not kept.

use super::answered;
use super::client;
use super::post;
use super::settings;
use super::tls;
use crate::support::receiver::Conn;
use crate::support::receiver::OK;
use crate::support::receiver::Receiver;
use ringback::delivery::client::Client;
use ringback::delivery::client::ClientSettings;
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_connection_is_used_again() {
    let receiver = Receiver::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let client = client();
    for _ in 0..5 {
        let answer = post(&client, &receiver.url()).await;
        assert_eq!(answer.kept_body, "ok");
    }
    assert_eq!(receiver.connections(), 1);
    assert_eq!(receiver.requests().len(), 5);
}

#[tokio::test]
async fn a_chunked_answer_leaves_its_connection_usable() {
    let chunks: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    let receiver = Receiver::answering(chunks).await;
    let client = client();
    for _ in 0..2 {
        assert_eq!(post(&client, &receiver.url()).await.kept_body, "ok");
    }
    assert_eq!(receiver.connections(), 1);
}

/// The receiver closes after its answer without saying so in it.
#[tokio::test]
async fn a_connection_that_the_receiver_has_closed_is_not_used() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.send(OK).await;
    });
    let (receiver, other) = (receiver.await, Receiver::answering(OK).await);
    let client = client();
    for _ in 0..3 {
        assert_eq!(post(&client, &receiver.url()).await.outcome, answered(200));
        // A round trip later the news of the close has been heard.
        assert_eq!(post(&client, &other.url()).await.outcome, answered(200));
    }
    assert_eq!(receiver.connections(), 3);
    assert_eq!(receiver.requests().len(), 3);
    assert_eq!(other.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_ends_its_connection_is_the_last_one_there() {
    let receiver =
        Receiver::answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let (receiver, client) = (receiver.await, client());
    for _ in 0..2 {
        assert_eq!(post(&client, &receiver.url()).await.outcome, answered(200));
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_the_limit() {
    let receiver = Receiver::answering(OK).await;
    let client = Client::new(ClientSettings {
        idle_per_host_max: 2,
        ..settings()
    });
    let (client, url) = (client.unwrap(), receiver.url());
    for opened in [3, 4] {
        let posts = [
            post(&client, &url),
            post(&client, &url),
            post(&client, &url),
        ];
        for answer in futures_util::future::join_all(posts).await {
            assert_eq!(answer.outcome, answered(200));
        }
        assert_eq!(receiver.connections(), opened);
    }
}

/// Tells through its log that the client has closed the connection.
async fn until_closed(mut conn: Conn) {
    while conn.read_request().await.is_some() {
        conn.send(OK).await;
    }
    conn.log.reached.notify_one();
}

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed() {
    let receiver = Receiver::start(until_closed).await;
    let client = Client::new(ClientSettings {
        idle_ms: 4_000,
        ..settings()
    });
    let client = client.unwrap();
    post(&client, &receiver.url()).await;
    pass(Duration::from_millis(4_001)).await;
    receiver.log.reached.notified().await;
    assert_eq!(post(&client, &receiver.url()).await.outcome, answered(200));
    assert_eq!(receiver.connections(), 2);
}

/// Overdue connections are looked for now and then, so one may still be there.
#[tokio::test]
async fn a_connection_that_has_waited_too_long_is_not_used() {
    let receiver = Receiver::answering(OK).await;
    let client = Client::new(ClientSettings {
        idle_ms: 1, // and the shortest time between two looks is longer
        ..settings()
    });
    let client = client.unwrap();
    post(&client, &receiver.url()).await;
    pass(Duration::from_millis(2)).await;
    post(&client, &receiver.url()).await;
    assert_eq!(receiver.connections(), 2);
}

/// A receiver that sees a TLS connection end without a farewell must think of an attack.
#[tokio::test]
async fn a_tls_connection_is_ended_as_tls_wants_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (client, acceptor) = tls::client_and_acceptor();
    let receiver = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let log = std::sync::Arc::default();
        let mut conn = Conn { stream, log };
        conn.read_request().await;
        conn.send(OK).await;
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut conn.stream, &mut rest).await
    });
    let url = format!("https://{}:{port}/", tls::NAME).parse().unwrap();
    assert_eq!(post(&client, &url).await.outcome, answered(200));
    pass(Duration::from_secs(5)).await;
    let ended = receiver.await.unwrap();
    assert_eq!(
        ended.expect("close_notify, not only the end of the stream"),
        0
    );
}
