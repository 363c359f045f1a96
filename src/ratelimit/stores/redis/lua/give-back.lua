-- Gives back what a reservation took, once, and while that may be given back; as much of it as would be free without it.

local id, till = struct.pack('<d', number()), number()
-- Ids that a counter remembers at most: others are older, or more than conflict in that time.
local most_bytes = 64 * 8

local function is_returned(counter)
  for from = 1, #counter.returned, 8 do
    if string.sub(counter.returned, from, from + 7) == id then
      return true
    end
  end
  return false
end

for _ = 1, number() do
  local key, rule, cost = KEYS[number()], rules[number()], number()
  local before = numbers_of(4)
  local counter = counter_of(key, rule, {})
  -- A counter that was reset, granted to or lost since does not know of the reservation.
  if now < till and counter.state and counter.reserved >= till and not is_returned(counter) then
    local state = rule.algorithm.at(counter.state, rule, now)
    rule.algorithm.undo(state, rule, cost, before)
    counter.returned = string.sub(id .. counter.returned, 1, most_bytes)
    keep(counter, state, rule)
  end
end
write_all()
return answer('')
