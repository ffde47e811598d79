//! One connection to one address: TCP, TLS where asked for, and the handshake, all within
//! one budget. Certificates are always verified. Nothing here tries again.

use super::LinkOptions;
use super::url::{Address, Login, Target};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, Pipeline, ProtocolVersion, PushInfo, RedisConnectionInfo,
    RedisError, Value,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use socket2::{SockRef, TcpKeepalive};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Moves the bytes of a connection; ends when the connection does. Dropping it closes
/// the connection.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where what the server pushes by itself goes.
pub(super) type Pushes = mpsc::UnboundedSender<PushInfo>;

/// Who we are, whom we trust and how long we wait, the same for every address.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    tls: Option<TlsConnector>,
    login: Login,
    /// The part of `queue.url` that holds `login`.
    login_part: &'static str,
    database: u32,
    /// Connections that nodes have opened to servers, ever.
    pub(super) opened: Arc<AtomicU64>,
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(super) enum DialError {
    /// As configured it cannot come about: names the setting and the fix.
    Refused(String),
    /// It may work later.
    Unreachable(String),
}

/// A connection that works.
pub(super) struct Dialled {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Driver,
    pub(super) address: Address,
}

impl Dialer {
    /// Reads the authorities' file once. The error names the setting.
    pub(super) fn new(target: &Target, options: &LinkOptions) -> Result<Self, String> {
        let tls = if target.tls {
            Some(connector(options.tls_ca_file.as_deref())?)
        } else {
            None
        };
        Ok(Self {
            connect_timeout: options.connect_timeout,
            response_timeout: options.response_timeout,
            tls,
            login: target.login.clone(),
            login_part: "user and password",
            database: target.database,
            opened: Arc::default(),
        })
    }

    /// The same towards sentinels, which have their own login and no databases.
    pub(super) fn towards_sentinels(&self, login: Login) -> Self {
        Self {
            login,
            login_part: "sentinel_user and sentinel_password",
            database: 0,
            ..self.clone()
        }
    }

    /// Connects within the budget and hears the server answer.
    pub(super) async fn dial(
        &self,
        address: &Address,
        pushes: Option<Pushes>,
    ) -> Result<Dialled, DialError> {
        let late = || DialError::Unreachable(format!("{address} does not answer in time"));
        timeout(self.connect_timeout, self.dial_at_leisure(address, pushes))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn dial_at_leisure(
        &self,
        address: &Address,
        pushes: Option<Pushes>,
    ) -> Result<Dialled, DialError> {
        let unreachable = |error| DialError::Unreachable(format!("{address}: {error}"));
        let tcp = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        // A peer that vanished without a word is noticed although nothing is sent.
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(10))
            .with_interval(Duration::from_secs(5));
        SockRef::from(&tcp)
            .set_tcp_keepalive(&keepalive)
            .map_err(unreachable)?;
        match &self.tls {
            None => self.shake_hands(address, tcp, pushes).await,
            Some(connector) => {
                let name = ServerName::try_from(address.host.clone()).map_err(|_| {
                    let host = &address.host;
                    DialError::Refused(format!("queue.url: TLS needs a host name, not {host}"))
                })?;
                let secure = connector.connect(name, tcp).await;
                let secure = secure.map_err(|error| tls_error(address, &error))?;
                self.shake_hands(address, secure, pushes).await
            }
        }
    }

    async fn shake_hands<S>(
        &self,
        address: &Address,
        stream: S,
        pushes: Option<Pushes>,
    ) -> Result<Dialled, DialError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut info = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name();
        if let Some(user) = &self.login.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.login.password {
            info = info.set_password(password);
        }
        // Our own timeouts also cover the wait for room to send.
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(pushes) = pushes {
            config = config.set_push_sender(pushes);
        }
        let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (connection, driver) = made.map_err(|error| self.refusal(address, &error))?;
        let mut dialled = Dialled {
            connection,
            driver: Box::pin(driver),
            address: address.clone(),
        };
        let mut greeting = redis::pipe();
        greeting.cmd("PING");
        if self.database != 0 {
            greeting.cmd("SELECT").arg(self.database);
        }
        let answers = dialled.ask(&greeting).await?;
        for (index, answer) in answers.into_iter().enumerate() {
            if let Value::ServerError(error) = answer {
                return Err(match index {
                    0 => self.refusal(address, &error.into()),
                    _ => DialError::Refused(format!(
                        "queue.url: {address} has no database {}: choose another",
                        self.database
                    )),
                });
            }
        }
        Ok(dialled)
    }

    /// Only what a change of settings can cure is refused; a server that is loading or
    /// full passes.
    fn refusal(&self, address: &Address, error: &RedisError) -> DialError {
        let code = error.code().unwrap_or_default();
        match (error.kind(), code) {
            (ErrorKind::AuthenticationFailed, _) | (_, "WRONGPASS" | "NOAUTH" | "NOPERM") => {
                DialError::Refused(format!(
                    "queue.url: {address} refuses us ({code}): correct {}",
                    self.login_part
                ))
            }
            (ErrorKind::RESP3NotSupported, _) => DialError::Refused(format!(
                "queue.url: {address} is older than Redis 7: use Redis 7 or Valkey"
            )),
            _ => DialError::Unreachable(format!("{address}: {error}")),
        }
    }
}

impl Dialled {
    /// Asks before the connection is shared; the caller bounds the time. Error replies
    /// are among the answers.
    pub(super) async fn ask(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, DialError> {
        let unreachable =
            |reason: &str| DialError::Unreachable(format!("{}: {reason}", self.address));
        let asked = self
            .connection
            .send_packed_commands(pipeline, 0, pipeline.len());
        tokio::select! {
            answers = asked => answers.map_err(|error| unreachable(&error.to_string())),
            () = &mut self.driver => Err(unreachable("the connection was closed")),
        }
    }
}

impl std::fmt::Display for DialError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Refused(text) | Self::Unreachable(text)) = self;
        out.write_str(text)
    }
}

/// Trusts the file's authorities if there is one, else Mozilla's. A provider set for the
/// whole process has no influence.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let fails = |error: &dyn std::fmt::Display| {
                format!("queue.redis_ca_file {}: {error}", file.display())
            };
            let read: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
            for root in read.map_err(|error| fails(&error))? {
                roots.add(root).map_err(|error| fails(&error))?;
            }
            if roots.is_empty() {
                return Err(fails(&"holds no certificate"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn tls_error(address: &Address, error: &std::io::Error) -> DialError {
    let within = error.get_ref().and_then(|inner| inner.downcast_ref());
    match within {
        Some(rustls::Error::InvalidCertificate(reason)) => DialError::Refused(format!(
            "queue.url: the certificate of {address} is not trusted ({reason}): \
             correct the host or queue.redis_ca_file"
        )),
        _ => DialError::Unreachable(format!("{address}: {error}")),
    }
}
