-- Gives a log to an instance, if its owner is who it is expected to be.
-- KEYS: meta, events, values, followers, owners, owned(me). ARGV: log, me, about, expected ('' nobody, '*' anybody, or an
-- instance), epoch of a new log, what precedes an instance in the name of its `owned`.
-- Answers {1, fence, is new} or {0, owner}.
local log, me, about, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= '' and owner ~= me and expected ~= '*' and expected ~= owner then
  return {0, owner}
end
if owner then
  redis.call('HDEL', KEYS[1], 'ended')
else
  redis.call('HSET', KEYS[1], 'epoch', ARGV[5], 'about', about, 'seq', 0, 'first', 1, 'bytes', 0)
end
-- It may have ended, and been to be forgotten; who asked for it before it was there, as well.
for i = 1, 4 do
  redis.call('PERSIST', KEYS[i])
end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'owner', me)
if owner and owner ~= '' then
  redis.call('SREM', ARGV[6] .. owner, log)
end
redis.call('SREM', KEYS[4], me)
redis.call('SADD', KEYS[5], me)
redis.call('SADD', KEYS[6], log)
return {1, fence, owner and 0 or 1}
