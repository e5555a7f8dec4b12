//! Log lines to the console and, as JSON, to the workspace's log folder (foundation part, §3).

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use log::{LevelFilter, Log, Metadata, Record};
use serde_json::json;

use crate::sys::locks;
use crate::text::time;

/// A file is closed and renamed at this size.
const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// Log files kept in the folder.
const KEPT: usize = 5;
/// How long nothing is tried after a failure.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Where the lines of today go.
struct LogFile {
    folder: PathBuf,
    /// A file the user named: one file, rotated beside itself.
    exact: Option<PathBuf>,
    open: Option<(PathBuf, File, u64)>,
    /// When the last line could not be written: a full disk may have room again later.
    failed: Option<Timestamp>,
}

impl LogFile {
    fn path_for(&self, now: Timestamp) -> PathBuf {
        self.exact.clone().unwrap_or_else(|| self.folder.join(format!("signet-{}.log", now.strftime("%Y-%m-%d"))))
    }

    fn write(&mut self, now: Timestamp, line: &[u8]) {
        if self.failed.is_some_and(|at| now.duration_since(at) < RETRY) {
            return;
        }
        match self.try_write(now, line) {
            Ok(()) => self.failed = None,
            Err(cause) => {
                if self.failed.replace(now).is_none() {
                    eprintln!(
                        "signetd: cannot write the log in {}: {cause}; going on without it",
                        self.folder.display()
                    );
                }
                self.open = None;
            }
        }
    }

    fn try_write(&mut self, now: Timestamp, line: &[u8]) -> io::Result<()> {
        let path = self.path_for(now);
        if self.open.as_ref().is_some_and(|(p, _, _)| *p != path) {
            self.open = None;
        }
        if self.open.as_ref().is_some_and(|(_, _, size)| size + line.len() as u64 > MAX_BYTES) {
            self.open = None;
            let stamp = now.strftime("%H%M%S%3f");
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            std::fs::rename(&path, path.with_file_name(format!("{stem}-{stamp}.log")))?;
        }
        if self.open.is_none() {
            std::fs::create_dir_all(&self.folder)?;
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let meta = file.metadata()?;
            // one that was there before may be open to others; a device is not ours to close
            if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
                file.set_permissions(Permissions::from_mode(0o600))?;
            }
            let size = meta.len();
            self.open = Some((path, file, size));
            prune(&self.folder);
        }
        if let Some((_, file, size)) = &mut self.open {
            file.write_all(line)?;
            *size += line.len() as u64;
        }
        Ok(())
    }
}

/// Removes all but the newest log files of ours.
fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            name.starts_with("signet-") && name.ends_with(".log")
        })
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    files.sort();
    let surplus = files.len().saturating_sub(KEPT);
    for (_, path) in &files[..surplus] {
        if let Err(cause) = std::fs::remove_file(path) {
            eprintln!("signetd: cannot remove the old log {}: {cause}", path.display());
        }
    }
}

struct Logger {
    console: env_logger::Logger,
    file: Option<Mutex<LogFile>>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.console.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.console.matches(record) {
            return;
        }
        self.console.log(record);
        let Some(file) = &self.file else { return };
        let now = Timestamp::now();
        let entry = json!({
            "timestamp": time::iso(now),
            "level": match record.level() {
                log::Level::Trace => "debug".to_owned(),
                level => level.as_str().to_ascii_lowercase(),
            },
            "category": record.target().split("::").last().unwrap_or_default(),
            "message": record.args().to_string(),
        });
        let line = format!("{entry}\n");
        locks::whole(file.lock()).write(now, line.as_bytes());
    }

    fn flush(&self) {
        self.console.flush();
    }
}

/// Starts logging: to the console by `RUST_LOG` (default `info`), and to `folder`.
/// A panic is a log line too.
pub fn start(folder: Option<&Path>, exact: Option<&Path>) {
    let console =
        env_logger::Builder::new().filter_level(LevelFilter::Info).parse_env(env_logger::Env::default()).build();
    let level = console.filter();
    let file = folder.map(|folder| {
        Mutex::new(LogFile { folder: folder.to_owned(), exact: exact.map(Path::to_owned), open: None, failed: None })
    });
    if log::set_boxed_logger(Box::new(Logger { console, file })).is_ok() {
        log::set_max_level(level);
    }
    std::panic::set_hook(Box::new(|panic| log::error!(target: "panic", "{panic}")));
}

/// The file that lines of this moment go to, as the status page names it.
pub fn current_file(folder: &Path, exact: Option<&Path>, now: Timestamp) -> PathBuf {
    LogFile { folder: folder.to_owned(), exact: exact.map(Path::to_owned), open: None, failed: None }.path_for(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_rotate_by_size_and_only_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile { folder: folder.path().to_owned(), exact: None, open: None, failed: None };
        let line = vec![b'x'; 6 * 1024 * 1024];
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for n in 0..8 {
            log.write(start + jiff::SignedDuration::from_secs(n), &line);
        }
        assert!(log.failed.is_none());
        let mut names: Vec<String> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert!(names.len() <= KEPT + 1, "{names:?}");
        assert!(names.contains(&"signet-2026-01-01.log".to_owned()), "{names:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_stops_the_file_not_the_daemon() {
        let mut log = LogFile { folder: "/proc/nowhere".into(), exact: None, open: None, failed: None };
        log.write(Timestamp::now(), b"x\n");
        assert!(log.failed.is_some());
    }
}
