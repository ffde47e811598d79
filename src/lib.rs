//! Ringback: the callback gateway that brings annotation results to customers.
//!
//! Reading order: [`callback`] holds the pure decisions (what a callback is,
//! where it goes, how it is signed, what an answer means); [`queue`] knows what
//! is due next; [`clock`] is the only reader of time.

pub mod callback;
pub mod clock;
pub mod queue;
