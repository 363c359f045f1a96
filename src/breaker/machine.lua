-- The strict circuit breaker: one step of one cluster's breaker, as `machine.ts` has it, beside which the rules stand.
--
-- KEYS: the state of the cluster.
-- ARGV: a clock in microseconds, or '' for the store's own; the channel on which transitions are told; the cluster; what the replica knows, as `state-text.ts` writes it,
-- or ''; errorRate, window, open, probes; hold ('' for nothing, '-' to close, 'hand', or microseconds) and note; the number of
-- reports, and of each its generation, place or '' and outcomes; the time to live of each request that asks.
-- Answers with the time, the state without its ring, failures and length of that, the state that it came from or '', the
-- number of admissions, and these: 'closed', 'refused' or the id of a place.

local key = KEYS[1]
local cursor = 0
local function text()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function number()
  return tonumber(text())
end
local function digits(value)
  return string.format('%.0f', value)
end

local clock = text()
local now
if clock == '' then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
else
  now = tonumber(clock)
end

local channel, cluster, known = text(), text(), text()
local error_rate, window, open, probes = number(), number(), number(), number()
local hold, note = text(), text()

-- Words of a state; the ring and what is told of it are last.
local function read(state)
  local words = {}
  for word in string.gmatch(state, '%S+') do
    words[#words + 1] = word
  end
  local places = {}
  for id, till in string.gmatch(words[8], '(%d+):(-?%d+)') do
    places[#places + 1] = { id = tonumber(id), till = tonumber(till) }
  end
  return {
    name = words[1],
    generation = tonumber(words[2]),
    since = tonumber(words[3]),
    seen = tonumber(words[4]),
    hold = words[5],
    last = tonumber(words[6]),
    successes = tonumber(words[7]),
    places = places,
    cause = words[9],
    note = words[10],
    ring = words[11] == '-' and '' or words[11],
  }
end

-- All of a state but its ring.
local function head(state)
  local places = {}
  for index, place in ipairs(state.places) do
    places[index] = digits(place.id) .. ':' .. digits(place.till)
  end
  return table.concat({
    state.name,
    digits(state.generation),
    digits(state.since),
    digits(state.seen),
    state.hold,
    digits(state.last),
    digits(state.successes),
    #places == 0 and '-' or table.concat(places, ','),
    state.cause,
    state.note,
  }, ' ')
end

local stored = redis.call('GET', key)
local state = stored and read(stored)
local changed = false
-- The replica's own memory is of a later generation where the store lost some, or all.
local remembered = known ~= '' and read(known)
if remembered and (not state or state.generation < remembered.generation) then
  state, changed = remembered, true
end
if not state then
  state, changed = {
    name = 'closed', generation = now, since = now, seen = now, hold = '-', last = 0, successes = 0, places = {},
    cause = 'new', note = '-', ring = '',
  }, true
end

-- A clock that was set back: what the state waits for is as far away as it was when it was written.
local function set_back(some)
  local by = some.seen - now
  if by <= 0 then
    return false
  end
  some.since, some.seen = some.since - by, now
  if tonumber(some.hold) then
    some.hold = digits(tonumber(some.hold) - by)
  end
  for _, place in ipairs(some.places) do
    place.till = place.till - by
  end
  return true
end
changed = set_back(state) or changed

local from = ''
-- A store that lost all was asked by a replica that knew nothing before one came that knows.
if remembered and remembered.name ~= 'closed' and state.cause == 'new' and remembered.generation < state.generation then
  set_back(remembered)
  remembered.generation = state.generation + 1
  from, state, changed = state.name, remembered, true
end

local function move(name, cause)
  from, changed = from == '' and state.name or from, true
  state = {
    name = name, cause = cause, since = now, seen = now, last = state.last,
    generation = math.max(state.generation + 1, now),
    hold = '-', successes = 0, places = {}, note = '-', ring = '',
  }
end

local function failures_in(ring)
  local _, count = string.gsub(ring, '1', '')
  return count
end

if hold == '-' then
  if state.name ~= 'closed' then
    move('closed', 'hand')
    state.note = note
  end
elseif hold ~= '' then
  move('open', 'hand')
  state.hold = hold == 'hand' and hold or digits(now + tonumber(hold))
  state.note = note
elseif state.name == 'open' and state.hold ~= 'hand' then
  if now >= (tonumber(state.hold) or state.since + open) then
    move('half_open', 'time')
  end
end

-- Each outcome is looked at by itself: those after the one that opens it are of an older generation by then.
local function count(outcomes)
  local heard = string.gsub(outcomes, 'a', '')
  if heard == '' then
    return
  end
  local kept = string.sub(state.ring, -window)
  local all = kept .. heard
  local failures = failures_in(kept)
  for index = #kept + 1, #all do
    if string.byte(all, index) == 49 then
      failures = failures + 1
    end
    if index > window and string.byte(all, index - window) == 49 then
      failures = failures - 1
    end
    if index >= window and failures * 100 > error_rate * window then
      return move('open', 'outcomes')
    end
  end
  state.ring, changed = string.sub(all, -window), true
end

local function probe(id, outcomes)
  local places = {}
  for _, place in ipairs(state.places) do
    if place.id ~= id then
      places[#places + 1] = place
    end
  end
  if #places == #state.places then
    return
  end
  if outcomes == '1' then
    return move('open', 'probe_failed')
  end
  state.places, changed = places, true
  if outcomes == '0' then
    state.successes = state.successes + 1
    if state.successes >= probes then
      move('closed', 'probes_succeeded')
    end
  end
end

for _ = 1, number() do
  local generation, place, outcomes = number(), text(), text()
  if generation == state.generation then
    if state.name == 'closed' and place == '' then
      count(outcomes)
    elseif state.name == 'half_open' then
      probe(tonumber(place), outcomes)
    end
  end
end

-- A place whose time is over stays its probe's until another request wants it.
local function admit(life)
  if state.name == 'closed' then
    return 'closed'
  end
  if state.name == 'open' then
    return 'refused'
  end
  local places = { unpack(state.places) }
  table.sort(places, function(one, other)
    if one.till == other.till then
      return one.id < other.id
    end
    return one.till < other.till
  end)
  while #places >= probes and #places > 0 and places[1].till <= now do
    table.remove(places, 1)
  end
  if #places >= probes then
    return 'refused'
  end
  local id = math.max(state.last + 1, now)
  places[#places + 1] = { id = id, till = now + life }
  state.places, state.last, changed = places, id, true
  return digits(id)
end

local admissions = {}
while cursor < #ARGV do
  admissions[#admissions + 1] = admit(number())
end

-- One that was read a day after it was written is written again; a cluster that nobody asks for is forgotten after 90.
if changed or now - state.seen >= 86400000000 then
  state.seen = now
  redis.call('SET', key, head(state) .. ' ' .. (state.ring == '' and '-' or state.ring), 'PX', '7776000000')
end
local said = head(state)
if from ~= '' then
  redis.call('PUBLISH', channel, from .. ' ' .. cluster .. ' ' .. said .. ' -')
end
return { digits(now), said, digits(failures_in(state.ring)), digits(#state.ring), from, unpack(admissions) }
