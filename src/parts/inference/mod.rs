//! Asking language models that the config names. Routing, streaming and accounts of calls come with their
//! issue; what other parts need for one-shot questions is here.

mod model;

use std::sync::Arc;

pub use model::{Completion, Model};

use crate::config::WorkloadName;
use crate::core::Core;

pub struct Inference {
    core: Arc<Core>,
}

impl Inference {
    pub fn new(core: Arc<Core>) -> Self {
        Inference { core }
    }

    /// The model of a workload; `None` when the config names none that can be asked from here.
    pub fn model(&self, workload: WorkloadName) -> Option<Model> {
        let config = self.core.config();
        let inference = &config.inference;
        if !inference.enabled {
            return None;
        }
        let key = |name: &str| self.core.env.variable(name);
        inference.references(workload).find_map(|r| Model::at(inference, r, self.core.upstream.clone(), key))
    }
}
