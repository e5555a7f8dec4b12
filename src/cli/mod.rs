//! The command line: one subcommand per file.

mod backup;
mod check;
mod credentials;
mod doctor;
mod hook;
mod house;
mod mcp;
mod place;
mod routes;
mod serve;
mod watchdog;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::config::{API_VERSION, Environment, Overrides};
use crate::sys::allocator;

const HELP: &str = "\
signetd - the Signet daemon: shared memory for AI agents on your machines

Usage: signetd [COMMAND] [OPTIONS]

Commands:
  serve      run the daemon in the foreground (the default)
  check      look at the config and the database of a workspace; exit 1 when something is wrong
  doctor     what check does, and count what other programs left odd in the database
  routes     list every route: method, path, permission, rate limit, lane
  openapi    print the API described in OpenAPI 3.1
  backup DEST [--keep N]
             copy the workspace into a folder of its own in DEST while the daemon runs, and look whether the copy is sound;
             with --keep, the newest N stay
  restore BACKUP [--force] [--check]
             look whether a backup is whole and sound and put it in the place of an empty workspace; with --force of any,
             what was there is moved aside; with --check only look
  hook HARNESS EVENT
             what a harness calls (claude-code, codex, …; session-start, user-prompt-submit, pre-compact, post-compact,
             stop, session-end): hook JSON on stdin, text for its context on stdout; asks $SIGNET_DAEMON_URL, else this
             machine's daemon, with $SIGNET_API_KEY; never fails the harness
  mcp        the memory as tools over standard input and output (Model Context Protocol), for clients that start a
             process: through the daemon at --url, $SIGNET_DAEMON_URL or this machine's, with --api-key, $SIGNET_API_KEY
             or $SIGNET_TOKEN; where none runs it opens the workspace itself. Also under the name signet-mcp
  version    print the version
  token create --role ROLE [--project P] [--agent A] [--ttl 30d]
             print a signed token (ROLE: admin, operator, agent, readonly)
  api-key create --name NAME [--role ROLE] [--project P] [--agent A] [--connector C]
                 [--permissions recall,remember] [--expires DATE]
  api-key list
  api-key revoke ID-OR-PREFIX
  password hash
             hash a password for auth.login.password.passwordHash (read without echo, or from stdin)

Options:
  --workspace DIR   the workspace folder (default: $SIGNET_WORKSPACE, $SIGNET_PATH, the choice in
                    ~/.config/signet/workspace.json, else ~/.agents)
  --port PORT       the port to listen on (default: $SIGNET_PORT, else 3850)
  --url URL         the daemon for mcp
  --api-key KEY     the credential for mcp; who can list processes sees it here, not in $SIGNET_API_KEY
  --bind ADDRESS    the address to listen on (default: $SIGNET_BIND, else by network.mode: 127.0.0.1)
  -h, --help        this text
  -V, --version     the version

Settings are read from agent.yaml in the workspace; everything in it is optional.
Logs go to the console and to .daemon/logs in the workspace; RUST_LOG=debug shows every request.
Try it:  signetd serve &  curl -s localhost:3850/health
";

enum Command {
    Serve,
    Check,
    Doctor,
    Routes,
    OpenApi,
    Version,
    Help,
    Hook(String, hook::Event),
    Mcp,
    Credentials(credentials::Action),
    Backup(PathBuf),
    Restore(PathBuf),
}

/// What the options of single commands say.
#[derive(Default)]
struct Options {
    credentials: credentials::Options,
    bridge: mcp::Options,
    backup: backup::Options,
}

/// The name of the reference's bridge: a program of that name is [`Command::Mcp`].
const BRIDGE: &str = "signet-mcp";

/// Runs the command that the arguments name, the first of which is the program's name.
pub fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let program = args.next().unwrap_or_default();
    let is_bridge = Path::new(&program).file_name().is_some_and(|name| name == BRIDGE);
    // also where a client passes the subcommand
    let args =
        is_bridge.then(|| OsString::from("mcp")).into_iter().chain(args.skip_while(|arg| is_bridge && arg == "mcp"));
    let (command, overrides, options) = match parse(args) {
        Ok(parsed) => parsed,
        Err(cause) => {
            eprintln!("signetd: {cause}\nTry signetd --help");
            return ExitCode::from(2);
        }
    };
    // nothing this program makes is for others to read
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let with_env =
        |run: &dyn Fn(Environment) -> ExitCode| match Environment::read(&overrides, |name| std::env::var(name).ok()) {
            Ok(env) => run(env),
            Err(cause) => {
                eprintln!("signetd: {cause}");
                ExitCode::FAILURE
            }
        };
    match command {
        Command::Serve => {
            allocator::settle(|name| std::env::var_os(name).is_some());
            with_env(&serve::run)
        }
        Command::Check => with_env(&|env| check::run(&env)),
        Command::Doctor => with_env(&|env| doctor::run(&env)),
        Command::Hook(harness, event) => with_env(&|env| hook::run(&env, &harness, event)),
        Command::Mcp => with_env(&|env| mcp::run(env, &options.bridge)),
        Command::Routes => routes::run(),
        Command::OpenApi => routes::openapi(),
        Command::Credentials(action) => with_env(&|env| credentials::run(action, &env, &options.credentials)),
        Command::Backup(to) => with_env(&|env| backup::run(&env, &to, &options.backup)),
        Command::Restore(from) => with_env(&|env| backup::restore(&env, &from, &options.backup)),
        Command::Version => {
            println!("signetd {} (API of Signet {API_VERSION})", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::Help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
    }
}

type Parsed = (Command, Overrides, Options);

fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut words: Vec<String> = Vec::new();
    let mut overrides = Overrides::default();
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        let option = match arg {
            Long("workspace") => &mut overrides.workspace,
            Long("bind") => &mut overrides.bind,
            Long("role") => &mut options.credentials.role,
            Long("project") => &mut options.credentials.project,
            Long("agent") => &mut options.credentials.agent,
            Long("ttl") => &mut options.credentials.ttl,
            Long("name") => &mut options.credentials.name,
            Long("connector") => &mut options.credentials.connector,
            Long("permissions") => &mut options.credentials.permissions,
            Long("expires") => &mut options.credentials.expires,
            Long("url") => &mut options.bridge.url,
            Long("api-key") => &mut options.bridge.api_key,
            Long("port") => {
                overrides.port = Some(parser.value()?.parse::<std::num::NonZeroU16>()?.get());
                continue;
            }
            Long("keep") => {
                options.backup.keep = Some(parser.value()?.parse::<std::num::NonZeroUsize>()?.get());
                continue;
            }
            Long("force") => {
                options.backup.force = true;
                continue;
            }
            Long("check") => {
                options.backup.check = true;
                continue;
            }
            Short('h') | Long("help") => return Ok((Command::Help, overrides, options)),
            Short('V') | Long("version") => return Ok((Command::Version, overrides, options)),
            Value(word) if words.len() < 3 => {
                words.push(word.string()?);
                continue;
            }
            other => return Err(other.unexpected()),
        };
        *option = Some(parser.value()?.string()?);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["api-key", "revoke", id] = words[..] {
        options.credentials.id = Some(id.to_owned());
    }
    Ok((command(&words)?, overrides, options))
}

fn command(words: &[&str]) -> Result<Command, lexopt::Error> {
    use credentials::Action;
    Ok(match words {
        [] | ["serve"] => Command::Serve,
        ["check"] => Command::Check,
        ["doctor"] => Command::Doctor,
        ["routes"] => Command::Routes,
        ["openapi"] => Command::OpenApi,
        ["mcp"] => Command::Mcp,
        ["version"] => Command::Version,
        ["help"] => Command::Help,
        ["hook", harness, event] => {
            let event = hook::Event::of(event).ok_or_else(|| format!("unknown event {event}"))?;
            Command::Hook((*harness).to_string(), event)
        }
        ["token", "create"] => Command::Credentials(Action::TokenCreate),
        ["api-key", "create"] => Command::Credentials(Action::KeyCreate),
        ["backup", to] => Command::Backup(PathBuf::from(to)),
        ["restore", from] => Command::Restore(PathBuf::from(from)),
        ["backup" | "restore"] => return Err("which folder?".into()),
        ["api-key", "list"] => Command::Credentials(Action::KeyList),
        ["api-key", "revoke", _] => Command::Credentials(Action::KeyRevoke),
        ["password", "hash"] => Command::Credentials(Action::PasswordHash),
        other => return Err(format!("unknown command {}", other.join(" ")).into()),
    })
}
