-- Appends to several logs of one owner and feeds who follows them.
-- KEYS: owners, owned(owner), then for each log meta, events, values, followers.
-- ARGV: owner, what precedes an instance in the name of its channel, what precedes a log in the name
-- of its notes, most events, most bytes, most values, then for each log: log, fence, epoch, is whole,
-- about, trimmed, is based on state, snapshot's number or '', snapshot, seconds to keep it or '' if it
-- goes on, count of notes, each as key, value and milliseconds to keep it, count of frames, frames. A
-- durable frame is 'D<seq> …', a conflated value's 'C<seq> <name> <order> <length of its key> <key>…'.
-- Answers for each log the number of its last event, -1 (another owns it) or -2 (write the whole).
local owner, channel, notes = ARGV[1], ARGV[2], ARGV[3]
local most_events, most_bytes, most_values = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local at = 6
local function take()
  at = at + 1
  return ARGV[at]
end

local answers, feeds, followed = {}, {}, {}

local function feed(followers, record)
  for _, instance in ipairs(redis.call('SMEMBERS', followers)) do
    feeds[instance] = feeds[instance] or {}
    followed[instance] = followed[instance] or {}
    table.insert(feeds[instance], record)
    table.insert(followed[instance], followers)
  end
end

-- What a snapshot stands for may go when there is too much, or when its writer let it go as well.
local function trim(events, log, trimmed)
  local count = redis.call('LLEN', events)
  while count > 1 and log.first <= log.snapshot
    and (log.first <= trimmed or count > most_events or log.bytes > most_bytes) do
    log.bytes = log.bytes - #redis.call('LPOP', events)
    log.first = log.first + 1
    count = count - 1
  end
end

-- Beyond the bound the value goes that did not change for longest.
local function set_value(values, frame)
  local length, key_at = string.match(frame, '^C%d+ %S* %d+ (%d+) ()')
  if not length then
    return
  end
  redis.call('HSET', values, string.sub(frame, key_at, key_at + tonumber(length) - 1), frame)
  if redis.call('HLEN', values) <= most_values then
    return
  end
  local all, oldest, least = redis.call('HGETALL', values), nil, nil
  for i = 1, #all, 2 do
    local order = tonumber(string.match(all[i + 1], '^C%d+ %S* (%d+) '))
    if not least or order < least then
      oldest, least = all[i], order
    end
  end
  redis.call('HDEL', values, oldest)
end

local function finish(key, keep, name)
  redis.call('HSET', KEYS[key], 'ended', 1, 'owner', '')
  redis.call('SREM', KEYS[2], name)
  for i = key, key + 3 do
    redis.call('EXPIRE', KEYS[i], keep)
  end
end

for key = 3, #KEYS, 4 do
  local meta, events, values, followers = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local name, fence, epoch, whole = take(), tonumber(take()), take(), take() == '1'
  local about, trimmed, based, snapshot_seq, snapshot = take(), take(), take(), take(), take()
  local keep, noted = take(), {}
  for i = 1, tonumber(take()) do
    noted[i] = {take(), take(), take()}
  end
  local count = tonumber(take())
  local frames = {}
  for i = 1, count do
    frames[i] = take()
  end
  local known = redis.call('HMGET', meta, 'fence', 'epoch', 'owner')
  local known_fence = tonumber(known[1] or 0)
  if known_fence > fence or (known_fence == fence and known[3] ~= owner) then
    table.insert(answers, -1)
  elseif not whole and (known_fence < fence or known[2] ~= epoch) then
    table.insert(answers, -2)
  else
    if whole then
      redis.call('DEL', meta, events, values)
      redis.call('HSET', meta, 'fence', fence, 'owner', owner, 'epoch', epoch, 'about', about,
        'seq', trimmed, 'first', trimmed + 1, 'bytes', 0, 'based', based)
      redis.call('SADD', KEYS[1], owner)
      redis.call('SADD', KEYS[2], name)
      redis.call('PERSIST', followers)
    end
    if snapshot_seq ~= '' then
      redis.call('HSET', meta, 'snapshot_seq', snapshot_seq, 'snapshot', snapshot)
    end
    local numbers = redis.call('HMGET', meta, 'seq', 'first', 'bytes', 'snapshot_seq')
    local log = {
      seq = tonumber(numbers[1]),
      first = tonumber(numbers[2]),
      bytes = tonumber(numbers[3]),
      snapshot = tonumber(numbers[4] or 0),
    }
    local fed, gap = {}, false
    for _, frame in ipairs(frames) do
      local seq = tonumber(string.match(frame, '^D(%d+) '))
      if not seq then
        set_value(values, frame)
        table.insert(fed, frame)
      elseif seq == log.seq + 1 then
        redis.call('RPUSH', events, frame)
        log.seq, log.bytes = seq, log.bytes + #frame
        table.insert(fed, frame)
      elseif seq > log.seq then
        gap = true
        break
      end
    end
    trim(events, log, tonumber(trimmed))
    redis.call('HSET', meta, 'seq', log.seq, 'first', log.first, 'bytes', log.bytes)
    if gap then
      table.insert(answers, -2)
    else
      for _, note in ipairs(noted) do
        redis.call('SET', notes .. name .. ':' .. note[1], note[2], 'PX', note[3])
      end
      if keep ~= '' then
        finish(key, keep, name)
      end
      if #fed > 0 or keep ~= '' then
        feed(followers, {name, epoch, keep ~= '' and 1 or 0, fed})
      end
      table.insert(answers, log.seq)
    end
  end
end

for instance, records in pairs(feeds) do
  if redis.call('PUBLISH', channel .. instance, cmsgpack.pack(records)) == 0 then
    -- Nobody listens: it is gone, or will read everything again when it is back.
    for _, followers in ipairs(followed[instance]) do
      redis.call('SREM', followers, instance)
    end
  end
end
return answers
