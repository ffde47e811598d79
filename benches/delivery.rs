//! What a gateway carries, against the bare loop on the same machine in the same run:
//! `cargo bench --bench delivery`. Prints one table and writes it as JSON.
//!
//! Three processes: this one makes the load, a sink receives ([`sink`], this program
//! again), and the gateway is the real binary on a data folder of its own, on disk; for g
//! and h it is several, with PostgreSQL and Redis started for them.
//! Every round measures everything once, so that a slow minute of the machine slows
//! both sides of a ratio. Medians of the rounds are judged; all rounds are in the JSON.
//!
//! Arguments after `--`: `--rounds N` (5), `--quick` (one tiny round, whose numbers mean
//! nothing), `--only a,b,f` (some scenarios; what b needs of a is then missing).
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the table is for people")]

#[path = "delivery/fleet.rs"]
mod fleet;
#[path = "delivery/gateway.rs"]
mod gateway;
#[path = "delivery/load.rs"]
mod load;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "another bench uses more of it")]
#[path = "queue/server.rs"]
mod redis;
#[path = "delivery/report.rs"]
mod report;
#[path = "delivery/scenarios.rs"]
mod scenarios;
#[path = "delivery/sink.rs"]
mod sink;

use report::Report;
use scenarios::{Bench, Sizes};
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 5;
/// The scenarios by their letter in the table.
const ALL: &str = "abcdefghi";

struct Args {
    rounds: usize,
    sizes: Sizes,
    only: String,
}

impl Args {
    /// Cargo adds `--bench` when it measures; without it this is only a test that it runs.
    fn read(args: &[String]) -> Self {
        let has = |name: &str| args.iter().any(|arg| arg == name);
        let value = |name: &str| {
            let at = args.iter().position(|arg| arg == name)?;
            args.get(at + 1).cloned()
        };
        let quick = has("--quick") || !has("--bench");
        let rounds = value("--rounds").map(|text| text.parse().expect("--rounds takes a number"));
        Self {
            rounds: rounds.unwrap_or(if quick { 1 } else { ROUNDS }),
            sizes: if quick { Sizes::QUICK } else { Sizes::FULL },
            only: value("--only").unwrap_or_else(|| ALL.to_owned()),
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "sink") {
        return sink::serve();
    }
    let args = Args::read(&args);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let started = Instant::now();
    let report = runtime.block_on(measure(&args));
    println!("{}", report.table());
    // Cargo gives benches a folder inside `target`; the result goes beside it.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    let file = report.write(&folder);
    let seconds = started.elapsed().as_secs();
    println!(
        "{} rounds in {seconds} s; written to {}",
        args.rounds,
        file.display()
    );
}

async fn measure(args: &Args) -> Report {
    let bench = Bench::start(args.sizes);
    let mut report = Report::default();
    for round in 1..=args.rounds {
        for letter in args.only.chars().filter(char::is_ascii_lowercase) {
            eprintln!("round {round} of {}: {letter}", args.rounds);
            bench.run(letter, &mut report).await;
        }
    }
    report
}
