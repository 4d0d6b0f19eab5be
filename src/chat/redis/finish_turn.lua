-- Adds a run's answer and gives its claim back; records what it used. Twice is once.
-- KEYS: conversation, order, messages, list, answers, claims, changes, usage.
-- ARGV: conversation, run, answer's message, its JSON, now, usage's JSON or '', its time in
-- milliseconds, most usage records, question's message or '', its JSON, title, its time.
-- Answers 1 if the run still held the claim, else 0.
local conversation, order, messages, list, answers, claims, changes, usage = unpack(KEYS)
local id, run, answer, json, now, used, used_at, most, question, question_json, title, asked_at =
  unpack(ARGV)

if used ~= '' then
  redis.call('ZADD', usage, used_at, used)
  redis.call('ZREMRANGEBYRANK', usage, 0, -most - 1)
end
redis.call('HDEL', claims, run)

local holder = redis.call('HGET', conversation, 'run') or ''
if holder ~= run then
  if holder ~= '' or question == '' or redis.call('HEXISTS', messages, answer) == 1 then
    return 0
  end
  -- The store has lost the turn, or the whole conversation.
  redis.call('HSETNX', conversation, 'title', title)
  redis.call('HSETNX', conversation, 'created', asked_at)
  if redis.call('HEXISTS', messages, question) == 0 then
    local index = redis.call('RPUSH', order, question) - 1
    redis.call('HSET', messages, question, index .. ' U - ' .. question_json)
  end
end
local index = redis.call('RPUSH', order, answer) - 1
redis.call('HSET', messages, answer, index .. ' A ' .. run .. ' ' .. json)
redis.call('HSET', answers, run, id .. ' ' .. answer)
redis.call('HSET', conversation, 'run', '', 'updated', now)
redis.call('ZADD', list, redis.call('INCR', changes), id)
return 1
