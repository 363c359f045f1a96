-- The Envoys of all replicas, as each replica tells of its own. They are as true as the last second: a replica that finds
-- its rows gone, say after a crash of the database, which empties these tables, tells everything again.
create unlogged table fleet_replicas (
  -- Unique to the process.
  id text primary key,
  -- Where it serves xDS, for people; a process that starts there takes the place of the one before it.
  name text not null,
  -- Its Envoys stand on this one, where nothing else is said of them.
  revision bigint not null,
  -- Grows with everything that it tells.
  version bigint not null,
  -- The version in which it told all: what was told before that does not hold.
  base bigint not null,
  -- Its last sign of life.
  seen_at timestamptz not null
);

-- Who is or was there, and what of it stays: written when an Envoy comes or goes.
create unlogged table fleet_envoys (
  replica text not null references fleet_replicas on delete cascade,
  -- A number of the replica's own, which it uses again.
  seat integer not null,
  -- That of the replica when this was written.
  version bigint not null,
  -- Null: the seat is free.
  item jsonb,
  primary key (replica, seat)
);
create index fleet_envoys_version on fleet_envoys (replica, version);

-- How far the connected ones are: Envoys that stand alike are told together, so that an edit is one row a gateway.
create unlogged table fleet_gateways (
  replica text not null references fleet_replicas on delete cascade,
  gateway text not null,
  version bigint not null,
  -- Null: none is connected.
  groups jsonb,
  primary key (replica, gateway)
);

-- How often was told on a channel of NOTIFY, for those whom a notification did not reach.
create table notifications (
  channel text primary key,
  number bigint not null
);
