//! hyper's errors → our faults, by type and never by text.

use crate::callback::Fault;
use crate::delivery::client::tls;
use std::error::Error;
use std::io;

/// Why no answer came. Walks from the outermost error to its cause; the first one
/// that says something decides.
pub(super) fn of(error: &hyper::Error) -> Fault {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_parse()
        {
            return Fault::Protocol;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // TLS 1.3 refuses a missing client certificate only after the handshake.
            return tls::fault_within(error).unwrap_or(Fault::Cut);
        }
        cause = error.source();
    }
    // Incomplete, cancelled or closed: the connection ended without an answer.
    Fault::Cut
}
