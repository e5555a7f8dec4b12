-- Indexes of our own: questions the original answers by scanning. All are kept by the database itself,
-- so the original daemon keeps them too when it writes to the same file.

-- The first dedupe key of a remember.
CREATE INDEX idx_signetd_memories_source ON memories (source_id, source_type) WHERE source_id IS NOT NULL;
-- Most used first.
CREATE INDEX idx_signetd_memories_access ON memories (access_count DESC, importance DESC) WHERE access_count > 0;
-- The evidence of an aggregate whose source memory goes.
CREATE INDEX idx_signetd_aggregate_source ON aggregate_memory_sources (source_memory_id);
-- The claims of one memory.
CREATE INDEX idx_signetd_attributes_memory ON entity_attributes (memory_id) WHERE memory_id IS NOT NULL;
-- The times of a memory that goes, whoever's it is.
CREATE INDEX idx_signetd_temporal_subject ON temporal_edges (subject_id);
-- What happened in a window of time.
CREATE INDEX idx_signetd_temporal_facet ON temporal_edges (facet, start_at);

-- Claims and aspects by their words.
CREATE VIRTUAL TABLE signetd_claims_fts USING fts5(content, group_key, claim_key, content='entity_attributes', content_rowid='rowid');
CREATE TRIGGER signetd_claims_fts_ai AFTER INSERT ON entity_attributes BEGIN
  INSERT INTO signetd_claims_fts(rowid, content, group_key, claim_key) VALUES (new.rowid, new.content, new.group_key, new.claim_key);
END;
CREATE TRIGGER signetd_claims_fts_ad AFTER DELETE ON entity_attributes BEGIN
  INSERT INTO signetd_claims_fts(signetd_claims_fts, rowid, content, group_key, claim_key) VALUES ('delete', old.rowid, old.content, old.group_key, old.claim_key);
END;
CREATE TRIGGER signetd_claims_fts_au AFTER UPDATE OF content, group_key, claim_key ON entity_attributes BEGIN
  INSERT INTO signetd_claims_fts(signetd_claims_fts, rowid, content, group_key, claim_key) VALUES ('delete', old.rowid, old.content, old.group_key, old.claim_key);
  INSERT INTO signetd_claims_fts(rowid, content, group_key, claim_key) VALUES (new.rowid, new.content, new.group_key, new.claim_key);
END;
CREATE VIRTUAL TABLE signetd_aspects_fts USING fts5(name, content='entity_aspects', content_rowid='rowid');
CREATE TRIGGER signetd_aspects_fts_ai AFTER INSERT ON entity_aspects BEGIN
  INSERT INTO signetd_aspects_fts(rowid, name) VALUES (new.rowid, new.name);
END;
CREATE TRIGGER signetd_aspects_fts_ad AFTER DELETE ON entity_aspects BEGIN
  INSERT INTO signetd_aspects_fts(signetd_aspects_fts, rowid, name) VALUES ('delete', old.rowid, old.name);
END;
CREATE TRIGGER signetd_aspects_fts_au AFTER UPDATE OF name ON entity_aspects BEGIN
  INSERT INTO signetd_aspects_fts(signetd_aspects_fts, rowid, name) VALUES ('delete', old.rowid, old.name);
  INSERT INTO signetd_aspects_fts(rowid, name) VALUES (new.rowid, new.name);
END;

-- Terms that memories_fts does not see: words inside scripts without spaces (as overlapping pairs), names
-- that end in signs (C++), letters of another form (ligatures, full width). A row for each memory that has
-- such terms, with the words that memories_fts does see beside them, so that all words of a question can be
-- looked for in one place. Made by the daemon; the triggers note which memories it has to look at.
CREATE VIRTUAL TABLE signetd_terms_fts USING fts5(own, seen, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2 categories 'L* N* M* Co'");
CREATE TABLE signetd_terms_due (memory_rowid INTEGER PRIMARY KEY);
CREATE TRIGGER signetd_terms_ai AFTER INSERT ON memories
WHEN length(CAST(new.content AS BLOB)) <> length(new.content) OR typeof(new.content) = 'blob'
  OR new.content GLOB '*[A-Za-z0-9][+#]*' OR new.content GLOB '*[^A-Za-z0-9.)}_].[A-Za-z]*' OR new.content GLOB '.[A-Za-z]*' BEGIN
  INSERT OR IGNORE INTO signetd_terms_due VALUES (new.rowid);
END;
CREATE TRIGGER signetd_terms_au AFTER UPDATE OF content ON memories BEGIN
  INSERT OR IGNORE INTO signetd_terms_due VALUES (new.rowid);
END;
CREATE TRIGGER signetd_terms_ad AFTER DELETE ON memories BEGIN
  INSERT OR IGNORE INTO signetd_terms_due VALUES (old.rowid);
END;

-- Whose a checkpoint is: the table of checkpoints has no column for it. A checkpoint without a row here is
-- the default agent's.
CREATE TABLE signetd_checkpoint_agents (checkpoint_id TEXT PRIMARY KEY, agent_id TEXT NOT NULL) WITHOUT ROWID;
-- Checkpoints by age.
CREATE INDEX idx_signetd_checkpoints_created ON session_checkpoints (created_at);
-- An agent's memories, newest first: what a session is begun with.
CREATE INDEX idx_signetd_memories_newest ON memories (COALESCE(NULLIF(agent_id, ''), 'default'), created_at DESC);
-- An agent's memories by what they are worth: what MEMORY.md begins with.
CREATE INDEX idx_signetd_memories_worth ON memories (pinned DESC, importance DESC, created_at DESC) WHERE is_deleted = 0;
-- A file's row by its path alone: whose it is only the file tells.
CREATE INDEX idx_signetd_artifacts_path ON memory_artifacts (source_path, source_mtime_ms);
-- what an agent was told when it began, without the rows of all that waits: their transcripts fill whole pages
CREATE INDEX idx_signetd_summary_jobs_completed ON summary_jobs (agent_id, created_at DESC) WHERE status = 'completed';
-- the same of a project
CREATE INDEX idx_signetd_summary_jobs_project ON summary_jobs (agent_id, project, created_at DESC) WHERE status = 'completed';
