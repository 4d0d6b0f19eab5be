-- A log from a place on, or as a whole; with a follower's name, that one is fed from here on.
-- KEYS: meta, events, values, followers. ARGV: epoch, number of the last event known, follower or ''.
-- Answers nothing if there is no such log, else {epoch, last number, owner, about, '1' if it has
-- ended, snapshot's number or '', snapshot, frames of durable events…, of the latest values…}.
local log = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'owner', 'about', 'ended', 'first',
  'snapshot_seq', 'snapshot', 'based')
if ARGV[3] ~= '' then
  redis.call('SADD', KEYS[4], ARGV[3])
  -- Of what is not there, or will not be there for long, nothing stays behind.
  local left = redis.call('TTL', KEYS[1])
  if left ~= -1 then
    redis.call('EXPIRE', KEYS[4], math.max(left, 60))
  end
end
if not log[1] then
  return false
end
local seq, first = tonumber(log[2]), tonumber(log[6])
local after = tonumber(ARGV[2])
local snapshot_seq, snapshot = '', ''
if ARGV[1] ~= log[1] or after < first - 1 or after > seq then
  after = first - 1
  if (first > 1 or log[9] == '1') and log[7] then
    snapshot_seq, snapshot = log[7], log[8]
    after = tonumber(log[7])
  end
end
local answer = {log[1], seq, log[3], log[4], log[5] or '', snapshot_seq, snapshot}
for _, frame in ipairs(redis.call('LRANGE', KEYS[2], after - first + 1, -1)) do
  table.insert(answer, frame)
end
for _, frame in ipairs(redis.call('HVALS', KEYS[3])) do
  table.insert(answer, frame)
end
return answer
