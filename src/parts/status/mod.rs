//! The daemon about itself: health, status, features, the API's description and the root page. What a
//! part knows of itself it is asked for.

mod api;
mod report;
mod resources;
mod routes;

pub use routes::ROUTES;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::core::{Core, Error};
use crate::parts::memory::Memory;
use crate::parts::pipeline::Pipeline;
use crate::parts::sessions::Sessions;
use crate::sys::locks;
use api::Resources;

/// Looking through `/proc` costs more than the rest of `/health`: once in this time is enough.
const RESOURCES_FRESH: Duration = Duration::from_secs(2);

/// Unpacks the OpenAPI document of all routes, as JSON.
pub type Document = fn() -> Result<Vec<u8>, Error>;

pub struct Status {
    core: Arc<Core>,
    memory: Arc<Memory>,
    pipeline: Arc<Pipeline>,
    sessions: Arc<Sessions>,
    document: Document,
    resources: Mutex<Option<(Instant, Resources)>>,
}

impl Status {
    pub fn new(
        core: Arc<Core>,
        memory: Arc<Memory>,
        pipeline: Arc<Pipeline>,
        sessions: Arc<Sessions>,
        document: Document,
    ) -> Self {
        Status { core, memory, pipeline, sessions, document, resources: Mutex::default() }
    }

    fn resources(&self) -> Resources {
        let mut kept = locks::lock(&self.resources);
        match &*kept {
            Some((at, resources)) if at.elapsed() < RESOURCES_FRESH => resources.clone(),
            _ => {
                let fresh = resources::look();
                *kept = Some((Instant::now(), fresh.clone()));
                fresh
            }
        }
    }
}
