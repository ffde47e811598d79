//! Ringback: the callback gateway that brings annotation results to customers.
//!
//! Reading order: [`callback`] holds the pure decisions (what a callback is,
//! where it goes, how it is signed, what an answer means).

pub mod callback;
