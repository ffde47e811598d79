//! A TCP proxy whose line can be made bad: slow, silent, broken. On a thread of its own,
//! so that a test that blocks does not stop the line.

#![expect(clippy::unwrap_used, reason = "a proxy that fails fails the test")]

use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As if it were not there.
    Pass,
    /// Each chunk, either way, comes this much later.
    Delay(Duration),
    /// Connections are accepted, nothing arrives. What is sent is kept, as TCP keeps it,
    /// and arrives when the line heals.
    BlackHole,
    /// Open connections are reset, new ones refused.
    Reset,
    /// The client reads the end of the stream; what it sends still arrives.
    HalfClose,
    /// One byte at a time, either way, with this pause after each.
    Drip(Duration),
}

/// The line to one address. When dropped, it ends and closes what is open.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// `None` ends it.
    mode: watch::Sender<Option<Mode>>,
    counts: Arc<Counts>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
}

/// What went over the line so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Accepted, whether or not anything went over them.
    pub(crate) connections: u64,
    /// From clients to the server.
    pub(crate) bytes_up: u64,
    /// From the server to clients.
    pub(crate) bytes_down: u64,
}

impl Proxy {
    /// A line on a free port of loopback to this address.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let (mode, modes) = watch::channel(Some(Mode::Pass));
        let counts = Arc::new(Counts::default());
        let (bound, address) = std::sync::mpsc::channel();
        let line = Line {
            upstream,
            modes,
            counts: counts.clone(),
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                line.serve(listener).await;
            });
        });
        Self {
            address: address.recv().unwrap(),
            mode,
            counts,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the line, open connections included.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(Some(mode));
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Traffic {
            connections: read(&self.counts.connections),
            bytes_up: read(&self.counts.bytes_up),
            bytes_down: read(&self.counts.bytes_down),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode.send_replace(None);
        let thread = self.thread.take().unwrap();
        let ended = thread.join();
        assert!(
            ended.is_ok() || std::thread::panicking(),
            "the proxy panicked"
        );
    }
}

#[derive(Clone)]
struct Line {
    upstream: SocketAddr,
    modes: watch::Receiver<Option<Mode>>,
    counts: Arc<Counts>,
}

impl Line {
    /// Accepts until the end; while the line resets, the port is closed.
    async fn serve(mut self, listener: TcpListener) {
        let address = listener.local_addr().unwrap();
        let mut listener = Some(listener);
        loop {
            let mode = *self.modes.borrow_and_update();
            match mode {
                None => return,
                Some(Mode::Reset) => listener = None,
                Some(_) if listener.is_none() => listener = Some(bind(address).await),
                Some(_) => {}
            }
            tokio::select! {
                changed = self.modes.changed() => changed.unwrap(),
                accepted = accept(listener.as_ref()) => {
                    self.counts.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(self.clone().connect(accepted));
                }
            }
        }
    }

    /// One client to its end.
    async fn connect(mut self, mut client: TcpStream) {
        client.set_nodelay(true).unwrap();
        let mut resets = self.clone();
        // The server hears of the client when the line works. If nobody is there, the
        // client finds out as it would without us.
        let dialled = tokio::select! {
            () = resets.until_reset() => Err(io::ErrorKind::ConnectionReset.into()),
            dialled = self.dial() => dialled,
        };
        let Ok(mut server) = dialled else {
            return reset(&client);
        };
        server.set_nodelay(true).unwrap();
        let (client_read, client_write) = client.split();
        let (server_read, server_write) = server.split();
        let up = Direction::new(&self, |counts| &counts.bytes_up, false);
        let down = Direction::new(&self, |counts| &counts.bytes_down, true);
        let both = async {
            tokio::try_join!(
                up.pump(client_read, server_write),
                down.pump(server_read, client_write),
            )
        };
        let ended = tokio::select! {
            () = resets.until_reset() => Err(io::ErrorKind::ConnectionReset.into()),
            ended = both => ended,
        };
        if ended.is_err() {
            reset(&client);
            reset(&server);
        }
    }

    async fn dial(&mut self) -> io::Result<TcpStream> {
        self.until(|mode| mode != Mode::BlackHole).await;
        TcpStream::connect(self.upstream).await
    }

    async fn until_reset(&mut self) {
        self.until(|mode| mode == Mode::Reset).await;
    }

    /// Returns when the line is such, or ends.
    async fn until(&mut self, is_such: impl Fn(Mode) -> bool) {
        let waited = self.modes.wait_for(|mode| mode.is_none_or(&is_such)).await;
        drop(waited);
    }
}

/// One way of one connection.
struct Direction {
    modes: watch::Receiver<Option<Mode>>,
    counts: Arc<Counts>,
    count: fn(&Counts) -> &AtomicU64,
    /// Towards the client.
    is_down: bool,
}

impl Direction {
    fn new(line: &Line, count: fn(&Counts) -> &AtomicU64, is_down: bool) -> Self {
        Self {
            modes: line.modes.clone(),
            counts: line.counts.clone(),
            count,
            is_down,
        }
    }

    /// Until one side ends its stream, which the other is told.
    async fn pump(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = tokio::select! {
                read = from.read(&mut chunk) => read,
                () = self.until_half_closed() => Ok(0),
            };
            if matches!(read, Ok(0) | Err(_)) {
                // Over a silent line not even the end is heard.
                self.until_heard().await;
            }
            let read = read?;
            if read == 0 {
                return to.shutdown().await;
            }
            if !self.pass(&chunk[..read], &mut to).await? {
                return to.shutdown().await;
            }
        }
    }

    /// Whether there is more to pass.
    async fn pass(&mut self, chunk: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> io::Result<bool> {
        match self.until_heard().await {
            Some(Mode::HalfClose) if self.is_down => return Ok(false),
            Some(Mode::Delay(pause)) => {
                sleep(pause).await;
                // It may have fallen silent meanwhile.
                self.until_heard().await;
                self.write(chunk, to).await?;
            }
            Some(Mode::Drip(pause)) => {
                for byte in chunk.chunks(1) {
                    self.write(byte, to).await?;
                    sleep(pause).await;
                    self.until_heard().await;
                }
            }
            _ => self.write(chunk, to).await?,
        }
        Ok(true)
    }

    async fn write(&self, bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        to.write_all(bytes).await?;
        let count = u64::try_from(bytes.len()).unwrap();
        (self.count)(&self.counts).fetch_add(count, Ordering::SeqCst);
        Ok(())
    }

    async fn until_half_closed(&mut self) {
        let is_down = self.is_down;
        let closed = |mode: &Option<Mode>| is_down && *mode == Some(Mode::HalfClose);
        // A line that ends resets its connections; this one just never half-closes.
        if self.modes.wait_for(closed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns the mode as soon as something can arrive.
    async fn until_heard(&mut self) -> Option<Mode> {
        let heard = self.modes.wait_for(|mode| *mode != Some(Mode::BlackHole));
        heard.await.map_or(None, |mode| *mode)
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        None => std::future::pending().await,
        Some(listener) => listener.accept().await.unwrap().0,
    }
}

/// The port was ours a moment ago, and connections of ours may still linger on it.
async fn bind(address: SocketAddr) -> TcpListener {
    let mut refusal = None;
    for _ in 0..500 {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => refusal = Some(error),
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the proxy's port {address} was taken meanwhile: {refusal:?}");
}

/// Whoever reads or writes next is told that the connection was reset.
fn reset(stream: &TcpStream) {
    // It may be gone already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
