-- Every write is one revision; objects are kept as intervals of revisions.
create table revisions (
  id bigint primary key,
  author text not null,
  message text not null default '',
  at timestamptz not null default now()
);

create table objects (
  kind text not null,
  name text not null,
  owner text not null default '',
  labels jsonb not null default '{}',
  spec jsonb not null,
  from_revision bigint not null references revisions (id),
  -- The first revision that no longer has this form; null while it is current.
  to_revision bigint references revisions (id),
  primary key (kind, name, from_revision),
  check (to_revision is null or to_revision > from_revision)
);

create unique index objects_current on objects (kind, name) where to_revision is null;
create index objects_from_revision on objects (from_revision);
create index objects_to_revision on objects (to_revision) where to_revision is not null;

-- Private keys (encrypted) and API keys (keyed hash), split off before a row is written.
create table secrets (
  id uuid primary key,
  kind text not null,
  name text not null,
  pointer text not null,
  key_id text not null,
  ciphertext bytea,
  keyed_hash bytea,
  from_revision bigint not null references revisions (id),
  check ((ciphertext is null) <> (keyed_hash is null))
);

create index secrets_object on secrets (kind, name);

-- The current rows of each kind, for people and reports.
create view gateways as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Gateway' and to_revision is null;
create view clusters as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Cluster' and to_revision is null;
create view routes as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Route' and to_revision is null;
create view rate_limit_policies as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'RateLimitPolicy' and to_revision is null;
