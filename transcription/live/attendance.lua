-- Record one heartbeat of one connection to a meeting, and return who is here and who records.
--
-- KEYS: 1 here, 2 recording: sorted sets of "participant connection", scored by the last beat (Unix seconds)
--       3 told: hash; `people` is the attendance that was last told, `version` its version
-- ARGV: 1 "participant connection", or "" to read without a beat
--       2 the connection's state: here, recording or gone
--       3 seconds for which a beat counts
-- Returns {1 if the beat changed the attendance, else 0; version; participants here; participants recording}.

local clock = redis.call('TIME')
local now = tonumber(clock[1])
local me, state, good_for = ARGV[1], ARGV[2], tonumber(ARGV[3])

if me ~= '' then
  for n, present in ipairs({ state ~= 'gone', state == 'recording' }) do
    if present then
      redis.call('ZADD', KEYS[n], now, me)
    else
      redis.call('ZREM', KEYS[n], me)
    end
  end
end

-- Return the participants with a beat that still counts, each once however many connections they have. They are
-- sorted, so that the same people give the same text below.
local function people(key)
  local seen, list = {}, {}
  for _, connection in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. (now - good_for), '+inf')) do
    local participant = tonumber(string.match(connection, '^%d+'))
    if not seen[participant] then
      seen[participant] = true
      list[#list + 1] = participant
    end
  end
  table.sort(list)
  return list
end

local here, recording = people(KEYS[1]), people(KEYS[2])
local version = tonumber(redis.call('HGET', KEYS[3], 'version') or 0)
local changed = 0
if me ~= '' then
  local told = table.concat(here, ' ') .. '/' .. table.concat(recording, ' ')
  if told ~= redis.call('HGET', KEYS[3], 'people') then
    changed = 1
    -- At least the clock in ms, so that versions grow even after these keys have expired.
    version = math.max(version + 1, now * 1000 + math.floor(tonumber(clock[2]) / 1000))
    redis.call('HSET', KEYS[3], 'people', told, 'version', version)
  end
  for n = 1, 2 do
    redis.call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now - good_for)
  end
  for n = 1, 3 do
    redis.call('EXPIRE', KEYS[n], 10 * good_for)
  end
end
return { changed, version, here, recording }
