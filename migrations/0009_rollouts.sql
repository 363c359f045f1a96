-- How far the Envoys of each gateway with a `rollout` are moved to its newest revision. A row is made in the transaction
-- of the write that gives a gateway its `rollout`, so that no replica ever serves what is not there.
create table rollouts (
  gateway text primary key,
  -- Counts the changes of the row: each is made by whoever saw the one before it.
  version bigint not null,
  -- The version at which the present wave began.
  epoch bigint not null,
  -- running, halted, reverting, reverted or done.
  state text not null,
  -- What the Envoys have that are not reached: the last revision that was fully rolled out.
  base bigint not null,
  -- What the reached ones have, or had before it was reverted.
  candidate bigint not null,
  -- Counts from 0.
  wave integer not null,
  -- Which Envoys are reached: {nodes: [labels], share}.
  reach jsonb not null,
  started_at timestamptz not null,
  wave_at timestamptz not null,
  -- Since when all that are reached have acknowledged it.
  settling_at timestamptz,
  changed_at timestamptz not null,
  -- Why it was halted or reverted, and by what it ended.
  reason text not null
);

insert into rollouts
select name, 1, 1, 'done', newest, newest, 0, '{"nodes": [], "share": 1}',
       clock_timestamp(), clock_timestamp(), null, clock_timestamp(), 'served when rollouts came'
from objects, (select max(id) as newest from revisions) as known
where kind = 'Gateway' and to_revision is null and spec::jsonb ? 'rollout';

-- What became of each revision that was rolled out in waves.
create table rollout_outcomes (
  gateway text not null,
  revision bigint not null,
  -- done, reverted or superseded.
  state text not null,
  reason text not null,
  at timestamptz not null,
  primary key (revision, gateway)
);

-- What each replica sees of its own Envoys, once a second while a gateway has a `rollout`.
create table rollout_reports (
  -- Unique to the process.
  replica text primary key,
  name text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  -- By gateway.
  report json not null
);

-- Who moves the rollouts on: one replica, until a time that it puts off again and again.
create table rollout_driver (
  singleton boolean primary key default true check (singleton),
  replica text not null,
  name text not null,
  until timestamptz not null
);
