//! The accept loop: limits on heads, bodies, idleness and connections.

use crate::support::app::{TEAM, TestApp};
use ringback::api::server;
use ringback::callback::Mode;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

async fn serve(app: &TestApp) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app.routes();
    (
        address,
        tokio::spawn(server::run(
            app.app.clone(),
            listener,
            router,
            app.app.shutdown.clone(),
        )),
    )
}

/// What comes until the server closes. A reset is a way to close.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_head_that_never_ends_and_an_idle_connection_are_closed() {
    let app = TestApp::with(|config| config.api.head_timeout_ms = 100).await;
    let (address, _) = serve(&app).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /x HTTP/1.1\r\nhost: a\r\nx-slow:")
        .await
        .unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(until_closed(&mut slow).await, "");
    let answered = until_closed(&mut idle).await;
    assert!(
        answered.starts_with("HTTP/1.1 404") && answered.contains("not_found"),
        "{answered}"
    );
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let app = TestApp::with(|config| config.api.body_timeout_ms = 100).await;
    let (address, _) = serve(&app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /internal/v1/results HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        app.key()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answered = until_closed(&mut stream).await;
    assert!(
        answered.starts_with("HTTP/1.1 408") && answered.contains("body_timeout"),
        "{answered}"
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let app = TestApp::with(|config| config.api.connections_per_ip_max = 2).await;
    let (address, _) = serve(&app).await;
    let get = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get).await.unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).await.unwrap();
        open.push(stream);
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(until_closed(&mut third).await, "");
    assert_eq!(app.app.metrics.connections_refused_total.get(), 1);
    open.clear();
    // The server sees the two close in its own time: try until there is a place.
    loop {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut first = [0];
        if stream.write_all(get).await.is_ok() && stream.read_exact(&mut first).await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn a_giant_head_is_refused() {
    let app = TestApp::start().await;
    let (address, _) = serve(&app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let giant = format!(
        "GET /x HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "y".repeat(100_000)
    );
    // The server may close before all of it is sent.
    let _ = stream.write_all(giant.as_bytes()).await;
    let answered = until_closed(&mut stream).await;
    assert!(
        answered.is_empty() || answered.starts_with("HTTP/1.1 431"),
        "{answered}"
    );
}

#[tokio::test]
async fn the_end_waits_for_requests_and_closes_idle_connections() {
    let app = TestApp::start().await;
    let (address, server) = serve(&app).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0];
    idle.read_exact(&mut first).await.unwrap();
    app.app.shutdown.stop();
    server.await.unwrap();
    assert!(
        !until_closed(&mut idle).await.is_empty(),
        "the rest of the answer, then the end"
    );
}

/// The address under which a change through the accept loop is logged.
async fn logged_address(app: &TestApp, head: &str) -> String {
    let (address, _) = serve(app).await;
    let now = app.clock.now();
    let key = app.app.records.add_api_key(TEAM, Mode::Live, now).await;
    let key = key.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/projects HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\n{head}content-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answered = until_closed(&mut stream).await;
    assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
    let logged = app.app.records.audit_before(TEAM, None, 1).await.unwrap();
    logged[0].entry.address.clone()
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_request_it_brings() {
    let head = "x-forwarded-for: 198.51.100.7\r\nx-forwarded-for: 192.0.2.1, 127.0.0.9\r\n";
    let app = TestApp::start().await;
    assert_eq!(
        logged_address(&app, head).await,
        "127.0.0.1",
        "trusts nobody"
    );
    let trusting = |config: &mut ringback::config::Config| {
        config.api.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let app = TestApp::with(trusting).await;
    assert_eq!(logged_address(&app, head).await, "192.0.2.1");
    assert_eq!(logged_address(&app, "").await, "127.0.0.1");
}
