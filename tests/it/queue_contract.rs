//! The rules of the queue's port. An adapter is a queue when this suite is green
//! on it; adapters are listed in `support/queue.rs`.

mod lanes; // windows, breakers, rests
mod leases; // tokens, ends of leases, poison
mod order; // callbacks of one task
mod places; // due, scheduled, held, removed
mod shares; // whose turn it is, and how much anybody may use
mod steering; // parks, limits, lists
