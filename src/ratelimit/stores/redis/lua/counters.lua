-- What scripts share: arguments, and counters as they are kept. Before it stand the time, `whole`, and the algorithms' steps,
-- each a function that sets them up, in the order of algorithmNames.

local ARGV, KEYS, call = ARGV, KEYS, redis.call
local algorithms = {}
-- Numbers of a rule, by algorithm.
local widths = { 2, 3, 4, 4 }

-- The first is the time's.
local cursor = 1

local function text()
  cursor = cursor + 1
  return ARGV[cursor]
end

local function number()
  cursor = cursor + 1
  return tonumber(ARGV[cursor])
end

local function numbers_of(width)
  local rule = {}
  for index = 1, width do
    rule[index] = number()
  end
  return rule
end

-- An algorithm, its numbers, and the edits before them, newest first.
local function rule_of_arguments()
  local kind = number()
  local rule = numbers_of(widths[kind])
  algorithms[kind] = algorithms[kind] or steps[kind]()
  rule.algorithm = algorithms[kind]
  local newer = rule
  for _ = 1, number() do
    newer.replaced = { at = number(), rule = numbers_of(widths[kind]) }
    newer = newer.replaced.rule
  end
  return rule
end

local now = clock[1] * 1000000 + clock[2]
-- Milliseconds for which a counter that is idle stays, so that clocks which differ a little lose nothing.
local grace = number()

local rules = {}
for index = 1, number() do
  rules[index] = rule_of_arguments()
end

-- Milliseconds, some 285 years: what a key may have left to live in Redis, too, is bounded.
local longest_life = 9007199254740

local no_reservations = { till = 0, cost = 0, ids = '' }

-- A counter's state and until when it is in use; nothing where it is idle. Behind these, while something that was reserved
-- of it may be given back: until when that is, the cost that was given back meanwhile, and the ids of what was.
local function read(raw)
  if not raw then
    return nil
  end
  local expires, at, first, second, third = struct.unpack('<ddddd', raw)
  local state = { at, first, second, third }
  if #raw == 40 then
    return state, expires, no_reservations
  end
  local till, cost = struct.unpack('<dd', raw, 41)
  return state, expires, till > now and { till = till, cost = cost, ids = string.sub(raw, 57) } or no_reservations
end

local function write(counter)
  local state, expires = counter.state, counter.expires
  local value = struct.pack('<ddddd', expires, state[1], state[2], state[3], state[4] or 0)
  local reserved = counter.reserved
  if reserved.till > now then
    value = value .. struct.pack('<dd', reserved.till, reserved.cost) .. reserved.ids
  end
  local life = math.ceil(math.max(0, expires - now) / 1000) + grace
  call('SET', counter.key, value, 'PX', string.format('%.0f', math.min(life, longest_life)))
end

-- A state under one rule, as a state under another that replaced it then.
local function carry_over(state, from, to, time)
  local old = from.algorithm.at(state, from, time)
  if from.algorithm == to.algorithm then
    return to.algorithm.at(old, to, time)
  end
  return to.algorithm.from_used(from.algorithm.used(old, from), to, math.max(time, old[1]))
end

-- The key's counters under earlier algorithms, newest first.
local function former_of_arguments()
  local former = {}
  for index = 1, number() do
    former[index] = { key = KEYS[number()], till = number(), rule = rules[number()], next = rules[number()] }
  end
  return former
end

-- Counters that were looked at: what was kept of them before the first look, in the order of KEYS.
local raws = {}

local function get(key)
  local raw = raws[key]
  if raw == nil then
    raw = call('GET', key)
    raws[key] = raw
  end
  return raw
end

local counters = {}

-- A counter by its key. One that is not there is carried over from the newest of its former ones, each change applied at
-- its time.
local function counter_of(key, rule, former)
  local counter = counters[key]
  if counter then
    return counter
  end
  local state, expires, reserved = read(get(key))
  counter = { key = key, state = state, expires = expires or 0, reserved = reserved or no_reservations }
  counters[key] = counter
  counters[#counters + 1] = counter
  if state then
    return counter
  end
  for index, each in ipairs(former) do
    state, expires, reserved = read(get(each.key))
    if state then
      for step = index, 1, -1 do
        state = carry_over(state, former[step].rule, former[step].next, former[step].till)
      end
      counter.state, counter.from, counter.changed = state, each.key, true
      -- Numbers were edited since the change: those in force now say until when it is in use.
      counter.expires = rule.algorithm.expires(rule.algorithm.at(state, rule, now), rule)
      counter.reserved = reserved
      break
    end
  end
  return counter
end

-- One that two rules take turns on stays until both find it idle.
local function keep(counter, state, rule)
  counter.state, counter.changed = state, true
  counter.expires = math.max(counter.expires, rule.algorithm.expires(state, rule))
end

-- Writes what was changed. A counter that is idle is not begun.
local function write_all()
  for _, counter in ipairs(counters) do
    if counter.from then
      call('DEL', counter.from)
    end
    if counter.changed and (raws[counter.key] or counter.expires > now) then
      write(counter)
    end
  end
end

-- The time, what the script says, and the counters as they were before.
local function answer(said)
  local all = { clock[1], clock[2], said }
  for index, key in ipairs(KEYS) do
    all[3 + index] = raws[key] or ''
  end
  return all
end
