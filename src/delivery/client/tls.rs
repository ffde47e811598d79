//! TLS towards receivers: verification is always on and has no switch, the crypto
//! provider is named here, and what goes wrong is told apart by type.

use crate::callback::Fault;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// A connector that trusts Mozilla's authorities and `extra_roots`. A provider set
/// for the whole process has no influence.
pub(super) fn connector(
    extra_roots: Vec<CertificateDer<'static>>,
) -> Result<TlsConnector, rustls::Error> {
    let mut config = client_config(extra_roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What clients connect with: verification, authorities, and no protocol chosen yet.
///
/// # Errors
/// The library's, for a root that is no certificate.
pub fn client_config(
    extra_roots: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, rustls::Error> {
    let mozilla = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    let mut roots: RootCertStore = mozilla.collect();
    for root in extra_roots {
        roots.add(root)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The TLS failure inside an I/O error, where tokio-rustls puts it.
pub(super) fn fault_within(error: &io::Error) -> Option<Fault> {
    error
        .get_ref()?
        .downcast_ref::<rustls::Error>()
        .map(fault_of)
}

fn fault_of(error: &rustls::Error) -> Fault {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Fault::Tls;
    };
    match reason {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Fault::TlsExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::TlsName
        }
        // A bad signature is an impostor with the name of a known authority. `Other` is
        // a self-signed certificate that claims to be an authority, the form
        // `openssl req -x509` makes: an end entity must not be one.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::Other(_) => Fault::TlsChain,
        _ => Fault::Tls,
    }
}
