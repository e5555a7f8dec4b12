//! `memory.pipelineV2`: every key with its default and bounds, resolved as `/api/status` shows it.

mod background;
mod models;
mod recall;
mod sessions;
mod switches;
mod workers;

use serde_json::{Map, Value};

pub use background::{
    Autonomous, MaintenanceMode, ModelRegistry, Procedural, Reflections, Repair, Structural, Telemetry, WriteGate,
};
pub use models::{EXTRACTION, Extraction, SAFETY, SYNTHESIS, Synthesis, allow_remote_providers};
pub use recall::{Feedback, Graph, Guardrails, Reranker, Traversal};
pub use sessions::{Continuity, Significance, Subagents};
pub use switches::Switches;
pub use workers::{DocumentIntake, EmbeddingTracker, Hints, Worker};

use super::Section;
use super::settings::KeyTable;

/// Declares the section from its own sections: a field each, read, shown and listed in this order.
macro_rules! sections {
    ($($(#[doc = $about:literal])* $field:ident: $type:ident),+ $(,)?) => {
        /// The section resolved.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Pipeline {
            $($(#[doc = $about])* pub $field: $type,)+
            pub extraction: Extraction,
            pub synthesis: Synthesis,
            /// The lock of provider safety: false allows only local providers.
            pub allow_remote_providers: bool,
        }

        impl Pipeline {
            /// The sections that are declared key by key.
            pub const TABLES: &'static [KeyTable] = &[$($type::TABLE),+];

            pub fn read(section: Section<'_>) -> Self {
                let extraction = Extraction::read(section);
                Pipeline {
                    $($field: $type::read(section),)+
                    synthesis: Synthesis::read(section, &extraction),
                    extraction,
                    allow_remote_providers: allow_remote_providers(section),
                }
            }

            /// The whole section with defaults filled in; no secrets are in it.
            pub fn show(&self) -> Value {
                let mut all = Map::new();
                $(self.$field.show(&mut all);)+
                all.insert("extraction".to_owned(), self.extraction.show(self.allow_remote_providers));
                all.insert("synthesis".to_owned(), self.synthesis.show());
                all.insert("allowRemoteProviders".to_owned(), Value::Bool(self.allow_remote_providers));
                Value::Object(all)
            }
        }
    };
}

sections! {
    switches: Switches,
    worker: Worker,
    graph: Graph,
    traversal: Traversal,
    reranker: Reranker,
    feedback: Feedback,
    guardrails: Guardrails,
    documents: DocumentIntake,
    continuity: Continuity,
    subagents: Subagents,
    autonomous: Autonomous,
    repair: Repair,
    embedding_tracker: EmbeddingTracker,
    hints: Hints,
    structural: Structural,
    significance: Significance,
    write_gate: WriteGate,
    procedural: Procedural,
    model_registry: ModelRegistry,
    reflections: Reflections,
    telemetry: Telemetry,
}
