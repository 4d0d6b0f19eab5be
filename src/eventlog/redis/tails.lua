-- The numbers of the last events. KEYS: meta of each log.
local answer = {}
for i, meta in ipairs(KEYS) do
  answer[i] = redis.call('HGET', meta, 'seq')
end
return answer
