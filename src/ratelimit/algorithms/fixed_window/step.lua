-- step.ts in Lua. A rule is {limit, window}, a state {at, window, count}.

local function at(state, rule, clock)
  local window = rule[2]
  if state == nil then
    return { whole.in_force(clock, rule), window, 0 }
  end
  local old = whole.through_edits(state, rule, at)
  local now = math.max(clock, old[1])
  if math.floor(now / window) == math.floor(old[1] / window) then
    return { now, window, old[3] }
  end
  return { now, window, 0 }
end

local function until_end(state)
  return state[2] - state[1] % state[2]
end

return {
  at = at,
  admits = function(state, rule, cost)
    return cost <= rule[1] and state[3] + cost <= rule[1]
  end,
  charge = function(state, rule, cost)
    state[3] = state[3] + cost
  end,
  expires = function(state)
    if state[3] == 0 then
      return state[1]
    end
    return state[1] + until_end(state)
  end,
  used = function(state)
    return state[3]
  end,
  from_used = function(used, rule, now)
    return { now, rule[2], used }
  end,
  give_back = function(state, rule, amount)
    state[3] = math.max(0, state[3] - amount)
  end,
  -- Takes back what was taken from `before`, in the same window only.
  undo = function(state, _, cost, before)
    if state[2] == before[2] and math.floor(state[1] / state[2]) == math.floor(before[1] / before[2]) then
      state[3] = math.max(0, state[3] - cost)
    end
  end,
}
