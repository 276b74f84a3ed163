-- Delete the shared token if it is still the refused one: another process may have replaced it by now.
--
-- KEYS: 1 the token
-- ARGV: 1 the refused token

if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
