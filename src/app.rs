//! The whole daemon put together: the one file that knows all parts.

use std::sync::Arc;

use serde_json::Value;

use crate::config::NetworkMode;
use crate::core::{Core, Error};
use crate::http::cors::Cors;
use crate::http::{Dispatch, Dispatcher, Router, openapi};
use crate::parts::agents::{self, Agents};
use crate::parts::auth::{self, Auth};
use crate::parts::config::{self, Settings};
use crate::parts::documents::Documents;
use crate::parts::inference::Inference;
use crate::parts::mcp::{self, Mcp};
use crate::parts::memory::{self, Beside, Memory};
use crate::parts::pipeline::{self, MemoryJobs, Pipeline};
use crate::parts::sessions::{self, Ledgers, Sessions};
use crate::parts::status::{self, Status};
use crate::work::Ticker;

/// The parts. Each was given what it uses when it was made.
pub struct App {
    core: Arc<Core>,
    status: Status,
    auth: Arc<Auth>,
    settings: Settings,
    agents: Agents,
    memory: Arc<Memory>,
    sessions: Arc<Sessions>,
    pipeline: Arc<Pipeline>,
    mcp: Mcp,
}

impl App {
    /// Fails when the secret that credentials are signed with cannot be had.
    pub fn new(core: Arc<Core>, cors: Cors) -> std::io::Result<Self> {
        let auth = Arc::new(Auth::start(Arc::clone(&core), cors)?);
        let inference = Arc::new(Inference::new(Arc::clone(&core)));
        let ledgers = Arc::new(Ledgers::default());
        let beside = Beside {
            ledger: Arc::clone(&ledgers) as _,
            sources: Arc::new(Documents),
            jobs: Arc::new(MemoryJobs::default()),
        };
        let memory = Arc::new(Memory::new(Arc::clone(&core), inference, beside));
        let sessions = Arc::new(Sessions::new(Arc::clone(&core), Arc::clone(&memory), ledgers));
        let pipeline = Arc::new(Pipeline::new(Arc::clone(&core)));
        let status =
            Status::new(Arc::clone(&core), Arc::clone(&memory), Arc::clone(&pipeline), Arc::clone(&sessions), written);
        // auth holds core: held by core in turn, neither would ever go
        let follower = Arc::downgrade(&auth);
        core.follow_config(move |before, now| {
            if let Some(auth) = follower.upgrade() {
                auth.config_changed(before, now);
            }
        });
        Ok(App {
            status,
            auth,
            settings: Settings::new(Arc::clone(&core)),
            agents: Agents::new(Arc::clone(&core), vec![Arc::clone(&memory) as _, Arc::clone(&sessions) as _]),
            memory,
            sessions,
            pipeline,
            mcp: Mcp::new(env!("CARGO_PKG_VERSION")),
            core,
        })
    }

    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Short pieces of periodic work of all parts, for one thread.
    pub fn tickers(&self) -> Vec<Ticker> {
        let mut tickers = self.memory.tickers();
        tickers.extend(self.sessions.tickers());
        tickers
    }

    /// What goes through many rows, for another thread.
    pub fn sweeps(&self) -> Vec<Ticker> {
        let mut sweeps = self.memory.sweep_tickers();
        sweeps.extend(self.sessions.sweeps());
        sweeps
    }
}

/// Every route of the daemon, on the part that answers it.
pub fn router() -> Router<App> {
    Router::<App>::new()
        .mount("status", status::ROUTES, |app| &app.status)
        .mount("auth", auth::ROUTES, |app| &*app.auth)
        .mount("config", config::ROUTES, |app| &app.settings)
        .mount("agents", agents::ROUTES, |app| &app.agents)
        .mount("memory", memory::ROUTES, |app| &*app.memory)
        .mount("sessions", sessions::HOOK_ROUTES, |app| &*app.sessions)
        .mount("sessions", sessions::ROUTES, |app| &*app.sessions)
        .mount("sessions", sessions::CHECKPOINT_ROUTES, |app| &*app.sessions)
        .mount("sessions", sessions::MEMORY_MD_ROUTES, |app| &*app.sessions)
        .mount("sessions", sessions::PEER_ROUTES, |app| app.sessions.peers())
        .mount("pipeline", pipeline::ROUTES, |app| &*app.pipeline)
        .mount("mcp", mcp::ROUTES, |app| &app.mcp)
}

/// The document as it was last written, packed by the build; a test holds it against [`document`]. Making it for every
/// request would cost ten milliseconds and several MB each time.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.zlib"));
/// Bytes that it may have unpacked.
const LONGEST: usize = 16 * 1024 * 1024;

/// [`PACKED`] as it was written.
fn written() -> Result<Vec<u8>, Error> {
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(PACKED, LONGEST)
        .map_err(|cause| Error::failed(format!("the description of the API: {cause}")))
}

/// All routes described: OpenAPI 3.1.
pub fn document() -> Value {
    openapi::document(crate::config::API_VERSION, router().specs())
}

/// The one way from a request to its answer, which tools take too.
pub fn dispatcher(app: Arc<App>) -> Arc<Dispatcher<App>> {
    let (gate, stop) = (Arc::clone(&app.auth), app.core.stop.clone());
    let dispatcher = Arc::new(Dispatcher::new(Arc::clone(&app), router(), gate, stop));
    let tools: Arc<dyn Dispatch> = Arc::clone(&dispatcher) as _;
    app.mcp.connect(&tools);
    dispatcher
}

/// Which browser origins may read answers of a daemon that listens there.
pub fn cors(core: &Core) -> Cors {
    let listening = &core.listening;
    Cors { port: listening.port, tailnet: NetworkMode::of_bind(&listening.bind) == NetworkMode::Tailscale }
}
