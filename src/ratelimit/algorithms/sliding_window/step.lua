-- step.ts in Lua. A rule is {limit, window, unit}, a state {at, window, current, previous}.

local function left(state)
  return state[2] - state[1] % state[2]
end

local function used(state)
  return state[3] + whole.scale_up(state[4], left(state), state[2])
end

local function at(state, rule, clock)
  local window, unit = rule[2], rule[3]
  local tick = clock - clock % unit
  if state == nil then
    return { whole.in_force(tick, rule), window, 0, 0 }
  end
  local old = whole.through_edits(state, rule, at)
  if old[2] ~= window then
    old = { old[1], window, used(old), 0 }
  end
  local now = math.max(tick, old[1] - old[1] % unit)
  local passed = math.floor(now / window) - math.floor(old[1] / window)
  if passed == 0 then
    return { now, window, old[3], old[4] }
  end
  return { now, window, 0, passed == 1 and old[3] or 0 }
end

return {
  at = at,
  -- previous x left <= room x window, in ticks; nothing on the right exceeds limit x window.
  admits = function(state, rule, cost)
    local room = rule[1] - state[3] - cost
    return cost <= rule[1] and room >= 0 and state[4] * (left(state) / rule[3]) <= room * (rule[2] / rule[3])
  end,
  charge = function(state, rule, cost)
    state[3] = state[3] + cost
  end,
  expires = function(state)
    if state[3] > 0 then
      return state[1] + left(state) + state[2]
    end
    return state[4] > 0 and state[1] + left(state) or state[1]
  end,
  used = used,
  from_used = function(amount, rule, now)
    return { now - now % rule[3], rule[2], amount, 0 }
  end,
  give_back = function(state, rule, amount)
    local current = math.max(0, state[3] - amount)
    local rest = amount - (state[3] - current)
    state[4] = math.max(0, state[4] - whole.scale_down(rest, state[2], left(state)))
    state[3] = current
  end,
  -- Takes back what was taken from `before`, in the same window only.
  undo = function(state, _, cost, before)
    if state[2] == before[2] and math.floor(state[1] / state[2]) == math.floor(before[1] / before[2]) then
      state[3] = math.max(0, state[3] - cost)
    end
  end,
}
