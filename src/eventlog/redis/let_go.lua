-- Ends an ownership, and the log too if it is to be removed.
-- KEYS: meta, events, values, followers, owned(owner). ARGV: log, owner, fence, '1' to remove.
local log = redis.call('HMGET', KEYS[1], 'owner', 'fence')
if log[1] ~= ARGV[2] or log[2] ~= ARGV[3] then
  return 0
end
redis.call('SREM', KEYS[5], ARGV[1])
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
else
  redis.call('HSET', KEYS[1], 'owner', '')
end
return 1
