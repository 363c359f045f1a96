-- What replicas know of clusters' health, by the Envoys that told them: an answer to who asked is written here, read once and
-- deleted. What is left of one that nobody read is swept by the next that is written.
create unlogged table health_answers (
  question uuid not null,
  -- Where the replica serves xDS, for people.
  replica text not null,
  at timestamptz not null default clock_timestamp(),
  answer json not null,
  primary key (question, replica)
);
