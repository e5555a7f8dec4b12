//! What is known of the workers. This build has no extraction worker: it never runs.

use super::Pipeline;
use super::api::{ExtractionProvider, ExtractionWorker, ProviderResolution, SynthesisProvider};
use crate::text::time;

impl Pipeline {
    pub fn extraction_worker(&self) -> ExtractionWorker {
        let worker = &self.core.config().pipeline.worker;
        ExtractionWorker {
            running: false,
            overloaded: false,
            load_per_cpu: None,
            max_load_per_cpu: worker.max_load_per_cpu,
            overload_backoff_ms: worker.overload_backoff.as_millis() as i64,
            overload_since: None,
            next_tick_in_ms: None,
        }
    }

    pub fn provider_resolution(&self) -> ProviderResolution {
        let config = self.core.config();
        let pipeline = &config.pipeline;
        let extraction = &pipeline.extraction;
        let (status, reason) = if !pipeline.switches.enabled || extraction.provider == "none" {
            ("disabled", None)
        } else if pipeline.switches.paused {
            ("paused", None)
        } else {
            ("blocked", Some("this version has no extraction worker; jobs stay queued"))
        };
        ProviderResolution {
            extraction: ExtractionProvider {
                configured: extraction.configured.clone(),
                resolved: extraction.provider.clone(),
                effective: "none",
                fallback_provider: extraction.fallback.clone(),
                status,
                degraded: status == "blocked",
                fallback_applied: false,
                reason,
                since: reason.map(|_| time::iso(self.core.started)),
            },
            synthesis: SynthesisProvider {
                configured: pipeline.synthesis.configured.clone(),
                resolved: pipeline.synthesis.provider.clone(),
                effective: None,
            },
        }
    }
}
