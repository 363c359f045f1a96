-- Adds what a replica admitted by itself to a counter, without asking whether it fits. What it added last is remembered as
-- long as the counter lives, and of all algorithms of its key, so that the same call made twice adds once.

local replica, sequence = text(), number()
local key, rule, memo = KEYS[number()], rules[number()], KEYS[number()]
local share = rules[number()]
local alone = share.algorithm.at(numbers_of(4), share, now)
local former = former_of_arguments()

if sequence > tonumber(call('HGET', memo, replica) or '0') then
  local counter = counter_of(key, rule, former)
  local state = rule.algorithm.at(counter.state, rule, now)
  -- A rolling window has two: what was admitted in the one before counts in that.
  if state[4] and state[2] == alone[2] then
    state[4], alone[4] = state[4] + alone[4], 0
  end
  rule.algorithm.charge(state, rule, share.algorithm.used(alone, share))
  keep(counter, state, rule)
  write_all()
  local till = math.max(counter.expires, share.algorithm.expires(alone, share))
  local life = math.ceil(math.max(0, till - now) / 1000) + grace
  call('HSET', memo, replica, string.format('%.0f', sequence))
  call('PEXPIRE', memo, string.format('%.0f', math.min(life, longest_life)))
end
return answer('')
