//! A certificate authority of our own and a server's certificate, as the files that
//! servers and clients read.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;

/// The files go when it is dropped.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// Issues one certificate for servers on loopback.
    pub(crate) fn new() -> Self {
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // With one name for both, OpenSSL takes the server's certificate for self-signed.
        let name = "the tests' authority";
        params.distinguished_name.push(DnType::CommonName, name);
        let root = params.self_signed(&key).unwrap();
        std::fs::write(this.file(), root.pem()).unwrap();

        let server_key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let server = CertificateParams::new(names).unwrap();
        let server = server.signed_by(&server_key, &Issuer::new(params, key));
        std::fs::write(this.server_file(), server.unwrap().pem()).unwrap();
        std::fs::write(this.server_key_file(), server_key.serialize_pem()).unwrap();
        this
    }

    /// For whoever should trust it.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The certificate for 127.0.0.1 and localhost.
    pub(crate) fn server_file(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    pub(crate) fn server_key_file(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}
