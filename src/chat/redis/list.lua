-- Conversations, the last changed first. KEYS: list. ARGV: change of the last one known or '',
-- how many, what precedes an id in the name of a conversation and of its order.
-- Answers {change, id, title, created, updated, run, count of messages, …}.
local from = ARGV[1] == '' and '+inf' or '(' .. ARGV[1]
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], from, '-inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[2])
local result = {}
for i = 1, #found, 2 do
  local id = found[i]
  local conversation = redis.call('HMGET', ARGV[3] .. id, 'title', 'created', 'updated', 'run')
  local count = redis.call('LLEN', ARGV[4] .. id)
  for _, value in ipairs({found[i + 1], id, conversation[1] or '', conversation[2] or '',
    conversation[3] or '', conversation[4] or '', count}) do
    table.insert(result, value)
  end
end
return result
