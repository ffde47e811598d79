//! The limit of open files. The system sets it low, for old programs that cannot take more, and
//! lets a process raise it up to a second limit: a gateway has a connection per request.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of this process as far as it may.
pub(super) fn raise() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error, "the limit of open files stays as it is");
    }
}

/// How far it may be raised; none: without limit.
pub(super) fn most() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}
