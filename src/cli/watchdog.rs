//! Tells systemd that the daemon lives, as long as it does: what is not told restarts it.

use std::sync::Arc;

use sd_notify::NotifyState;

use super::place::notify;
use crate::core::Core;
use crate::http::Pulse;
use crate::work::{Ticker, Tickers};

/// Looks four times in the time after which systemd restarts a silent daemon, if it does: a database that is busy for once
/// is no reason. On a thread of its own, so that no other work keeps it from looking.
pub fn start<A: Send + Sync + 'static>(core: &Arc<Core>, pulse: Pulse<A>) -> std::io::Result<Option<Tickers>> {
    let Some(limit) = sd_notify::watchdog_enabled() else { return Ok(None) };
    let watched = Arc::clone(core);
    let ticker = Ticker::new("watchdog", move || limit / 4, move |_| feed(&watched, &pulse));
    Tickers::start("watchdog", &core.stop, vec![ticker]).map(Some)
}

/// If the database answers both ways and requests are being finished.
fn feed<A>(core: &Core, pulse: &Pulse<A>) {
    let stuck = pulse.stuck();
    if let Err(cause) = core.db.answers() {
        log::error!(target: "daemon", "self-check failed: {cause}");
    } else if stuck.is_empty() {
        notify(&[NotifyState::Watchdog]);
    } else {
        let names: Vec<&str> = stuck.into_iter().map(|lane| lane.as_str()).collect();
        log::error!(target: "daemon", "self-check failed: no request ends in the lane {}", names.join(", "));
    }
}
