//! A workspace that is opened by this process: its lock, its database, the parts, and what runs beside requests.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::place::lock_workspace;
use crate::app::{self, App};
use crate::config::{Environment, Live};
use crate::core::{Core, Listening, workspace};
use crate::db::Db;
use crate::http::Dispatcher;
use crate::parts::agents;
use crate::sys::clock::SystemClock;
use crate::sys::ids::SystemIds;
use crate::work::{Ticker, Tickers};

/// All background work together may take so much longer than requests.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error>;

/// A workspace that is this process's alone, before anything in it is touched.
pub struct Claimed {
    pub env: Environment,
    /// Whether there is a folder for log files.
    pub has_logs: bool,
    lock: File,
}

impl Claimed {
    /// Waits so long for another that has the workspace; looks at it again then, as that one may have been restoring it.
    pub fn new(env: Environment, patience: Duration) -> Result<Self, Failure> {
        workspace::check_layout(&env)?;
        workspace::make_place(&env)?;
        let lock = lock_workspace(&env, patience)?;
        workspace::check_layout(&env)?;
        let has_logs = workspace::prepare(&env)?;
        Ok(Claimed { env, has_logs, lock })
    }
}

/// A workspace with its database, before it is known where requests come from.
pub struct Opened {
    pub env: Environment,
    config: Live,
    db: Db,
    lock: File,
}

impl Opened {
    pub fn new(claimed: Claimed) -> Result<Self, Failure> {
        let Claimed { env, lock, .. } = claimed;
        let config = Live::load(&env);
        let db = Db::open(&env.database(), Arc::new(SystemClock), Arc::new(SystemIds))?;
        let roster = config.current().roster.clone();
        db.write(move |tx| agents::apply_roster(tx, &roster))?;
        Ok(Opened { env, config, db, lock })
    }

    /// Whether the config cannot be read: then nobody is let in from elsewhere.
    pub fn is_held(&self) -> bool {
        self.config.is_held()
    }

    /// The address to listen on. A config that cannot be read opens no door.
    pub fn bind(&self) -> String {
        match self.is_held() {
            true => "127.0.0.1".to_owned(),
            false => self.env.bind_for(self.config.current().network_mode),
        }
    }

    /// Puts the parts together and starts what runs beside requests.
    pub fn furnish(self, listening: Listening) -> Result<House, Failure> {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let core = Arc::new(Core::new(self.env, listening, self.config, Arc::new(self.db), clock, ids));
        let app = App::new(Arc::clone(&core), app::cors(&core))
            .map_err(|cause| format!("cannot read or create the auth secret: {cause}"))?;
        let app = Arc::new(app);
        let background = start_background(&core, &app)?;
        let dispatcher = app::dispatcher(Arc::clone(&app));
        Ok(House { core, app, dispatcher, background, lock: self.lock })
    }
}

/// See the module.
pub struct House {
    pub core: Arc<Core>,
    app: Arc<App>,
    pub dispatcher: Arc<Dispatcher<App>>,
    background: Vec<Tickers>,
    lock: File,
}

impl House {
    /// What else ends with it.
    pub fn also_runs(&mut self, more: Option<Tickers>) {
        self.background.extend(more);
    }

    /// Ends what runs, writes what waits, and gives the workspace back.
    pub fn close(self) {
        self.core.stop.stop();
        let deadline = Instant::now() + BACKGROUND_GRACE;
        let mut ended = true;
        for thread in self.background {
            ended &= thread.end(deadline.saturating_duration_since(Instant::now()));
        }
        self.app.sessions().flush();
        self.app.memory().flush_counts();
        self.core.db.close();
        let pid_file = self.core.env.daemon_dir().join("pid");
        // connections first: who gets the workspace next finds nobody at the file
        drop((self.dispatcher, self.app, self.core));
        if !ended {
            // what still runs may write: nobody else gets the workspace before this process ends
            std::mem::forget(self.lock);
            return;
        }
        // with the file goes the lock: another makes a new one
        if let Err(cause) = std::fs::remove_file(pid_file) {
            log::warn!(target: "daemon", "pid file: {cause}");
        }
    }
}

/// What runs beside requests: short pieces share a thread, what takes long or may wait has its own.
fn start_background(core: &Arc<Core>, app: &Arc<App>) -> Result<Vec<Tickers>, Failure> {
    let stop = &core.stop;
    let memory = app.memory();
    let loading = Arc::clone(memory);
    std::thread::Builder::new().name("index".to_owned()).spawn(move || loading.load_index())?;
    let mut short = core_tickers(core);
    short.extend(app.tickers());
    Ok(vec![
        Tickers::start("background", stop, short)?,
        Tickers::start("sweeps", stop, app.sweeps())?,
        Tickers::start("embedder", stop, vec![memory.embedder_ticker()])?,
        Tickers::start("maps", stop, vec![memory.map_ticker()])?,
        app.sessions().start_writer(stop)?,
    ])
}

/// Periodic work that belongs to no part.
fn core_tickers(core: &Arc<Core>) -> Vec<Ticker> {
    let (config, checkpoint) = (Arc::clone(core), Arc::clone(core));
    vec![
        Ticker::new("config", || Duration::from_secs(1), move |_| config.refresh_config()),
        Ticker::new("checkpoint", || Duration::from_secs(20), move |_| checkpoint.db.checkpoint()),
    ]
}
