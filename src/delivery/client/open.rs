//! A client as the configuration wants it.

use crate::app::App;
use crate::delivery::client::{Client, ClientError, ClientSettings};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

impl Client {
    /// A client with the configured limits, that dials what the guard permits.
    ///
    /// # Errors
    /// [`ClientError`] names the setting.
    pub fn open(app: &App) -> Result<Self, ClientError> {
        let config = &app.config;
        let delivery = &config.delivery;
        Self::new(ClientSettings {
            guard: app.guard.clone(),
            metrics: app.metrics.clone(),
            clock: app.clock.clone(),
            extra_roots: extra_roots(&delivery.extra_ca_file)?,
            connect_timeout_ms: delivery.connect_timeout_ms,
            attempt_timeout_ms: delivery.attempt_timeout_ms,
            head_bytes_max: delivery.response_head_bytes_max,
            body_read_bytes_max: delivery.response_body_bytes_max,
            body_kept_bytes_max: delivery.response_body_bytes_kept,
            idle_ms: delivery.idle_timeout_ms,
            // Not the cap of a lane: many teams may share one origin, and what is above this
            // is closed after each request and opened again for the next.
            idle_per_host_max: config.queue.slots as usize,
            ..ClientSettings::default()
        })
    }
}

/// The certificate authorities in a PEM file; none where no file is named.
///
/// # Errors
/// [`ClientError::Authorities`] for a file that cannot be read.
pub fn extra_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    if file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|source| ClientError::Authorities {
            path: file.to_owned(),
            source,
        })
}
