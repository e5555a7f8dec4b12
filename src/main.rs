//! Arguments to a subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    signetd::cli::run(std::env::args_os())
}
