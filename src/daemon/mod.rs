//! The daemon about itself: health, status, features and the root page.

mod resources;
mod routes;

pub use routes::ROUTES;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use resources::Resources;

use crate::locks;

/// Looking through `/proc` costs more than the rest of `/health`: once in this time is enough.
const RESOURCES_FRESH: Duration = Duration::from_secs(2);

/// What these routes keep between requests.
#[derive(Default)]
pub struct State {
    shutting_down: AtomicBool,
    resources: Mutex<Option<(Instant, Resources)>>,
}

impl State {
    pub fn shut_down(&self) {
        self.shutting_down.store(true, Ordering::Release);
    }

    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }

    fn resources(&self) -> Resources {
        let mut kept = locks::lock(&self.resources);
        match &*kept {
            Some((at, resources)) if at.elapsed() < RESOURCES_FRESH => resources.clone(),
            _ => {
                let fresh = Resources::look();
                *kept = Some((Instant::now(), fresh.clone()));
                fresh
            }
        }
    }
}
