//! `signetd token`, `signetd api-key`, `signetd password`: credentials of a workspace, whether or
//! not its daemon runs.

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::config::{AuthMode, Environment, Live};
use crate::core::access::{Permission, Role, Scope};
use crate::db::Db;
use crate::parts::auth::{self, KeyRequest, Secret};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::ids::SystemIds;
use crate::text::{listed, time};

/// What the flags said.
#[derive(Debug, Default, Clone)]
pub struct Options {
    pub role: Option<String>,
    pub project: Option<String>,
    pub agent: Option<String>,
    pub ttl: Option<String>,
    pub name: Option<String>,
    pub connector: Option<String>,
    pub permissions: Option<String>,
    pub expires: Option<String>,
    /// The id or prefix of `api-key revoke`.
    pub id: Option<String>,
}

type Failure = Box<dyn std::error::Error>;

/// Runs one of them and prints its result.
pub fn run(action: Action, env: &Environment, options: &Options) -> ExitCode {
    if action != Action::PasswordHash
        && let Err(cause) = crate::core::workspace::check_layout(env)
    {
        eprintln!("signetd: {cause}");
        return ExitCode::FAILURE;
    }
    let done = match action {
        Action::TokenCreate => create_token(env, options),
        Action::KeyCreate => create_key(env, options),
        Action::KeyList => list_keys(env),
        Action::KeyRevoke => revoke_key(env, options),
        Action::PasswordHash => hash_password(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("signetd: {cause}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    TokenCreate,
    KeyCreate,
    KeyList,
    KeyRevoke,
    PasswordHash,
}

fn role(options: &Options, default: Option<Role>) -> Result<Role, Failure> {
    match (&options.role, default) {
        (Some(name), _) => Role::parse(name).ok_or_else(|| "--role must be admin, operator, agent or readonly".into()),
        (None, Some(role)) => Ok(role),
        (None, None) => Err("--role is required: admin, operator, agent or readonly".into()),
    }
}

fn scope(options: &Options) -> Scope {
    Scope { project: options.project.clone(), agent: options.agent.clone(), user: None }
}

/// `90`, `90s`, `15m`, `12h`, `30d`.
fn seconds(text: &str) -> Result<f64, Failure> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3_600.0),
        Some((at, 'd')) => (&text[..at], 86_400.0),
        _ => (text, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| "--ttl is a time such as 3600, 15m, 12h or 30d")?;
    if number > 0.0 && number.is_finite() { Ok(number * unit) } else { Err("--ttl must be above 0".into()) }
}

fn create_token(env: &Environment, options: &Options) -> Result<(), Failure> {
    let role = role(options, None)?;
    let config = Live::load(env).current();
    if config.auth.mode == AuthMode::Local {
        eprintln!("note: auth.mode is local, where credentials are ignored; set it to team or hybrid");
    }
    std::fs::create_dir_all(env.daemon_dir())?;
    let secret = Secret::load_or_create(&env.daemon_dir().join("auth-secret"))?;
    let ttl = options.ttl.as_deref().map(seconds).transpose()?.unwrap_or(config.auth.token_ttl_s);
    let sub = format!("token:{}", role.as_str());
    let (token, end) = auth::mint(&secret, &sub, role, &scope(options), ttl, SystemClock.now())?;
    println!("{token}");
    eprintln!("valid until {}", time::iso(end));
    Ok(())
}

/// The database beside a running daemon: SQLite lets both write.
fn database(env: &Environment) -> Result<Db, Failure> {
    std::fs::create_dir_all(env.workspace.join("memory"))?;
    Ok(Db::open(&env.database(), Arc::new(SystemClock), Arc::new(SystemIds))?)
}

fn create_key(env: &Environment, options: &Options) -> Result<(), Failure> {
    let mut permissions = Vec::new();
    for name in options.permissions.as_deref().map(listed).into_iter().flatten() {
        permissions.push(Permission::parse(name).ok_or_else(|| format!("unknown permission {name}"))?);
    }
    let expires_at = match &options.expires {
        Some(text) => Some(time::iso(time::parse_iso(text).ok_or("--expires must be an ISO date")?)),
        None => None,
    };
    let request = KeyRequest {
        name: options.name.clone().ok_or("--name is required")?,
        role: role(options, Some(Role::Agent))?,
        scope: scope(options),
        permissions,
        connector: options.connector.clone(),
        harness: options.connector.clone(),
        agent_id: options.agent.clone(),
        allowed_projects: Vec::new(),
        expires_at,
    };
    let (raw, row) = request.make(time::iso(SystemClock.now()))?;
    let id = row.id.clone();
    let db = database(env)?;
    db.write(move |tx| auth::insert(tx, &row))?;
    db.close();
    println!("{raw}");
    eprintln!("{id}: the key is shown only this once");
    Ok(())
}

fn list_keys(env: &Environment) -> Result<(), Failure> {
    let db = database(env)?;
    let keys = db.read(|c| auth::list(c, 10_000))?;
    println!("id\tprefix\trole\tname\tcreated\tlast used\tstate");
    for key in keys {
        let state = match (&key.revoked_at, &key.expires_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "valid".to_owned(),
        };
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{state}",
            key.id,
            key.prefix,
            key.role.as_str(),
            key.name,
            key.created_at,
            key.last_used_at.as_deref().unwrap_or("never")
        );
    }
    db.close();
    Ok(())
}

fn revoke_key(env: &Environment, options: &Options) -> Result<(), Failure> {
    let name = options.id.clone().ok_or("usage: signetd api-key revoke ID-OR-PREFIX")?;
    let db = database(env)?;
    let revoked = db.write(move |tx| {
        let Some(key) = auth::find_by_id_or_prefix(tx, &name)? else { return Ok(None) };
        auth::revoke(tx, &key.id, tx.now())?;
        Ok(Some(key.id))
    })?;
    db.close();
    println!("revoked {}", revoked.ok_or("no such key")?);
    Ok(())
}

fn hash_password() -> Result<(), Failure> {
    let given = read_password()?;
    if given.is_empty() || given.chars().count() > 1024 {
        return Err("a password has 1 to 1024 characters".into());
    }
    println!("{}", auth::hash_password(&given)?);
    Ok(())
}

/// From the terminal without echo, or the first line of standard input.
fn read_password() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let mut line = String::new();
    if !stdin.is_terminal() {
        stdin.take(8192).read_to_string(&mut line)?;
        return Ok(line.lines().next().unwrap_or_default().to_owned());
    }
    eprint!("Password: ");
    std::io::stderr().flush()?;
    let before = tcgetattr(&stdin)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
