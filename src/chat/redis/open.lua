-- Messages before one, or the last. KEYS: conversation, order, messages. ARGV: before or '', limit.
-- Answers nothing if there is no such conversation or message, else {title, run, messages, oldest
-- first…}.
local found = redis.call('HMGET', KEYS[1], 'title', 'run')
if not found[1] then
  return false
end
local count = redis.call('LLEN', KEYS[2])
if ARGV[1] ~= '' then
  local before = redis.call('HGET', KEYS[3], ARGV[1])
  if not before then
    return false
  end
  count = tonumber(string.match(before, '^(%d+) '))
end
local first = math.max(count - tonumber(ARGV[2]), 0)
local result = {found[1], found[2] or ''}
if count > first then
  for _, message in ipairs(redis.call('LRANGE', KEYS[2], first, count - 1)) do
    table.insert(result, redis.call('HGET', KEYS[3], message))
  end
end
return result
