//! Several processes of the real binary on one PostgreSQL and one Redis, a load that goes
//! on, and a fault. Each test ends with the sum: nothing that was promised is lost, and
//! what came twice was in flight when it happened. `--nocapture` shows the figures.

mod failover; // a replica is promoted that missed something
mod quiet; // idle cost, lateness
mod redis_away; // Redis does not answer for long
mod redis_lost; // Redis forgets everything
mod redis_unwell; // without its scripts, without room
mod restarts; // of processes and of PostgreSQL
mod settings; // changed through one process, seen by all
mod workers; // killed and paused
