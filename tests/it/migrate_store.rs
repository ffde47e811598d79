//! `ringback migrate-store`: an embedded installation into PostgreSQL, with the real binary.

mod beside; // a gateway runs meanwhile
mod complete; // everything arrives, and goes on
mod interrupted; // kill -9, again and again
mod refusals; // what must not be done
