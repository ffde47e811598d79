//! Opens connections: resolve once, judge every address, dial exactly those, check who
//! answered, then TLS under the original name. All of it within one budget, and a name
//! is never looked up again between the judgement and the dial. Reads no proxy setting.

use crate::callback::Fault;
use crate::callback::Phase;
use crate::callback::address::Guard;
use crate::clock::Clock;
use crate::delivery::client::certificate;
use crate::delivery::client::resolve::Resolve;
use crate::delivery::client::stream::Stream;
use crate::delivery::client::tls;
use crate::metrics::Metrics;
use crate::metrics::labels::{DialStep, Dialled};
use rustls::pki_types::ServerName;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use url::Host;
use url::Url;

/// How many addresses of one name are tried: with more, each one's share of the budget
/// would be too short to reach anybody.
const ADDRESSES_DIALLED_MAX: usize = 4;

/// What opening a connection needs.
pub(super) struct Dialler {
    pub(super) guard: Guard,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: TlsConnector,
    /// For look-up, connection and TLS handshake together.
    pub(super) budget: Duration,
    /// Where connections are counted.
    pub(super) metrics: Metrics,
    /// Whether a certificate ends soon.
    pub(super) clock: Clock,
}

/// The part of a URL that a connection is for.
struct Origin<'a> {
    secure: bool,
    host: &'a str,
    /// The host again, if it is an address rather than a name.
    literal: Option<IpAddr>,
    port: u16,
}

impl<'a> Origin<'a> {
    /// None where something stands in the URL that must not be dialled.
    fn of(url: &'a Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let is_plain = url.username().is_empty() && url.password().is_none();
        let literal = match url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        };
        Some(Self {
            secure,
            host: url.host_str()?,
            literal,
            port: url.port_or_known_default()?,
        })
        .filter(|origin| is_plain && origin.port != 0)
    }

    fn server_name(&self) -> Result<ServerName<'static>, Fault> {
        match self.literal {
            Some(ip) => Ok(ServerName::from(ip)),
            None => ServerName::try_from(self.host.to_owned()).map_err(|_| Fault::Url),
        }
    }
}

impl Dialler {
    /// Opens a connection to the URL's origin.
    pub(super) async fn open(&self, url: &Url) -> Result<(Stream, SocketAddr), Fault> {
        let opened = self.try_open(url).await;
        let outcome = if opened.is_ok() {
            Dialled::Opened
        } else {
            Dialled::Failed
        };
        self.metrics.connections_dialled_total.of(outcome).inc();
        opened
    }

    async fn try_open(&self, url: &Url) -> Result<(Stream, SocketAddr), Fault> {
        let deadline = Instant::now() + self.budget;
        let origin = Origin::of(url).ok_or(Fault::Url)?;
        let look_up = within(deadline, Phase::Dns, self.addresses(&origin));
        let addresses = self.timed(DialStep::Dns, look_up).await?;
        let dial = within(deadline, Phase::Connect, self.dial(&addresses, deadline));
        let tcp = self.timed(DialStep::Connect, dial).await?;
        let remote = self.check_peer(&tcp, &addresses)?;
        // Requests are small and whole: waiting to fill a segment only delays them.
        tcp.set_nodelay(true).map_err(|_| Fault::ConnectFailed)?;
        if !origin.secure {
            return Ok((tcp.into(), remote));
        }
        let name = origin.server_name()?;
        let handshake = async {
            let result = self.tls.connect(name, tcp).await;
            result.map_err(|error| tls::fault_within(&error).unwrap_or(Fault::Tls))
        };
        let handshake = within(deadline, Phase::Tls, handshake);
        let tls = self.timed(DialStep::Tls, handshake).await?;
        if let Some(ends) = certificate::end_of_peers(&tls) {
            let host = format!("{}:{}", origin.host, origin.port);
            self.metrics.saw_certificate(&host, ends, self.clock.now());
        }
        Ok((tls.into(), remote))
    }

    async fn timed<T>(&self, step: DialStep, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let done = work.await;
        let took = started.elapsed().as_secs_f64();
        self.metrics.dial_seconds.of(step).observe(took);
        done
    }

    /// The addresses to dial, all of them permitted. One bad address refuses them all:
    /// a name that also points inside is an attack, not a receiver.
    async fn addresses(&self, origin: &Origin<'_>) -> Result<Vec<SocketAddr>, Fault> {
        let addresses = match origin.literal {
            Some(ip) => vec![SocketAddr::new(ip, origin.port)],
            None => self
                .resolver
                .resolve(origin.host, origin.port)
                .await
                .map_err(|_| Fault::Dns)?,
        };
        if addresses.is_empty() {
            return Err(Fault::Dns);
        }
        if addresses.iter().all(|at| self.guard.permits(at.ip())) {
            Ok(addresses)
        } else {
            Err(Fault::AddressRefused)
        }
    }

    /// Tries the addresses one by one; each gets an equal share of the time that is
    /// left, so a dead first address cannot use it all. When every one fails, the
    /// first failure is told: it is the address the resolver preferred.
    async fn dial(&self, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Fault> {
        let count = addresses.len().min(ADDRESSES_DIALLED_MAX);
        let mut first_fault = None;
        for (address, left) in addresses.iter().zip((1..=count).rev()) {
            let rest = deadline.saturating_duration_since(Instant::now());
            let share = rest / u32::try_from(left).expect("at most ADDRESSES_DIALLED_MAX");
            let fault = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => connect_fault(&error),
                Err(_) => Fault::Timeout(Phase::Connect),
            };
            first_fault.get_or_insert(fault);
        }
        Err(first_fault.unwrap_or(Fault::Dns))
    }

    /// The last line of defence: whoever we are connected to must be permitted and
    /// must be whom we dialled, whatever happened on the way.
    fn check_peer(&self, tcp: &TcpStream, dialled: &[SocketAddr]) -> Result<SocketAddr, Fault> {
        let peer = tcp.peer_addr().map_err(|error| connect_fault(&error))?;
        let known = dialled
            .iter()
            .any(|at| at.ip() == peer.ip() && at.port() == peer.port());
        if known && self.guard.permits(peer.ip()) {
            Ok(peer)
        } else {
            Err(Fault::AddressRefused)
        }
    }
}

async fn within<T>(
    deadline: Instant,
    phase: Phase,
    step: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout_at(deadline, step)
        .await
        .unwrap_or(Err(Fault::Timeout(phase)))
}

fn connect_fault(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::ConnectRefused,
        io::ErrorKind::TimedOut => Fault::Timeout(Phase::Connect),
        _ => Fault::ConnectFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_plain_host_and_port() {
        let check = |text: &'static str, expected: Option<(&str, u16)>| {
            let url = Url::parse(text).unwrap();
            let origin = Origin::of(&url);
            assert_eq!(origin.map(|o| (o.host, o.port)), expected, "{text}");
        };
        check("http://example.com/x", Some(("example.com", 80)));
        check("https://example.com", Some(("example.com", 443)));
        check("https://example.com:8443/", Some(("example.com", 8443)));
        check("http://[::1]:81/", Some(("[::1]", 81)));
        check("http://user:secret@example.com/", None);
        check("http://user@example.com:80/", None);
        check("http://example.com:80@example.com/", None);
        check("http://127.1/", Some(("127.0.0.1", 80)));
        check("http://example.com:0/", None);
        check("ftp://example.com/", None);
        check("data:text/plain,x", None);
    }
}
