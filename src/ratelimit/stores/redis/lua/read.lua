-- Looks at counters, and changes nothing. Before it stands the time.

-- The time, nothing more to say, and the counters as they are.
local all = { clock[1], clock[2], '' }
for index, key in ipairs(KEYS) do
  all[3 + index] = redis.call('GET', key) or ''
end
return all
