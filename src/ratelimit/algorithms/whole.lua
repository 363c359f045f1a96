-- Arithmetic on whole numbers below 2^53, as in whole.ts: a double holds each of them.

local most = 9007199254740991

local function divide_down(value, divisor)
  return math.floor(value / divisor)
end

local function divide_up(value, divisor)
  return math.ceil(value / divisor)
end

-- value x factor / divisor as quotient and remainder where the product is no whole double: bit by bit, adding before
-- anything can exceed the divisor. Nothing from `most` on, where the quotient stops.
local function long_scale(value, factor, divisor)
  local whole, part = math.floor(value / divisor), value % divisor
  local quotient, rest = 0, 0
  local bit = 4503599627370496
  while bit >= 1 do
    quotient = quotient * 2
    if rest >= divisor - rest then
      rest = rest - (divisor - rest)
      quotient = quotient + 1
    else
      rest = rest + rest
    end
    if factor >= bit then
      factor = factor - bit
      quotient = quotient + whole
      if rest >= divisor - part then
        rest = rest - (divisor - part)
        quotient = quotient + 1
      else
        rest = rest + part
      end
    end
    if quotient > most then
      return most, 0
    end
    bit = bit / 2
  end
  return quotient, rest
end

local function scale_up(value, factor, divisor)
  local product = value * factor
  if product <= most then
    return math.ceil(product / divisor)
  end
  local quotient, rest = long_scale(value, factor, divisor)
  if rest > 0 then
    return math.min(most, quotient + 1)
  end
  return quotient
end

local function scale_down(value, factor, divisor)
  local product = value * factor
  if product <= most then
    return math.floor(product / divisor)
  end
  return (long_scale(value, factor, divisor))
end

-- What is left of a level that falls by `rate` a tick. Never multiplies beyond the level, however long the time.
local function drain(level, rate, ticks)
  if ticks >= math.ceil(level / rate) then
    return 0
  end
  return level - ticks * rate
end

local function micros(ticks, unit)
  return math.min(most, ticks * unit)
end

-- The state as the rule's predecessors left it at the time of the edit, where it is older than that.
local function through_edits(state, rule, at)
  local replaced = rule.replaced
  if replaced == nil or state[1] >= replaced.at then
    return state
  end
  return at(state, replaced.rule, replaced.at)
end

-- The clock, and not before the rule came into force.
local function in_force(clock, rule)
  local replaced = rule.replaced
  if replaced == nil then
    return clock
  end
  return math.max(clock, replaced.at)
end

return {
  most = most,
  divide_down = divide_down,
  divide_up = divide_up,
  scale_up = scale_up,
  scale_down = scale_down,
  drain = drain,
  micros = micros,
  through_edits = through_edits,
  in_force = in_force,
}
