//! `signetd backup` and `signetd restore`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::place::lock_workspace;
use crate::backup::{self, Failure};
use crate::config::Environment;

/// What the command line may say of a backup or a restore.
#[derive(Debug, Default)]
pub struct Options {
    pub keep: Option<usize>,
    pub force: bool,
    pub check: bool,
}

/// Makes a backup; fails too when it had to be made without a file.
pub fn run(env: &Environment, destination: &Path, options: &Options) -> ExitCode {
    let began = Instant::now();
    let made = match backup::make(env, destination, options.keep) {
        Ok(made) => made,
        Err(cause) => return failed(&format!("no backup was made in {}", destination.display()), &cause),
    };
    println!(
        "{}: {} files, {:.1} MB, {} memories, the database is sound ({:.1} s)",
        made.path.display(),
        made.files,
        made.bytes as f64 / 1e6,
        made.rows.get("memories").unwrap_or(&0),
        began.elapsed().as_secs_f64()
    );
    for path in &made.removed {
        println!("removed {}", path.display());
    }
    for missing in &made.missing {
        eprintln!("signetd: the backup is without {missing}");
    }
    if made.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Puts a backup in the place of the workspace, or only looks at it.
pub fn restore(env: &Environment, from: &Path, options: &Options) -> ExitCode {
    match put_back(env, from, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => failed("nothing was restored", &cause),
    }
}

fn failed(what: &str, cause: &Failure) -> ExitCode {
    eprintln!("signetd: {what}: {cause}");
    ExitCode::FAILURE
}

fn put_back(env: &Environment, from: &Path, options: &Options) -> Result<(), Failure> {
    let checked = backup::check(from)?;
    println!(
        "{}: made {}, {} files, {} memories, whole and sound",
        from.display(),
        checked.made_at,
        checked.files,
        checked.rows.get("memories").unwrap_or(&0)
    );
    for missing in &checked.missing {
        println!("it was made without {missing}");
    }
    if options.check {
        return Ok(());
    }
    let workspace = env.workspace.display();
    if backup::holds_anything(&env.workspace) && !options.force {
        return Err(format!("{workspace} is not empty; with --force what is there is moved aside").into());
    }
    let folders = std::fs::DirBuilder::new().recursive(true).create(env.daemon_dir());
    folders.map_err(|cause| format!("cannot create {}: {cause}", env.daemon_dir().display()))?;
    // two never work on one workspace, and this one is about to be another
    let lock = lock_workspace(env, Duration::ZERO)?;
    let restored = backup::restore(env, from, &checked);
    drop(lock);
    // stale, it does no harm
    let _ = std::fs::remove_file(env.daemon_dir().join("pid"));
    match restored?.before {
        Some(before) => println!("restored into {workspace}; what was there is in {}", before.display()),
        None => println!("restored into {workspace}"),
    }
    Ok(())
}
