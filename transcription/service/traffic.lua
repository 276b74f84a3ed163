-- Count one request to a vendor in the hash of its hour.
--
-- KEYS: 1 prefix of the hashes' names; the hour since 1970 is appended
-- ARGV: 1 now in Unix seconds, or "" for the clock of this server
--       2 the result to count
--       3 seconds for which to keep the hash

local now = tonumber(ARGV[1]) or tonumber(redis.call('TIME')[1])
local key = KEYS[1] .. ':' .. math.floor(now / 3600)
redis.call('HINCRBY', key, math.floor(now % 3600 / 60) .. ':' .. ARGV[2], 1)
redis.call('EXPIRE', key, ARGV[3])
