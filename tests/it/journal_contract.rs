//! The rules of the journal's port. A database holds the journal when this suite is green
//! on it; engines are listed in `support/store.rs`.

mod accept; // new, repeated, conflicting; many at once
mod ledger; // counting and retention
mod replays; // dead letters sent again, at a pace
mod search; // filters and cursors
mod settle; // states and attempts
mod walk; // what is open, what the queue does not know
