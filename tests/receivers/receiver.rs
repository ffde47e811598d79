//! The receiver in Rust that the dashboard shows and `docs/receivers` holds, as it stands, so
//! that a test can run it. Nothing else may be added here.
#![expect(clippy::unwrap_used, reason = "an example ends where it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "it has no configuration to read")]
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

include!("../../docs/receivers/receiver.rs");
