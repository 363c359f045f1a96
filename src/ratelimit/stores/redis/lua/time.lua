-- Seconds and microseconds since the epoch: the store's own clock, unless a test says another.
local given = ARGV[1]
local clock = redis.call('TIME')
if given ~= '' then
  clock = { string.sub(given, 1, -7), string.sub(given, -6) }
end
