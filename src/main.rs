//! Parse arguments, run, error → exit code.

use clap::Parser;
use ringback::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match ringback::cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringback: {error:#}");
            ExitCode::FAILURE
        }
    }
}
