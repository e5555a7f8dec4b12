//! How much memory the C library's allocator keeps of what was freed.
//!
//! A transcript of many megabytes is copied a few times on its way to the disk. By itself glibc learns from the first
//! of them to serve such sizes from its arenas, of which there are eight per core, and keeps each as large as it once
//! was. With these settings, which it reads when a program starts, what was freed goes back to the kernel.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Names and values that glibc knows (`man 3 mallopt`).
const SETTINGS: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "1048576")];

/// Begins the program anew, as the same process, unless its environment has the settings, which may be other values
/// of the user's. Goes on without them where that fails.
pub fn settle(is_set: impl Fn(&str) -> bool) {
    let missing: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| !is_set(name)).collect();
    if !cfg!(target_env = "gnu") || missing.is_empty() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let cause = command.args(arguments).envs(missing).exec();
    eprintln!("signetd: freed memory is kept: {cause}");
}
