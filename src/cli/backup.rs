//! `signetd backup` and `signetd restore`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::place::lock_workspace;
use crate::backup::{self, Broken, Failure};
use crate::config::Environment;

/// What the command line may say of a backup or a restore.
#[derive(Debug, Default)]
pub struct Options {
    pub keep: Option<usize>,
    pub force: bool,
    pub check: bool,
}

/// Makes a backup; fails too when it had to be made without a file, or older ones cannot be taken away.
pub fn run(env: &Environment, destination: &Path, options: &Options) -> ExitCode {
    let began = Instant::now();
    let made = match backup::make(env, destination, options.keep) {
        Ok(made) => made,
        Err(cause) => {
            eprintln!("signetd: no backup was made in {}: {cause}", destination.display());
            return ExitCode::FAILURE;
        }
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
        eprintln!("signetd: the backup is without {}", missing.escape_debug());
    }
    for left in &made.left {
        eprintln!("signetd: not taken away: {}", left.escape_debug());
    }
    if made.missing.is_empty() && made.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Puts a backup in the place of the workspace, or only looks at it.
pub fn restore(env: &Environment, from: &Path, options: &Options) -> ExitCode {
    match put_back(env, from, options) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Broken::Before(cause)) => eprintln!("signetd: {cause}; nothing was changed"),
        Err(Broken::Within(cause, before)) => eprintln!(
            "signetd: {cause}\nThe workspace was exchanged in part, and no daemon starts on it. Run the same command with --force again; what \
             was there is in {}",
            before.display()
        ),
    }
    ExitCode::FAILURE
}

fn put_back(env: &Environment, from: &Path, options: &Options) -> Result<(), Broken> {
    let checked = backup::check(from)?;
    println!(
        "{}: made {}, {} files, {} memories, sound",
        from.display(),
        checked.made_at.escape_debug(),
        checked.files,
        checked.rows.get("memories").unwrap_or(&0)
    );
    for missing in &checked.missing {
        println!("it was made without {}", missing.escape_debug());
    }
    if options.check {
        return Ok(());
    }
    let workspace = env.workspace.display();
    own(&env.workspace)?;
    if backup::holds_anything(&env.workspace) && !options.force {
        return Err(format!("{workspace} is not empty (with --force what is there is moved aside)").into());
    }
    let folders = std::fs::DirBuilder::new().recursive(true).create(env.daemon_dir());
    folders.map_err(|cause| format!("cannot create {}: {cause}", env.daemon_dir().display()))?;
    // two never work on one workspace, and this one is about to be another
    let lock = lock_workspace(env, Duration::ZERO)?;
    let restored = backup::restore(env, from, &checked);
    // with the file goes the lock: another makes a new one
    let _ = std::fs::remove_file(env.daemon_dir().join("pid"));
    drop(lock);
    let before = restored?;
    println!("restored into {workspace}");
    for path in &before {
        println!("what was there is in {}", path.display());
    }
    if before.first().is_some_and(|path| path.join("memory/.memories.db-litestream").exists()) {
        println!("Litestream replicated what was there: start it anew, or it sends nothing more");
    }
    Ok(())
}

/// Root restores into nobody else's folder: what it makes would not be theirs, and what they made might lead it astray.
fn own(workspace: &Path) -> Result<(), Failure> {
    match std::fs::metadata(workspace) {
        Ok(meta) if rustix::process::geteuid().is_root() && meta.uid() != 0 => Err(format!(
            "{} belongs to another user: run it as that one, sudo -u '#{}' signetd …",
            workspace.display(),
            meta.uid()
        )
        .into()),
        _ => Ok(()),
    }
}
