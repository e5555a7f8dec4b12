-- Indexes of our own: questions the original answers by scanning.

-- The first dedupe key of a remember.
CREATE INDEX idx_signetd_memories_source ON memories (source_id, source_type) WHERE source_id IS NOT NULL;
-- Most used first.
CREATE INDEX idx_signetd_memories_access ON memories (access_count DESC, importance DESC) WHERE access_count > 0;
-- The evidence of an aggregate whose source memory goes.
CREATE INDEX idx_signetd_aggregate_source ON aggregate_memory_sources (source_memory_id);
-- The claims of one memory.
CREATE INDEX idx_signetd_attributes_memory ON entity_attributes (memory_id) WHERE memory_id IS NOT NULL;
