//! The accept loop: what `axum::serve` lacks. A time limit on request heads (which also
//! closes idle connections), connection limits, and a graceful end.

use crate::api::audit::Peer;
use crate::api::forwarded;
use crate::app::App;
use crate::shutdown::Shutdown;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::util::ServiceExt;

/// Where proxies write whose request it is.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// A request's head, in bytes and headers.
const HEAD_BYTES_MAX: usize = 16_384;
const HEADERS_MAX: usize = 100;
/// After an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until this shutdown, then lets requests in flight finish within the grace time.
pub async fn run(app: App, listener: TcpListener, router: Router, shutdown: Shutdown) {
    let (tracker, open) = (TaskTracker::new(), Open::new(&app));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.stopping() => break,
        };
        let (stream, ip) = match accepted {
            Ok((stream, address)) => (stream, address.ip()),
            Err(error) => {
                tracing::warn!(error = %error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = open.enter(ip) else {
            app.metrics.connections_refused_total.inc();
            continue;
        };
        let (app, router, shutdown) = (app.clone(), router.clone(), shutdown.clone());
        tracker.spawn(async move {
            serve(&app, stream, ip, router, &shutdown).await;
            drop(place);
        });
    }
    tracker.close();
    let grace = Duration::from_millis(app.config.shutdown.grace_ms);
    tokio::select! {
        _ = tokio::time::timeout(grace, tracker.wait()) => {}
        () = shutdown.killed() => {}
    }
}

async fn serve(app: &App, stream: TcpStream, peer: IpAddr, router: Router, shutdown: &Shutdown) {
    // Answers are small; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let trusted = app.config.api.trusted_proxies.clone();
    let service = router.map_request(move |mut request: Request<Incoming>| {
        let values = request.headers().get_all(FORWARDED_FOR).iter();
        let values = values.map(|value| value.to_str().unwrap_or_default());
        let ip = forwarded::client(peer, values, &trusted);
        request.extensions_mut().insert(Peer(ip));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(app.config.api.head_timeout_ms))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

/// Who is connected.
struct Open {
    connections_max: usize,
    per_ip_max: usize,
    by_ip: Arc<Mutex<ByIp>>,
}

#[derive(Default)]
struct ByIp {
    total: usize,
    counts: HashMap<IpAddr, usize>,
}

/// A connection's place; given back when dropped.
struct Place {
    ip: IpAddr,
    by_ip: Arc<Mutex<ByIp>>,
}

impl Open {
    fn new(app: &App) -> Self {
        let api = &app.config.api;
        Self {
            connections_max: api.connections_max,
            per_ip_max: api.connections_per_ip_max,
            by_ip: Arc::default(),
        }
    }

    fn enter(&self, ip: IpAddr) -> Option<Place> {
        let mut open = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        let from_ip = open.counts.get(&ip).copied().unwrap_or(0);
        if open.total >= self.connections_max || from_ip >= self.per_ip_max {
            return None;
        }
        open.total += 1;
        open.counts.insert(ip, from_ip + 1);
        Some(Place {
            ip,
            by_ip: self.by_ip.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        let left = open.counts.get_mut(&self.ip).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            open.counts.remove(&self.ip);
        }
    }
}
