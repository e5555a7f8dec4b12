//! SIGKILL while eight clients write: every answered memory is there afterwards.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::{Daemon, QUIET};
use rustix::process::Signal;

const CLIENTS: usize = 8;
/// Answered writes after which the daemon is killed.
const ENOUGH: usize = 400;

#[test]
fn every_answered_memory_survives_a_kill() {
    let mut daemon = Daemon::start(QUIET);
    let answered: Arc<Mutex<Vec<String>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answered, stop, daemon) = (Arc::clone(&answered), Arc::clone(&stop), &daemon);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = format!(r#"{{"content":"client {client} wrote line {n} of the log"}}"#);
                    let answer = daemon.try_send("POST", "/api/memory/remember", body.as_bytes(), &[]);
                    match answer {
                        Some(a) if a.status == 200 => {
                            answered.lock().unwrap().push(a.json()["id"].as_str().unwrap().to_owned());
                        }
                        _ => return,
                    }
                }
            });
        }
        common::eventually("enough writes", || answered.lock().unwrap().len() >= ENOUGH);
        rustix::process::kill_process(daemon.pid(), Signal::KILL).unwrap();
        stop.store(true, Ordering::Relaxed);
    });
    daemon.end(Signal::KILL);
    daemon.boot();
    let answered = answered.lock().unwrap();
    let missing: Vec<_> = answered.iter().filter(|id| daemon.get(&format!("/api/memory/{id}")).status != 200).collect();
    assert!(missing.is_empty(), "{} of {} are gone", missing.len(), answered.len());
    assert!(daemon.command(&["check"]).status().unwrap().success());
}
