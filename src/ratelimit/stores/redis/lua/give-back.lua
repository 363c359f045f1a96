-- Gives back what a reservation took, once, and while that may be given back; as much of it as would be free without it.

local id, till = struct.pack('<d', number()), number()
-- Ids that a counter remembers at most: others are older, or more than conflict in that time.
local most_bytes = 64 * 8

local function is_known(ids)
  for from = 1, #ids, 8 do
    if string.sub(ids, from, from + 7) == id then
      return true
    end
  end
  return false
end

for _ = 1, number() do
  local key, rule, cost = KEYS[number()], rules[number()], number()
  local before, returned = numbers_of(4), number()
  local counter = counter_of(key, rule, {})
  local reserved = counter.reserved
  -- A counter that was reset, granted to or lost since does not know of the reservation.
  if now < till and counter.state and reserved.till >= till and not is_known(reserved.ids) then
    local state = rule.algorithm.at(counter.state, rule, now)
    rule.algorithm.undo(state, rule, cost, before, reserved.cost - returned)
    local ids = string.sub(id .. reserved.ids, 1, most_bytes)
    counter.reserved = { till = reserved.till, cost = reserved.cost + cost, ids = ids }
    keep(counter, state, rule)
  end
end
write_all()
return answer('')
