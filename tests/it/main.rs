//! The one test binary: features through the real parts, adapters through their contracts.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod access; // every route for every kind of caller, own things and foreign ones
mod architecture; // arrows down, fences, sizes
mod audit; // who changed what, and how often a caller may ask
mod backup; // copies under load, and what they bring back
mod billing; // what tasks cost, invoices, payment
mod cli; // the commands of the real binary
mod crash; // kill -9 at random moments
mod dashboard; // the pages in a real browser
mod dead_letters; // given up: listed, replayed, dropped
mod delivery; // what goes over the wire to a receiver, and what may not
mod deploy; // what deploy/ holds, by its own tools
mod distributed; // several processes, and what happens when their stores or they fail
mod files; // customers' files: taken, listed, fetched, deleted
mod flow; // the main job: delivered, retried, held, refused
mod full_disk; // finishing what was accepted without room
mod fuzz; // made-up requests against the description
mod guides; // the guides for integrators, run as they stand
mod intake; // handing in results: forms, answers, limits
mod integrations; // customers' buckets, at the clouds' own kind of servers
mod journal_contract; // the rules every journal keeps, on every database
mod migrate_store; // an embedded installation into PostgreSQL
mod openapi; // the description: whole and true
mod operators; // metrics, boards, alerts, runbooks, logs, traces
mod order; // several callbacks of one task
mod people; // who may come in: invitations, sessions, roles, keys, mail
mod poison; // one callback that ends the process
mod proxy; // the bad line that other tests use, itself
mod queue_contract; // the rules every queue keeps, on every adapter
mod queue_properties; // the scheduler against a simple model, over thousands of steps
mod queue_scenarios; // bad neighbours, outages and crowds, on virtual time
mod receivers; // those that the dashboard shows, run as they stand
mod records_contract; // teams, keys and the like on every database
mod redis_link; // scripts on every kind of Redis, and what happens when it fails
mod redis_queue; // a queue that is shared, and may be lost
mod replays; // dead letters sent again at a pace, over API and command line
mod sdk; // the official SDK, against the real binary
mod search; // finding callbacks, teams
mod server; // limits on heads, bodies, connections
mod shutdown; // first and second signal
mod store_outage; // a database that is away, or that would not keep what it commits
mod work; // projects, tasks, batches: from the customer's request to the callback

mod support; // a gateway in this process, receivers that answer as told
