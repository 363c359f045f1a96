-- Looks at counters, and changes nothing. Of the arguments, which are those of all scripts, it needs the first.

-- Microseconds since the epoch: the store's own clock, unless a test says another.
local given = ARGV[1]
local clock = redis.call('TIME')
if given ~= '' then
  clock = { string.sub(given, 1, -7), string.sub(given, -6) }
end
-- The time, nothing more to say, and the counters as they are.
local all = { clock[1], clock[2], '' }
for index, key in ipairs(KEYS) do
  all[3 + index] = redis.call('GET', key) or ''
end
return all
