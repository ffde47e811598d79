//! The one test binary: features through the real parts, adapters through their contracts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod architecture; // arrows down, fences, sizes
mod cli; // the commands of the real binary
mod crash; // kill -9 at random moments
mod dead_letters; // given up: listed, replayed, dropped
mod flow; // the main job: delivered, retried, held, refused
mod intake; // handing in results: forms, answers, limits
mod order; // several callbacks of one task
mod search; // finding callbacks, teams
mod shutdown; // first and second signal

mod support; // a gateway in this process, endpoints that answer as told
