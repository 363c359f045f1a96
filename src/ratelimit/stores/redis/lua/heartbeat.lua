-- The numbered record of the replicas that live: one hash, of a number that grows whenever the set changes, the time of the
-- last sign of life of anyone, and of each replica when it gave its last and whether it is back at the store. Answers with
-- the time, the number, and the replicas: id, when, whether it is back.

local key = KEYS[1]
local id, ready, leaving = text(), text(), text() == '1'
-- Microseconds without a sign of life after which a replica is none any more; and without anybody's, after which it was the
-- store that was away: that ages nobody.
local expiry, quiet = number(), number()
-- What the replica knew last, for a store that lost the record.
local known_number = number()
local known = {}
for index = 1, number() do
  known[index] = text()
end

local stored = call('HGETALL', key)
local members, record_number, last = {}, nil, nil
for index = 1, #stored, 2 do
  local field, value = stored[index], stored[index + 1]
  if field == '#' then
    record_number = tonumber(value)
  elseif field == '@' then
    last = tonumber(value)
  else
    local seen, back = string.match(value, '^(%d+) ([01])$')
    members[field] = { seen = tonumber(seen), ready = back }
  end
end

local changed = false
if last == nil then
  for _, each in ipairs(known) do
    members[each] = { seen = now, ready = '0' }
    changed = true
  end
elseif now - last > quiet then
  for _, member in pairs(members) do
    member.seen, member.ready = math.min(now, member.seen + (now - last)), '0'
  end
end

local gone = {}
for each, member in pairs(members) do
  if now - member.seen > expiry or (leaving and each == id) then
    members[each], changed = nil, true
    gone[#gone + 1] = each
  end
end
if not leaving then
  changed = changed or members[id] == nil
  members[id] = { seen = now, ready = ready }
end

local next_number = math.max(record_number or 0, known_number) + (changed and 1 or 0)
local fields = { '#', string.format('%.0f', next_number), '@', string.format('%.0f', math.max(now, last or 0)) }
local list = {}
for each, member in pairs(members) do
  local seen = string.format('%.0f', member.seen)
  fields[#fields + 1] = each
  fields[#fields + 1] = seen .. ' ' .. member.ready
  list[#list + 1] = each
  list[#list + 1] = seen
  list[#list + 1] = member.ready
end
-- First what a store without memory refuses: this call is also how a replica finds out whether the store takes writes.
call('HSET', key, unpack(fields))
if #gone > 0 then
  call('HDEL', key, unpack(gone))
end
call('PEXPIRE', key, '86400000')
return { clock[1], clock[2], string.format('%.0f', next_number), unpack(list) }
