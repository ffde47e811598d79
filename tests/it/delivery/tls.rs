//! Scenario 46: whom we trust, and that a bad handshake never falls back to plain text.

use super::answered;
use super::failed;
use super::post;
use super::settings;
use crate::support::receiver::Conn;
use crate::support::receiver::OK;
use crate::support::receiver::Receiver;
use crate::support::resolver::Scripted;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use ringback::callback::Fault;
use ringback::callback::Outcome;
use ringback::delivery::client::Client;
use ringback::delivery::client::ClientSettings;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

pub(super) const NAME: &str = "receiver.test";

struct Authority {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("an authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let root = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self { root, issuer }
    }

    fn issue(&self, name: &str, adjust: impl Fn(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        adjust(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(leaf.der().clone(), &key)
    }

    /// What a POST comes to when we trust this authority and the receiver has this certificate.
    async fn outcome(&self, acceptor: TlsAcceptor) -> Outcome {
        let receiver = secure(acceptor).await;
        let client = trusting(&self.root);
        let answer = post(&client, &receiver.url_as("https", NAME)).await;
        let delivered = matches!(answer.outcome, Outcome::Answered { .. });
        assert_eq!(receiver.requests().len(), usize::from(delivered));
        assert_eq!(receiver.connections(), 1);
        answer.outcome
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    // Offered both, the client must not choose what it does not speak.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn secure(acceptor: TlsAcceptor) -> Receiver {
    Receiver::start(move |conn| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(conn.stream).await else {
                return;
            };
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            assert_eq!(stream.get_ref().1.server_name(), Some(NAME));
            let mut conn = Conn {
                stream,
                log: conn.log,
            };
            while conn.read_request().await.is_some() {
                conn.send(OK).await;
            }
        }
    })
    .await
}

/// A client, and what makes a receiver one that it trusts.
pub(super) fn client_and_acceptor() -> (Client, TlsAcceptor) {
    let authority = Authority::new();
    (trusting(&authority.root), authority.issue(NAME, |_| ()))
}

fn trusting(root: &CertificateDer<'static>) -> Client {
    Client::new(ClientSettings {
        resolver: Scripted::new(&[&["127.0.0.1"]]),
        extra_roots: vec![root.clone()],
        ..settings()
    })
    .unwrap()
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() {
    let authority = Authority::new();
    let receiver = secure(authority.issue(NAME, |_| ())).await;
    let client = trusting(&authority.root);
    for _ in 0..2 {
        let answer = post(&client, &receiver.url_as("https", NAME)).await;
        assert_eq!(answer.outcome, answered(200));
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told_apart() {
    let authority = Authority::new();
    let past = authority.issue(NAME, |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let future = authority.issue(NAME, |params| {
        params.not_before = rcgen::date_time_ymd(2999, 1, 1);
    });
    assert_eq!(authority.outcome(past).await, failed(Fault::TlsExpired));
    assert_eq!(authority.outcome(future).await, failed(Fault::TlsExpired));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_apart() {
    let authority = Authority::new();
    let other = authority.issue("other.test", |_| ());
    assert_eq!(authority.outcome(other).await, failed(Fault::TlsName));
}

/// An impostor that bears the name of a trusted authority is no better than a stranger.
#[tokio::test]
async fn an_unknown_authority_is_told_apart() {
    for name in ["a stranger", "an authority"] {
        let unknown = Authority::named(name).issue(NAME, |_| ());
        let outcome = Authority::new().outcome(unknown).await;
        assert_eq!(outcome, failed(Fault::TlsChain), "{name}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_an_unknown_chain() {
    let authority = Authority::new();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.is_ca = is_ca;
        let own = params.self_signed(&key).unwrap();
        let own = acceptor(own.der().clone(), &key);
        assert_eq!(authority.outcome(own).await, failed(Fault::TlsChain));
    }
}

/// A receiver of TLS 1.0 answers our hello with a `protocol_version` alert; others
/// answer in plain text or hang up. None of them gets to see the request.
#[tokio::test]
async fn what_is_not_modern_tls_gets_no_request() {
    let alert: &[u8] = &[21, 3, 1, 0, 2, 2, 70];
    for answer in [alert, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""] {
        let receiver = Receiver::start(move |mut conn| async move {
            let hello = conn.read_some().await;
            conn.log.requests.lock().unwrap().push(hello);
            conn.send(answer).await;
        });
        let receiver = receiver.await;
        let client = trusting(&Authority::new().root);
        let outcome = post(&client, &receiver.url_as("https", NAME)).await.outcome;
        assert_eq!(outcome, failed(Fault::Tls));
        let [hello] = &receiver.requests()[..] else {
            panic!("one connection, one hello");
        };
        assert_eq!(hello[0], 22, "a TLS handshake record");
    }
}
