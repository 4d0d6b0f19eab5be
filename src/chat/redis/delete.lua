-- Forgets a conversation that nobody is answering.
-- KEYS: conversation, order, messages, list, answers. ARGV: conversation.
-- Answers {'not_found'}, {'active', run} or {'deleted'}.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'not_found'}
end
local run = redis.call('HGET', KEYS[1], 'run')
if run and run ~= '' then
  return {'active', run}
end
for _, value in ipairs(redis.call('HVALS', KEYS[3])) do
  redis.call('HDEL', KEYS[5], string.match(value, '^%d+ %a (%S+) '))
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
return {'deleted'}
