-- Asks for every command that scripts use, of a key that is nobody's. Says which of them the user may not run.

local key = KEYS[1]
local asked = {
  { 'SET', key, '', 'PX', '1000' },
  { 'GET', key },
  { 'PEXPIRE', key, '1000' },
  { 'DEL', key },
  { 'HSET', key, '', '' },
  { 'HGET', key, '' },
  { 'HGETALL', key },
  { 'HDEL', key, '' },
  { 'UNLINK', key },
  { 'PUBLISH', 'weir:2:b:?', '' },
}
local refused = {}
for _, command in ipairs(asked) do
  local said = redis.pcall(unpack(command))
  local error = type(said) == 'table' and said.err or ''
  if string.find(error, 'NOPERM', 1, true) or string.find(error, 'ACL failure', 1, true) then
    refused[#refused + 1] = string.lower(command[1])
  end
end
return answer(table.concat(refused, ' '))
