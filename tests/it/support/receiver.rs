//! A scripted receiver on loopback, below HTTP: a script sees each connection as bytes
//! and may answer, drip, hang, reset or lie. Its tasks end when it is dropped.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

/// An empty 200 that keeps the connection open.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What a receiver saw.
#[derive(Default)]
pub(crate) struct Log {
    /// Every request that arrived whole, head and body.
    pub(crate) requests: Mutex<Vec<Vec<u8>>>,
    /// How many connections were accepted.
    pub(crate) connections: AtomicUsize,
    /// Told by a script that the moment the test waits for has come.
    pub(crate) reached: Notify,
}

/// A listening receiver.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    accepting: tokio::task::JoinHandle<()>,
}

/// One accepted connection.
pub(crate) struct Conn<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) log: Arc<Log>,
}

impl Receiver {
    /// Runs `script` for each connection.
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Conn) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1", script).await
    }

    /// The same on another loopback address.
    pub(crate) async fn start_at<F, Fut>(ip: &str, script: F) -> Self
    where
        F: Fn(Conn) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let seen = Arc::clone(&log);
        let accepting = tokio::spawn(async move {
            let mut scripts = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let log = Arc::clone(&seen);
                scripts.spawn(script(Conn { stream, log }));
            }
        });
        Self {
            address,
            log,
            accepting,
        }
    }

    /// Answers every request with these bytes.
    pub(crate) async fn answering(bytes: &'static [u8]) -> Self {
        Self::start(move |mut conn| async move {
            while conn.read_request().await.is_some() {
                conn.send(bytes).await;
            }
        })
        .await
    }

    /// Its URL as an address, without a name to look up.
    pub(crate) fn url(&self) -> Url {
        format!("http://{}/hook", self.address).parse().unwrap()
    }

    /// Its URL under a name.
    pub(crate) fn url_as(&self, scheme: &str, host: &str) -> Url {
        let port = self.address.port();
        format!("{scheme}://{host}:{port}/hook").parse().unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.log.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conn<S> {
    /// Reads one request; `None` when the client closed instead.
    pub(crate) async fn read_request(&mut self) -> Option<Vec<u8>> {
        let mut request = Vec::new();
        loop {
            if let Some(end) = request_end(&request)
                && request.len() >= end
            {
                self.log.requests.lock().unwrap().push(request.clone());
                return Some(request);
            }
            if self.stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Reads whatever comes first.
    pub(crate) async fn read_some(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4096);
        let _ = self.stream.read_buf(&mut bytes).await;
        bytes
    }

    /// Sends bytes; says whether the client still listens.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.stream.write_all(bytes).await;
        sent.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Sends bytes over and over until the client closes the connection.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) {
        while self.send(bytes).await {}
    }

    /// One byte a second.
    pub(crate) async fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Keeps the connection open and silent.
    pub(crate) async fn hang(self) {
        let _open = self.stream;
        pending::<()>().await;
    }
}

impl Conn<TcpStream> {
    /// Closes with a reset instead of a goodbye.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// Where a request ends, once its head is there.
fn request_end(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.split("content-length: ").nth(1)?;
    let length: usize = length.split("\r\n").next()?.parse().ok()?;
    Some(head + length)
}
