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
        /// The entity the link starts from.
        source: Text = "source";
        /// What kind of thing that is.
        source_type: Loose<Text> = "sourceType";
        /// What links them.
        relationship: Text = "relationship";
        /// The entity it leads to.
        target: Text = "target";
        /// What kind of thing that is.
        target_type: Loose<Text> = "targetType";
        /// How sure that is; 0.7 when left out.
        confidence: Share = "confidence";
    }
}

input! {
    /// An aspect of an entity with its claims.
    pub struct AspectInput in Inside {
        /// The entity described.
        entity_name: Text = "entityName";
        /// What kind of thing it is.
        entity_type: Loose<Text> = "entityType";
        /// What of it is described.
        aspect: Text = "aspect";
        /// What is claimed of that.
        attributes: Usable<Nested<ClaimInput>, MOST_CLAIMS> = "attributes";
    }
}

input! {
    /// One claim.
    pub struct ClaimInput in Inside {
        /// The claim in words.
        content: Text = "content";
        /// Claims of one group and key replace each other.
        group_key: Loose<Text> = "groupKey";
        /// Claims with the same keys replace each other.
        claim_key: Loose<Text> = "claimKey";
        /// How sure that is; 0.7 when left out.
        confidence: Share = "confidence";
        /// How much it matters; by its kind when left out.
        importance: Share = "importance";
    }
}
