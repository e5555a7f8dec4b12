//! A child process within bounds: argv and no shell, a process group of its own, an environment from a
//! list, no input, its output and its time limited. At the limit, or at a stop, the whole group is asked
//! to end and then made to.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Stop;

/// How long a group has to end after it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How often a running child is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long output may still come after the child and its group are gone.
const LATE: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug, Clone)]
pub struct Process {
    pub program: OsString,
    pub arguments: Vec<OsString>,
    /// All that it sees of an environment.
    pub environment: Vec<(OsString, OsString)>,
    pub folder: Option<PathBuf>,
    /// Bytes kept of each of its two outputs; what comes beyond is read and dropped.
    pub most_output: usize,
    pub time: Duration,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code; `None` when a signal ended it.
    Exited(Option<i32>),
    /// Its time was over.
    TimedOut,
    /// The daemon or the run was stopped.
    Stopped,
}

#[derive(Debug, Clone)]
pub struct Finished {
    pub ended: Ended,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// There was more output than was kept.
    pub truncated: bool,
}

impl Process {
    /// A program with arguments, no environment, a megabyte of output and a minute.
    pub fn new(program: impl Into<OsString>, arguments: &[&str]) -> Self {
        Process {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            environment: Vec::new(),
            folder: None,
            most_output: 1024 * 1024,
            time: Duration::from_secs(60),
        }
    }

    /// Runs it to its end; an error when it cannot be started.
    pub fn run(&self, stop: &Stop) -> io::Result<Finished> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        let stdout = self.collect(child.stdout.take());
        let stderr = self.collect(child.stderr.take());
        let ended = self.watch(&mut child, stop);
        let (stdout, cut_out) = late(&stdout);
        let (stderr, cut_err) = late(&stderr);
        Ok(Finished { ended: ended?, stdout, stderr, truncated: cut_out || cut_err })
    }

    /// Reads an output on a thread of its own, so that a child that writes much is not held up.
    fn collect(&self, pipe: Option<impl Read + Send + 'static>) -> Receiver<(Vec<u8>, bool)> {
        let most = self.most_output;
        let (done, output) = bounded(1);
        let read = move || {
            let mut kept = Vec::new();
            let mut cut = false;
            if let Some(mut pipe) = pipe {
                // a pipe that breaks has said what it had to say
                let _ = (&mut pipe).take(most as u64).read_to_end(&mut kept);
                cut = io::copy(&mut pipe, &mut io::sink()).is_ok_and(|more| more > 0);
            }
            let _ = done.send((kept, cut));
        };
        if let Err(cause) = std::thread::Builder::new().name("output".to_owned()).spawn(read) {
            log::warn!(target: "work", "the output of a child is not read: {cause}");
        }
        output
    }

    /// Waits for its end, or makes it. Its group is ended while its leader is not yet reaped, so that the
    /// number means no other.
    fn watch(&self, child: &mut Child, stop: &Stop) -> io::Result<Ended> {
        let pid = Pid::from_child(child);
        let deadline = Instant::now() + self.time;
        let by_force = loop {
            if has_ended(pid) {
                break None;
            }
            if stop.wait(LOOK) {
                break Some(Ended::Stopped);
            }
            if Instant::now() >= deadline {
                break Some(Ended::TimedOut);
            }
        };
        if by_force.is_some() {
            signal(pid, Signal::TERM);
            let limit = Instant::now() + GRACE;
            while !has_ended(pid) && Instant::now() < limit {
                std::thread::sleep(LOOK);
            }
        }
        signal(pid, Signal::KILL);
        let status: ExitStatus = child.wait()?;
        Ok(by_force.unwrap_or(Ended::Exited(status.code())))
    }
}

/// Whether a child has ended, without taking its status away.
fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

fn signal(group: Pid, signal: Signal) {
    // a group that is gone needs none
    let _ = kill_process_group(group, signal);
}

/// What was collected; of an output that somebody outside the group still holds open, nothing.
fn late(output: &Receiver<(Vec<u8>, bool)>) -> (Vec<u8>, bool) {
    output.recv_timeout(LATE).unwrap_or((Vec::new(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::new("/bin/sh", &["-c", script])
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn output_code_and_environment_are_as_asked() {
        let mut process = shell("printf '%s' \"$ONE$HOME\"; printf err >&2; exit 3");
        process.environment = vec![("ONE".into(), "1".into())];
        let finished = process.run(&Stop::new()).unwrap();
        assert_eq!(finished.ended, Ended::Exited(Some(3)));
        assert_eq!((text(&finished.stdout), text(&finished.stderr)), ("1".into(), "err".into()));
        assert!(Process::new("/nonexistent/program", &[]).run(&Stop::new()).is_err());
    }

    #[test]
    fn output_beyond_the_limit_is_dropped_and_holds_nothing_up() {
        let mut process = shell("head -c 300000 /dev/zero; echo done >&2");
        process.most_output = 1000;
        let finished = process.run(&Stop::new()).unwrap();
        assert_eq!((finished.stdout.len(), finished.truncated), (1000, true));
        assert_eq!(text(&finished.stderr), "done\n");
    }

    #[test]
    fn time_and_a_stop_end_the_whole_group() {
        let mut process = shell("sleep 600 & echo $!; wait");
        process.time = Duration::from_millis(200);
        let finished = process.run(&Stop::new()).unwrap();
        assert_eq!(finished.ended, Ended::TimedOut);
        let grandchild = text(&finished.stdout).trim().to_owned();
        // it may be a zombie for a moment, until its new parent has looked
        let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
        let stop = Stop::new();
        let waiting = stop.child();
        let thread = std::thread::spawn(move || shell("sleep 600").run(&waiting).unwrap().ended);
        stop.stop();
        assert_eq!(thread.join().unwrap(), Ended::Stopped);
    }

    #[test]
    fn one_that_does_not_listen_is_made_to_end() {
        let mut process = shell("trap '' TERM; while :; do sleep 1; done");
        process.time = Duration::from_millis(50);
        assert_eq!(process.run(&Stop::new()).unwrap().ended, Ended::TimedOut);
    }
}
