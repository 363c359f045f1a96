-- step.ts in Lua. A rule is {capacity, tokens, every, unit}, a state {at, missing, scale}.

local function at(state, rule, clock)
  local tokens, unit = rule[2], rule[4]
  local scale = rule[3] / unit
  local tick = clock - clock % unit
  if state == nil then
    return { whole.in_force(tick, rule), 0, scale }
  end
  local old = whole.through_edits(state, rule, at)
  local missing = old[2]
  if old[3] ~= scale then
    missing = whole.scale_up(missing, scale, old[3])
  end
  local last = old[1] - old[1] % unit
  local now = math.max(tick, last)
  return { now, whole.drain(missing, tokens, (now - last) / unit), scale }
end

return {
  at = at,
  admits = function(state, rule, cost)
    return cost <= rule[1] and state[2] <= (rule[1] - cost) * state[3]
  end,
  charge = function(state, rule, cost)
    state[2] = state[2] + cost * state[3]
  end,
  expires = function(state, rule)
    return state[1] + whole.micros(math.ceil(state[2] / rule[2]), rule[4])
  end,
  used = function(state)
    return math.ceil(state[2] / state[3])
  end,
  from_used = function(used, rule, now)
    local idle = at(nil, rule, now)
    return { idle[1], math.min(used, rule[1]) * idle[3], idle[3] }
  end,
  give_back = function(state, rule, amount)
    state[2] = whole.drain(state[2], state[3], amount)
  end,
  -- Takes back what was taken from `before`: as much of it as was not refilled since. What was missing before is refilled
  -- first, but for the `returned` that others took back meanwhile.
  undo = function(state, rule, cost, before, returned)
    if state[3] == before[3] then
      local taken = cost * state[3]
      local first = math.max(0, before[2] - returned * state[3])
      local left = whole.drain(math.min(whole.most, first + taken), rule[2], (state[1] - before[1]) / rule[4])
      state[2] = math.max(0, state[2] - math.min(taken, left))
    end
  end,
}
