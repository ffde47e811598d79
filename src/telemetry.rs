//! Logs and traces. Logs go to standard error, so that output can be piped; what is logged
//! can be changed while the process runs. Never a secret, a body or a whole URL of a customer.

pub mod spans;

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What is logged; clones share it.
#[derive(Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// Of a process whose logging nobody started: it shows and changes nothing.
    #[must_use]
    pub fn unchanging() -> Self {
        Self(reload::Layer::new(EnvFilter::default()).1)
    }

    /// What is logged now.
    #[must_use]
    pub fn shown(&self) -> String {
        let shown = self.0.with_current(ToString::to_string);
        shown.unwrap_or_default()
    }

    /// Logs what this filter lets through, from now on.
    ///
    /// # Errors
    /// What is wrong with the filter; then nothing changes.
    pub fn change(&self, filter: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// What is wrong with the filter, or that logging has been started before.
pub fn start(log: &Log) -> Result<LogFilter, String> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| format!("log.filter {:?}: {error}", log.filter))?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines);
    started.try_init().map_err(|error| error.to_string())?;
    Ok(LogFilter(handle))
}
