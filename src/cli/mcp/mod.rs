//! `signetd mcp`: the Model Context Protocol over standard input and output, for clients that start a process.
//!
//! A line in → [`Bridge`] → a line out, or none. Lines are answered by a few workers, so that a slow call keeps no other
//! waiting; answers name what they answer. Standard output holds answers only, standard error what a person may want
//! to know. It ends when standard input does.

mod bridge;
mod daemon;

use std::io::{BufRead, Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::Environment;
use crate::sys::{locks, logging};
use bridge::Bridge;
use daemon::Daemon;

/// Bytes of a line.
const LONGEST: u64 = 10 * 1024 * 1024;
/// Lines that are answered at once, and those that wait.
const WORKERS: usize = 4;
const WAITING: usize = 32;
/// How long answers are waited for after the end of standard input.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How often one looks whether the workspace can be given back.
const LOOK: Duration = Duration::from_millis(500);

/// What the command line says beside the environment.
#[derive(Debug, Default)]
pub struct Options {
    pub url: Option<String>,
    pub api_key: Option<String>,
}

/// Answers until standard input ends.
pub fn run(env: Environment, options: &Options) -> ExitCode {
    logging::start(None, None);
    let daemon = Daemon::new(&env, options);
    let bridge = Arc::new(Bridge::new(env, daemon));
    if let Err(cause) = end_by_signal(&bridge) {
        eprintln!("signetd mcp: signals: {cause}");
    }
    let (line, lines) = bounded::<Vec<u8>>(WAITING);
    let output = Arc::new(Mutex::new(std::io::stdout()));
    let workers: Vec<_> = (0..WORKERS)
        .map(|n| {
            let (bridge, lines, output) = (Arc::clone(&bridge), lines.clone(), Arc::clone(&output));
            std::thread::Builder::new().name(format!("mcp-{n}")).spawn(move || work(&bridge, &lines, &output))
        })
        .collect();
    drop(lines);
    let mut input = std::io::stdin().lock();
    loop {
        match next_line(&mut input) {
            Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => {}
            Ok(Some(bytes)) => {
                if line.send(bytes).is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(cause) => {
                eprintln!("signetd mcp: standard input: {cause}");
                break;
            }
        }
    }
    drop(line);
    // what was asked is still answered, if it does not take for ever
    let until = Instant::now() + LAST_ANSWERS;
    while workers.iter().flatten().any(|worker| !worker.is_finished()) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    end(&bridge)
}

/// Ends the process with nothing left open.
fn end(bridge: &Bridge) -> ! {
    bridge.give_back(true);
    std::process::exit(0);
}

/// Clients end a server by a signal when it does not end by itself.
fn end_by_signal(bridge: &Arc<Bridge>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let bridge = Arc::clone(bridge);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            end(&bridge);
        }
    })?;
    Ok(())
}

/// A line without its end, whole or as much of it as shows that it is too long; `None` at the end of all.
fn next_line(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 > LONGEST && !bytes.ends_with(b"\n") {
        input.skip_until(b'\n')?;
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

fn work(bridge: &Bridge, lines: &Receiver<Vec<u8>>, output: &Mutex<std::io::Stdout>) {
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                let Some(answer) = bridge.answer(&line) else { continue };
                let mut output = locks::whole(output.lock());
                if writeln!(output, "{answer}").and_then(|()| output.flush()).is_err() {
                    // the client has gone, and standard input may stay open for ever
                    end(bridge);
                }
            }
            Err(RecvTimeoutError::Timeout) => bridge.give_back(false),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_within_a_bound() {
        let long = vec![b'x'; LONGEST as usize + 10];
        let text = [b"one\n\n", &long[..], b"\nhalf"].concat();
        let mut input = &text[..];
        let mut next = || next_line(&mut input).unwrap();
        assert_eq!((next().unwrap(), next().unwrap()), (b"one\n".to_vec(), b"\n".to_vec()));
        assert_eq!(next().unwrap().len() as u64, LONGEST + 1);
        assert_eq!((next().unwrap(), next()), (b"half".to_vec(), None));
    }
}
