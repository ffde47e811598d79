//! What is sent, what is understood, and where reading ends.

use super::answered;
use super::client;
use super::failed;
use super::post;
use super::settings;
use crate::support::receiver::OK;
use crate::support::receiver::Receiver;
use ringback::callback::Fault;
use ringback::callback::Outcome;
use ringback::delivery::client::Client;
use ringback::delivery::client::ClientSettings;
use std::process::Command;
use tokio::net::TcpListener;

#[tokio::test]
async fn the_wire_carries_what_was_given_and_nothing_else() {
    let receiver = Receiver::answering(OK).await;
    let answer = post(&client(), &receiver.url()).await;
    assert_eq!(answer.outcome, answered(200));
    assert_eq!(answer.remote, Some(receiver.address));
    let request = String::from_utf8(receiver.requests().remove(0)).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST /hook HTTP/1.1"));
    let mut headers: Vec<_> = lines.collect();
    headers.sort_unstable();
    let host = format!("host: {}", receiver.address);
    let expected = ["content-length: 7", "content-type: application/json", &host];
    assert_eq!(headers, expected);
    assert_eq!(body, "{\"a\":1}");
}

/// Scenario 48. The receiver answers with the status it is asked for.
#[tokio::test]
async fn every_status_is_an_answer_and_no_redirect_is_followed() {
    let receiver = Receiver::start(async |mut conn| {
        while let Some(request) = conn.read_request().await {
            let status = String::from_utf8_lossy(&request[6..9]).into_owned();
            let head =
                format!("HTTP/1.1 {status} X\r\nlocation: /hook\r\ncontent-length: 0\r\n\r\n");
            conn.send(head.as_bytes()).await;
        }
    });
    let receiver = receiver.await;
    let client = client();
    for status in 200..=599 {
        let url = receiver.url().join(&format!("/{status}")).unwrap();
        let expected = Outcome::Answered {
            status,
            retry_after: None,
            location: (300..400).contains(&status).then(|| "/hook".to_owned()),
        };
        assert_eq!(post(&client, &url).await.outcome, expected);
    }
    assert_eq!(receiver.requests().len(), 400);
}

#[tokio::test]
async fn interim_answers_are_passed_over_but_a_switch_is_final() {
    let check = async |bytes, expected| {
        let receiver = Receiver::answering(bytes).await;
        let answer = post(&client(), &receiver.url()).await;
        assert_eq!(answer.outcome, answered(expected));
    };
    check(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204).await;
    check(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        101,
    )
    .await;
}

#[tokio::test]
async fn headers_that_matter_are_passed_on_as_they_came() {
    let receiver = Receiver::answering(
        b"HTTP/1.1 503 X\r\nretry-after: \xff1e300\r\nretry-after: 5\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
    );
    let receiver = receiver.await;
    let expected = Outcome::Answered {
        status: 503,
        retry_after: Some("\u{fffd}1e300".to_owned()),
        location: None,
    };
    assert_eq!(post(&client(), &receiver.url()).await.outcome, expected);
}

#[tokio::test]
async fn an_unfinished_answer_is_cut() {
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\nserver: x\r\n"] {
        let receiver = Receiver::start(move |mut conn| async move {
            conn.read_request().await;
            conn.send(bytes).await;
        });
        let receiver = receiver.await;
        let answer = post(&client(), &receiver.url()).await;
        assert_eq!(answer.outcome, failed(Fault::Cut));
    }
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.reset();
    });
    let answer = post(&client(), &receiver.await.url()).await;
    assert_eq!(answer.outcome, failed(Fault::Cut));
}

/// A body that breaks off is the receiver's loss: its head said it has the callback.
#[tokio::test]
async fn a_cut_body_is_still_an_answer() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\npart")
            .await;
    });
    let answer = post(&client(), &receiver.await.url()).await;
    assert_eq!(answer.outcome, answered(200));
    assert_eq!(answer.kept_body, "part");
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_fault() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"\0\0\0\0",
    ] {
        let receiver = Receiver::answering(bytes).await;
        let answer = post(&client(), &receiver.url()).await;
        assert_eq!(answer.outcome, failed(Fault::Protocol), "{bytes:?}");
    }
}

/// Scenario 42: heads without end.
#[tokio::test]
async fn a_head_beyond_its_limits_is_refused() {
    let check = async |start: &'static [u8], rest: &'static [u8]| {
        let receiver = Receiver::start(move |mut conn| async move {
            conn.read_request().await;
            conn.send(start).await;
            conn.flood(rest).await;
        });
        let receiver = receiver.await;
        let answer = post(&client(), &receiver.url()).await;
        assert_eq!(answer.outcome, failed(Fault::Protocol));
    };
    check(b"HTTP/1.1 200 OK\r\nx: ", &[b'a'; 4096]).await;
    check(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n").await;
}

#[tokio::test]
async fn a_hundred_headers_pass_and_one_more_does_not() {
    for (count, expected) in [(99, answered(200)), (100, failed(Fault::Protocol))] {
        let receiver = Receiver::start(move |mut conn| async move {
            conn.read_request().await;
            let more = "x: y\r\n".repeat(count);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{more}\r\n");
            conn.send(head.as_bytes()).await;
            conn.hang().await;
        });
        let receiver = receiver.await;
        assert_eq!(post(&client(), &receiver.url()).await.outcome, expected);
    }
}

/// Scenario 42: bodies without end. That the flood stops is the proof that the client
/// closed the connection; what it kept is bounded.
#[tokio::test]
async fn a_body_beyond_its_limits_is_cut() {
    let check = async |head: &'static [u8], chunk: &'static [u8]| {
        let receiver = Receiver::start(move |mut conn| async move {
            conn.read_request().await;
            conn.send(head).await;
            conn.flood(chunk).await;
            conn.log.reached.notify_one();
        });
        let receiver = receiver.await;
        let answer = post(&client(), &receiver.url()).await;
        receiver.log.reached.notified().await;
        assert_eq!(answer.outcome, answered(200));
        assert_eq!(answer.kept_body.len(), 4096);
    };
    check(
        b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n",
        &[b'a'; 8192],
    )
    .await;
    check(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
    )
    .await;
    check(b"HTTP/1.1 200 OK\r\n\r\n", &[b'a'; 8192]).await;
}

/// Scenario 43: whatever the encoding claims, bytes stay bytes.
#[tokio::test]
async fn an_encoded_body_is_never_decoded() {
    let receiver = Receiver::answering(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\n\x1f\x8b\x08\x00\xff\x00",
    );
    let answer = post(&client(), &receiver.await.url()).await;
    assert_eq!(answer.outcome, answered(200));
    assert_eq!(answer.kept_body, &b"\x1f\x8b\x08\x00\xff\x00"[..]);
}

/// Scenario 45: the receiver takes the second request on the kept connection and closes.
#[tokio::test]
async fn a_stale_connection_is_one_failed_attempt_and_one_copy() {
    let receiver = Receiver::start(async |mut conn| {
        conn.read_request().await;
        conn.send(OK).await;
        conn.read_request().await;
    });
    let receiver = receiver.await;
    let client = client();
    assert_eq!(post(&client, &receiver.url()).await.outcome, answered(200));
    let answer = post(&client, &receiver.url()).await;
    assert_eq!(answer.outcome, failed(Fault::Cut));
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let answer = post(&client(), &url.parse().unwrap()).await;
    assert_eq!(answer.outcome, failed(Fault::ConnectRefused));
}

#[tokio::test]
async fn an_illegal_url_is_not_dialled() {
    for url in [
        "http://a:b@127.0.0.1/",
        "http://a@127.0.0.1/",
        "http://127.0.0.1:0/",
        "ftp://127.0.0.1/",
        "data:x",
    ] {
        let answer = post(&client(), &url.parse().unwrap()).await;
        assert_eq!(answer.outcome, failed(Fault::Url), "{url}");
    }
}

/// Scenario 53. The environment is a process's, so another process runs a test that
/// passes only if the receiver is reached directly.
#[tokio::test]
async fn proxies_of_the_environment_have_no_effect() {
    let proxy = Receiver::answering(OK).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "delivery::connections::a_connection_is_used_again",
    ]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, proxy.url().as_str());
        child.env(name.to_lowercase(), proxy.url().as_str());
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = tokio::task::spawn_blocking(move || child.output());
    let output = output.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let refused = |settings| Client::new(settings).is_err();
    assert!(!refused(settings()));
    assert!(refused(ClientSettings {
        attempt_timeout_ms: 5_000,
        ..settings()
    }));
    assert!(refused(ClientSettings {
        head_bytes_max: 8191,
        ..settings()
    }));
    assert!(refused(ClientSettings {
        extra_roots: vec![vec![1, 2, 3].into()],
        ..settings()
    }));
}
