-- Forgets a key's counters, under whatever algorithm.

for _, key in ipairs(KEYS) do
  get(key)
end
call('UNLINK', unpack(KEYS))
return answer('')
