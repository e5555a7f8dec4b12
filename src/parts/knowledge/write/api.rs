//! The structured payload of a remember.

use crate::http::input::{Loose, Nested, Phrases, Share, Text, Usable};
use crate::input;

/// Items of each list of a payload.
const MOST: usize = 500;
/// Claims of one aspect that are read.
const MOST_CLAIMS: usize = 5_001;

input! {
    /// Entities and claims for the knowledge graph. Items without their required fields are skipped.
    pub struct StructuredInput in Inside {
        /// Relations between two entities.
        entities: Usable<Nested<TripleInput>, MOST> = "entities";
        /// What is said of an entity, by aspect.
        aspects: Usable<Nested<AspectInput>, MOST> = "aspects";
        /// Phrases a later question may use.
        hints: Phrases<5, 300> = "hints";
    }
}

input! {
    /// Two entities and how they relate.
    pub struct TripleInput in Inside {
        source: Text = "source";
        source_type: Loose<Text> = "sourceType";
        relationship: Text = "relationship";
        target: Text = "target";
        target_type: Loose<Text> = "targetType";
        confidence: Share = "confidence";
    }
}

input! {
    /// An aspect of an entity with its claims.
    pub struct AspectInput in Inside {
        entity_name: Text = "entityName";
        entity_type: Loose<Text> = "entityType";
        aspect: Text = "aspect";
        attributes: Usable<Nested<ClaimInput>, MOST_CLAIMS> = "attributes";
    }
}

input! {
    /// One claim.
    pub struct ClaimInput in Inside {
        content: Text = "content";
        group_key: Loose<Text> = "groupKey";
        /// Claims with the same keys replace each other.
        claim_key: Loose<Text> = "claimKey";
        confidence: Share = "confidence";
        importance: Share = "importance";
    }
}
