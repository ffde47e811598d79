//! The queue of many processes. Nothing outside this module names the crate `redis`.

pub mod link;
