//! What the directory does in Redis, each in one step.
//!
//! A connection's entry is `i<instance>` (its home), `r<0|1><hub>` (a version-0 id that waits for
//! its transport; 1: stateful reconnect was negotiated) or `x` (ended; it goes once its token can
//! claim nothing any more). An instance's set holds the keys it is the home of. The birth of the
//! directory says since when Redis has held one: Redis that came back empty holds none.

use crate::redis::Script;

/// Who is the home of a connection, and perhaps the asker becomes it.
///
/// Keys: entry, the asker's set, the owners, the birth. Arguments: the asker, the connection's key,
/// how its token may claim (`0`: not at all; `1`: if there is no home; `2`: and if none was forgotten,
/// that is if the directory is older than settling takes, or younger than the token), the hub, when
/// the token was issued, and how long settling takes, in milliseconds. Answer: `owner, taken,
/// negotiated` as above, and the age of the directory in milliseconds, or -1.
pub(super) static LOCATE: Script = Script::new(
    r"
local owner = redis.call('GET', KEYS[1])
local function take(negotiated)
  local mine = 'i' .. ARGV[1]
  redis.call('SET', KEYS[1], mine)
  redis.call('SADD', KEYS[2], ARGV[2])
  redis.call('SADD', KEYS[3], ARGV[1])
  return {mine, 1, negotiated, 0}
end
if not owner then
  if ARGV[3] == '1' then return take('') end
  local text = redis.call('GET', KEYS[4])
  if not text then return {'', 0, '', -1} end
  local now, born = redis.call('TIME'), tonumber(string.match(text, '^%d+'))
  local age = math.floor(now[1] * 1000 + now[2] / 1000) - born
  if ARGV[3] == '2' and (age >= tonumber(ARGV[6]) or tonumber(ARGV[5]) >= born) then return take('') end
  return {'', 0, '', age}
end
if string.sub(owner, 1, 1) == 'r' then
  if string.sub(owner, 3) == ARGV[4] then return take(string.sub(owner, 2, 2)) end
  return {'x', 0, '', 0}
end
return {owner, 0, '', 0}
",
);

/// Connections ended. Keys: the instance's set. Arguments: the instance, what precedes an entry's
/// key, then pairs: a connection's key, and for how many milliseconds its end is remembered (0: not
/// at all).
pub(super) static RELEASE: Script = Script::new(
    r"
local mine = 'i' .. ARGV[1]
for at = 3, #ARGV, 2 do
  local entry = ARGV[2] .. ARGV[at]
  if redis.call('GET', entry) == mine then
    if ARGV[at + 1] == '0' then redis.call('DEL', entry)
    else redis.call('SET', entry, 'x', 'PX', ARGV[at + 1]) end
  end
  redis.call('SREM', KEYS[1], ARGV[at])
end
return 1
",
);

/// An instance says which connections it is the home of. Keys: its set, the owners. Arguments: the
/// instance, what precedes an entry's key, then connections' keys. Answer: those that have another
/// home.
pub(super) static REGISTER: Script = Script::new(
    r"
local mine = 'i' .. ARGV[1]
local lost = {}
redis.call('SADD', KEYS[2], ARGV[1])
for at = 3, #ARGV do
  local entry = ARGV[2] .. ARGV[at]
  local owner = redis.call('GET', entry)
  if owner and owner ~= mine and string.sub(owner, 1, 1) == 'i' then
    lost[#lost + 1] = ARGV[at]
    redis.call('SREM', KEYS[1], ARGV[at])
  else
    redis.call('SET', entry, mine)
    redis.call('SADD', KEYS[1], ARGV[at])
  end
end
return lost
",
);

/// The home gives a connection to another instance. Keys: entry, its set, the other's set, the
/// owners. Arguments: the home, the other, the connection's key. Answer: 1 if it was the home.
pub(super) static HAND_OVER: Script = Script::new(
    r"
if redis.call('GET', KEYS[1]) ~= 'i' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'i' .. ARGV[2])
redis.call('SREM', KEYS[2], ARGV[3])
redis.call('SADD', KEYS[3], ARGV[3])
redis.call('SADD', KEYS[4], ARGV[2])
return 1
",
);

/// A dead instance's connections have ended. Keys: its set, the owners. Arguments: the instance,
/// what precedes an entry's key, for how many milliseconds the ends are remembered, how many
/// connections at most. Answer: how many there were; 0 when all is done.
pub(super) static BURY: Script = Script::new(
    r"
local theirs = 'i' .. ARGV[1]
local keys = redis.call('SPOP', KEYS[1], ARGV[4])
for _, key in ipairs(keys) do
  local entry = ARGV[2] .. key
  if redis.call('GET', entry) == theirs then redis.call('SET', entry, 'x', 'PX', ARGV[3]) end
end
if #keys == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
return #keys
",
);

/// Keeps what the fleet shares in place. Keys: the birth, the secret of tokens, the owners.
/// Arguments: the instance, its copy of the secret or nothing, a unique text for a new birth.
/// Answer: the birth, the secret, 1 if the instance is known to own connections.
pub(super) static TEND: Script = Script::new(
    r"
if redis.call('EXISTS', KEYS[1]) == 0 then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], string.format('%.0f', math.floor(now[1] * 1000 + now[2] / 1000)) .. ' ' .. ARGV[3])
end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'NX') end
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('SISMEMBER', KEYS[3], ARGV[1])}
",
);
