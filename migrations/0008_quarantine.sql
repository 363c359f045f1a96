-- Forms of objects that Envoy refuses: what the Envoys of every replica get instead follows from it.
create table quarantine (
  kind text not null,
  name text not null,
  -- The revision that gave the object this form.
  revision bigint not null,
  -- The revision of the form that is in force instead; null where there is none.
  good bigint,
  -- An Envoy has accepted it after all, so that it is held back no longer, and not again.
  accepted boolean not null default false,
  pointer text not null,
  error text not null,
  gateway text not null,
  node text not null,
  type text not null,
  resource text not null,
  version text not null,
  since timestamptz not null,
  -- A form may be refused as several resources.
  primary key (kind, name, revision, resource)
);
