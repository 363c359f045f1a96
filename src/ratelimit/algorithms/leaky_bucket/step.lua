-- step.ts in Lua. A rule is {queue, requests, every, unit}, a state {at, wait, scale}.

local function at(state, rule, clock)
  local requests, unit = rule[2], rule[4]
  local scale = requests * (1000000 / unit)
  local tick = clock - clock % unit
  if state == nil then
    return { whole.in_force(tick, rule), 0, scale }
  end
  local old = whole.through_edits(state, rule, at)
  local wait = old[2]
  if old[3] ~= scale then
    wait = whole.scale_up(wait, scale, old[3])
  end
  local last = old[1] - old[1] % unit
  local now = math.max(tick, last)
  return { now, whole.drain(wait, requests, (now - last) / unit), scale }
end

return {
  at = at,
  -- wait + (cost - 1) x T <= queue x T, times the requests.
  admits = function(state, rule, cost)
    return cost <= rule[1] + 1 and state[2] <= (rule[1] + 1 - cost) * (rule[3] / rule[4])
  end,
  charge = function(state, rule, cost)
    state[2] = state[2] + cost * (rule[3] / rule[4])
  end,
  expires = function(state, rule)
    return state[1] + whole.micros(math.ceil(state[2] / rule[2]), rule[4])
  end,
  used = function(state, rule)
    return math.ceil(state[2] / (rule[3] / rule[4]))
  end,
  from_used = function(used, rule, now)
    local idle = at(nil, rule, now)
    return { idle[1], math.min(used, rule[1] + 1) * (rule[3] / rule[4]), idle[3] }
  end,
  give_back = function(state, rule, amount)
    state[2] = whole.drain(state[2], rule[3] / rule[4], amount)
  end,
  -- Takes back what was taken from `before`, only while nobody took a turn behind it.
  undo = function(state, rule, cost, before)
    local ticks = (state[1] - before[1]) / rule[4]
    local wait = whole.drain(before[2] + cost * (rule[3] / rule[4]), rule[2], ticks)
    if state[3] == before[3] and state[2] == wait then
      state[2] = whole.drain(before[2], rule[2], ticks)
    end
  end,
}
