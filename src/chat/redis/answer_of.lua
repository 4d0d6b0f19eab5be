-- A run's finished answer. KEYS: answers. ARGV: run, what precedes an id in the name of its messages.
-- Answers nothing or {conversation, message}.
local place = redis.call('HGET', KEYS[1], ARGV[1])
if not place then
  return false
end
local conversation, message = string.match(place, '^(%S+) (.*)$')
local value = redis.call('HGET', ARGV[2] .. conversation, message)
if not value then
  return false
end
return {conversation, value}
