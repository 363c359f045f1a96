-- Where the Envoys of a gateway are, for the clusters that forward to it. Written by the replica that has the Envoy's
-- stream; a row outlives the stream, and weir, by a time of grace.
create table envoy_addresses (
  -- Digest of the four below: who says what.
  id text primary key,
  gateway text not null,
  node text not null,
  -- What its bootstrap announces; none: it is where its stream comes from.
  addresses text[] not null,
  peer text not null,
  -- The process that has its stream; null once that is over.
  replica text,
  -- When its stream was last known to be there.
  seen_at timestamptz not null
);
create index envoy_addresses_seen_at on envoy_addresses (seen_at);
create index envoy_addresses_gateway on envoy_addresses (gateway);
