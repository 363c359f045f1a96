-- The key by which API keys are hashed, encrypted under the master key in force: one row a database.
create table secret_hash_key (
  singleton boolean primary key default true check (singleton),
  id text not null,
  key_id text not null,
  wrapped bytea not null
);

-- Equal API keys have equal hashes: callers are found by them.
create index secrets_keyed_hash on secrets (keyed_hash) where keyed_hash is not null;

create view outlier_detection_policies as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'OutlierDetectionPolicy' and to_revision is null;
create view auth_policies as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'AuthPolicy' and to_revision is null;
create view consumers as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Consumer' and to_revision is null;
create view plans as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Plan' and to_revision is null;
create view request_policies as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'RequestPolicy' and to_revision is null;
create view certificates as
  select name, owner, labels, spec, from_revision as revision from objects where kind = 'Certificate' and to_revision is null;
