-- Gives back what a counter has in use, up to an amount. Says whether it had any.

local amount = number()
local key, rule = KEYS[number()], rules[number()]
local counter = counter_of(key, rule, former_of_arguments())
local in_use = false
if counter.state then
  local state = rule.algorithm.at(counter.state, rule, now)
  in_use = rule.algorithm.used(state, rule) > 0
  if in_use then
    rule.algorithm.give_back(state, rule, amount)
    keep(counter, state, rule)
    -- Nobody gives back what may be given back by this already.
    counter.reserved = no_reservations
  end
end
write_all()
return answer(in_use and '1' or '0')
