-- The numbers of the last events, negative if the log has ended. KEYS: meta of each log.
local answer = {}
for i, meta in ipairs(KEYS) do
  local seq, ended = unpack(redis.call('HMGET', meta, 'seq', 'ended'))
  answer[i] = seq and (ended and '-' or '+') .. seq
end
return answer
