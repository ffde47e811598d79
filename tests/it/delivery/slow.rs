//! Time runs out in each phase. The clock is stopped once the stage is reached, so
//! the real budgets of 5 s and 30 s pass at once.

use super::answered;
use super::client;
use super::failed;
use super::post;
use super::settings;
use crate::support::receiver::Receiver;
use crate::support::resolver::Silent;
use ringback::callback::Fault;
use ringback::callback::Phase;
use ringback::delivery::client::Answer;
use ringback::delivery::client::Client;
use std::sync::Arc;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use url::Url;

const SECOND_US: u64 = 1_000_000;

/// Posts, and stops the clock when the receiver's script says so.
async fn post_frozen(url: &Url, receiver: &Receiver) -> Answer {
    let client = client();
    let freeze = async {
        receiver.log.reached.notified().await;
        tokio::time::pause();
    };
    tokio::join!(post(&client, url), freeze).0
}

#[tokio::test(start_paused = true)]
async fn a_silent_name_server_is_a_look_up_timeout() {
    let client = Client::new(ringback::delivery::client::ClientSettings {
        resolver: Arc::new(Silent),
        ..settings()
    });
    let url = "http://receiver.test/hook".parse().unwrap();
    let answer = post(&client.unwrap(), &url).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout(Phase::Dns)));
    assert_eq!(answer.timing.total_us / SECOND_US, 5);
}

#[tokio::test]
async fn a_full_accept_queue_is_a_connect_timeout() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // A backlog of nothing holds one connection; the system ignores further ones.
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let _first = TcpStream::connect(address).await.unwrap();
    tokio::time::pause();
    let url = format!("http://{address}/").parse().unwrap();
    let answer = post(&client(), &url).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout(Phase::Connect)));
    assert_eq!(answer.remote, None);
}

#[tokio::test]
async fn a_stalled_handshake_is_a_tls_timeout() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_some().await;
        conn.log.reached.notify_one();
        conn.hang().await;
    });
    let receiver = receiver.await;
    let answer = post_frozen(&receiver.url_as("https", "127.0.0.1"), &receiver).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout(Phase::Tls)));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_an_answer_timeout() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.log.reached.notify_one();
        conn.hang().await;
    });
    let receiver = receiver.await;
    let answer = post_frozen(&receiver.url(), &receiver).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout(Phase::Answer)));
    assert_eq!(answer.timing.head_us, None);
    assert!(answer.timing.total_us / SECOND_US >= 30);
}

/// Scenario 41, first half: a byte a second does not keep an attempt alive.
#[tokio::test]
async fn a_dripping_head_ends_at_the_deadline() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.log.reached.notify_one();
        let head = format!("HTTP/1.1 200 OK\r\nx-slow: {}\r\n\r\n", "a".repeat(60));
        conn.drip(head.as_bytes()).await;
    });
    let receiver = receiver.await;
    let answer = post_frozen(&receiver.url(), &receiver).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout(Phase::Answer)));
}

/// Scenario 41, second half: the head was complete, so the callback is delivered; the
/// slot is freed at the deadline all the same.
#[tokio::test]
async fn a_dripping_body_ends_at_the_deadline_but_is_delivered() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nok")
            .await;
        conn.log.reached.notify_one();
        conn.drip(&[b'.'; 90]).await;
    });
    let receiver = receiver.await;
    let answer = post_frozen(&receiver.url(), &receiver).await;
    assert_eq!(answer.outcome, answered(200));
    assert!(answer.kept_body.starts_with(b"ok"));
    assert!(answer.timing.total_us / SECOND_US >= 30);
}
