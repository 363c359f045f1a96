-- By which revision each rate-limit service answers, for those who wait until all of them do.
create table replicas (
  -- Unique to the process.
  id text primary key,
  -- Where it answers, for people; a process that starts there takes the place of the one before it.
  name text not null,
  -- 0 before its first.
  revision bigint not null,
  -- Its last sign of life.
  seen_at timestamptz not null
);
