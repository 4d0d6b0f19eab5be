-- KEYS: conversation. ARGV: title. Answers 0 if there is no such conversation.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'title', ARGV[1])
return 1
