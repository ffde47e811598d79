//! What tests stand on.

pub(crate) mod app; // a gateway in this process
pub(crate) mod authority; // certificates as files
pub(crate) mod billing; // tasks that are charged, months that are closed
pub(crate) mod browser;
pub(crate) mod clouds; // S3 and its like on loopback
pub(crate) mod comparison; // two stores, column by column
pub(crate) mod endpoint; // a receiver that speaks HTTP well
pub(crate) mod fleet; // several processes on shared stores
pub(crate) mod load; // producers that go on
pub(crate) mod moving; // an installation and where it moves to
pub(crate) mod people; // people who are signed in, and their mail
pub(crate) mod postgres; // a PostgreSQL server
pub(crate) mod process; // the gateway as a process
pub(crate) mod prometheus; // a real one, with short intervals
pub(crate) mod proxy; // a line that goes bad as told
pub(crate) mod python; // programs from PyPI
pub(crate) mod queue; // a queue with its clock
pub(crate) mod receiver; // a receiver that does not
pub(crate) mod redis; // real Redis servers
pub(crate) mod resolver; // a name server that answers as told
pub(crate) mod simulator; // receivers on virtual time
pub(crate) mod smtp; // a real mail server
pub(crate) mod store; // a journal on every database

/// A port that nobody listens on now, for a server that must be told which to take.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
