-- Changes a conversation and claims it for a run, or does nothing at all.
-- KEYS: conversation, order, messages, list, answers, claims, changes, key.
-- ARGV: kind (create, append, regenerate, edit), conversation, message named or made, its JSON,
-- title, now, run, answer's message, claim's JSON, fingerprint or '', seconds to remember it,
-- bytes of history.
-- Answers {'repeated', started}, {'conflict'}, {'not_found'}, {'active', run}, {'role'} or
-- {'new', question, messages, the newest first…}.
local conversation, order, messages, list, answers, claims, changes, key = unpack(KEYS)
local kind, id, message, json, title, now, run, answer, claim, fingerprint, remember, room =
  unpack(ARGV)

if fingerprint ~= '' then
  local known = redis.call('GET', key)
  if known then
    local first, started = string.match(known, '^(%d+) (.*)$')
    return first == fingerprint and {'repeated', started} or {'conflict'}
  end
end
if kind ~= 'create' and redis.call('EXISTS', conversation) == 0 then
  return {'not_found'}
end
local active = redis.call('HGET', conversation, 'run')
active = active ~= '' and active

-- The messages from an index on.
local function truncate(index)
  for _, removed in ipairs(redis.call('LRANGE', order, index, -1)) do
    local run_of = string.match(redis.call('HGET', messages, removed), '^%d+ %a (%S+) ')
    redis.call('HDEL', answers, run_of)
    redis.call('HDEL', messages, removed)
  end
  if index == 0 then
    redis.call('DEL', order)
  else
    redis.call('LTRIM', order, 0, index - 1)
  end
end

if kind == 'regenerate' or kind == 'edit' then
  local known = redis.call('HGET', messages, message)
  if not known then
    -- Perhaps it is the message that is being made.
    return active and {'active', active} or {'not_found'}
  end
  local index, role = string.match(known, '^(%d+) (%a) ')
  if role ~= (kind == 'edit' and 'U' or 'A') then
    return {'role'}
  end
  if active then
    return {'active', active}
  end
  if kind == 'regenerate' and tonumber(index) == 0 then
    return {'not_found'}
  end
  truncate(tonumber(index))
elseif active then
  return {'active', active}
end

local question = message
if kind == 'create' then
  redis.call('HSET', conversation, 'title', title, 'created', now)
end
if kind == 'regenerate' then
  question = redis.call('LINDEX', order, -1)
else
  local index = redis.call('RPUSH', order, message) - 1
  redis.call('HSET', messages, message, index .. ' U - ' .. json)
end
local change = redis.call('INCR', changes)
redis.call('HSET', conversation, 'run', run, 'updated', now)
redis.call('ZADD', list, change, id)
redis.call('HSET', claims, run, claim)
if fingerprint ~= '' then
  local started = cjson.encode({
    conversationId = id,
    userMessageId = question,
    messageId = answer,
    runId = run,
  })
  redis.call('SET', key, fingerprint .. ' ' .. started, 'EX', remember)
end

local result = {'new', question}
local last, bytes = redis.call('LLEN', order) - 1, 0
while last >= 0 and bytes <= tonumber(room) do
  local first = math.max(last - 63, 0)
  local ids = redis.call('LRANGE', order, first, last)
  for i = #ids, 1, -1 do
    local value = redis.call('HGET', messages, ids[i])
    bytes = bytes + #value
    table.insert(result, value)
    if bytes > tonumber(room) then
      break
    end
  end
  last = first - 1
end
return result
