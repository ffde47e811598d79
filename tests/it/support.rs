//! What tests stand on.

pub(crate) mod app;
pub(crate) mod endpoint;
pub(crate) mod process;
