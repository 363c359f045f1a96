-- Decides requests, one after the other: all enforced hits of one are taken or none; then each in shadow, if all of them
-- were. Says `1` for each that was admitted, else `0`. What some of them took may be given back for a while.

-- Whether a hit is admitted. What it takes is seen by those after it.
local function judge(hit, keeping)
  local counter, rule = hit.counter, hit.rule
  local state = rule.algorithm.at(counter.after or counter.state, rule, now)
  if not rule.algorithm.admits(state, rule, hit.cost) then
    return false
  end
  if keeping then
    rule.algorithm.charge(state, rule, hit.cost)
    counter.after, counter.rule = state, rule
  end
  return true
end

local function hit_of_arguments()
  local key, rule, cost, enforced = KEYS[number()], rules[number()], number(), text() == '1'
  return { cost = cost, enforced = enforced, rule = rule, counter = counter_of(key, rule, former_of_arguments()) }
end

local function decide()
  local hits = {}
  for index = 1, number() do
    hits[index] = hit_of_arguments()
  end
  local admitted = true
  for _, hit in ipairs(hits) do
    if hit.enforced and not judge(hit, true) then
      admitted = false
    end
  end
  if not admitted then
    for _, hit in ipairs(hits) do
      hit.counter.after = nil
    end
  end
  for _, hit in ipairs(hits) do
    if not hit.enforced then
      judge(hit, admitted)
    end
  end
  for _, hit in ipairs(hits) do
    local counter = hit.counter
    if counter.after then
      keep(counter, counter.after, counter.rule)
      counter.after = nil
    end
  end
  return admitted, hits
end

local said, decided = {}, {}
for index = 1, number() do
  local admitted, hits = decide()
  said[index], decided[index] = admitted and '1' or '0', hits
end
for _ = 1, number() do
  local index = number()
  if said[index] == '1' then
    for _, hit in ipairs(decided[index]) do
      local reserved = hit.counter.reserved
      hit.counter.reserved = { till = now + 50000, cost = reserved.cost, ids = reserved.ids }
    end
  end
end
write_all()
return answer(table.concat(said))
