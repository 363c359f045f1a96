-- One row: the oldest revision whose state can be read. What was before it is compacted away.
create table history (
  singleton boolean primary key default true check (singleton),
  oldest bigint not null
);
insert into history (oldest) values (1);

-- A point in time is looked up as the last revision before it.
create index revisions_at on revisions (at);

-- Keys of writes that a client may send again. A row is written in the transaction of its write.
create table idempotency_keys (
  key text primary key,
  -- Keyed digest of the request: nothing of what it carried can be told from it.
  fingerprint bytea not null,
  revision bigint not null,
  changes json not null,
  -- The answer as it was sent; null until then.
  answer text,
  at timestamptz not null
);
create index idempotency_keys_at on idempotency_keys (at);

-- A revision that a secret names is not deleted: asked for each revision of a compaction.
create index secrets_from_revision on secrets (from_revision);
