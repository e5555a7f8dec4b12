//! The command line: one subcommand per file.

mod check;
mod routes;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::config::{Environment, Overrides};

const HELP: &str = "\
signetd - the Signet daemon: shared memory for AI agents on your machines

Usage: signetd [COMMAND] [OPTIONS]

Commands:
  serve      run the daemon in the foreground (the default)
  check      look at the config and the database of a workspace; exit 1 when something is wrong
  routes     list every route: method, path, permission, rate limit, lane
  version    print the version

Options of serve and check:
  --workspace DIR   the workspace folder (default: $SIGNET_WORKSPACE, else ~/.agents)
  --port PORT       the port to listen on (default: $SIGNET_PORT, else 3850)
  --bind ADDRESS    the address to listen on (default: $SIGNET_BIND, else by network.mode: 127.0.0.1)
  -h, --help        this text

Settings are read from agent.yaml in the workspace; everything in it is optional.
Logs go to the console and to .daemon/logs in the workspace; RUST_LOG=debug shows every request.
Try it:  signetd serve &  curl -s localhost:3850/health
";

enum Command {
    Serve,
    Check,
    Routes,
    Version,
    Help,
}

/// Runs the command that the arguments name.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let (command, overrides) = match parse(args) {
        Ok(parsed) => parsed,
        Err(cause) => {
            eprintln!("signetd: {cause}\nTry signetd --help");
            return ExitCode::from(2);
        }
    };
    let env = || Environment::read(&overrides, |name| std::env::var(name).ok());
    match command {
        Command::Serve => serve::run(env()),
        Command::Check => check::run(&env()),
        Command::Routes => routes::run(),
        Command::Version => {
            println!("signetd {} (API of Signet {})", env!("CARGO_PKG_VERSION"), env().version);
            ExitCode::SUCCESS
        }
        Command::Help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
    }
}

fn parse(args: impl Iterator<Item = OsString>) -> Result<(Command, Overrides), lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut command = None;
    let mut overrides = Overrides::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("workspace") => overrides.workspace = Some(parser.value()?.string()?),
            Long("port") => {
                let port: u16 = parser.value()?.parse()?;
                if port == 0 {
                    return Err("--port must be 1 to 65535".into());
                }
                overrides.port = Some(port);
            }
            Long("bind") => overrides.bind = Some(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok((Command::Help, overrides)),
            Short('V') | Long("version") => return Ok((Command::Version, overrides)),
            Value(word) if command.is_none() => {
                command = Some(match word.to_str() {
                    Some("serve") => Command::Serve,
                    Some("check") => Command::Check,
                    Some("routes") => Command::Routes,
                    Some("version") => Command::Version,
                    Some("help") => Command::Help,
                    _ => return Err(format!("unknown command {}", word.to_string_lossy()).into()),
                });
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok((command.unwrap_or(Command::Serve), overrides))
}
