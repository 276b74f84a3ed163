-- The gate: one script, the only writer of its keys. docs/gate.md explains every rule, by the numbers used here.
--
-- KEYS[1]   hash, the fields below
-- KEYS[2]   sorted set of the permits for submits that are out, scored by the end of their lease
-- KEYS[3]   the same for polls
-- KEYS[4]   sorted set of the jobs at the vendor, scored by the end of their lease
-- ARGV      the operation; now ('' = the clock of this server); the pool; five arguments; name/value pairs of
--           GateParams
--
-- Where the vendor counts jobs by model, each model is a pool. A pool has a cap, jobs, permits for submits and a lane
-- of its own, everything else is the account's. The keys and fields of the pool '' are those written here; those of
-- another one end in ':POOL', as KEYS[4]:POOL, jobs:POOL.cap, submit:POOL.reason and gate:POOL.told. Its lane closes
-- for 'too many jobs'; without pools that closes the lane `submit`, which is else for a used-up quota.
--
-- A lease that runs out frees what a dead worker held. Times are unix seconds and durations are seconds. Both are
-- rounded to 1 µs and written with %.6f, because tostring() keeps 14 digits only.
--
-- Fields of the hash. A field that is missing reads as '' or 0.
--   gate.epoch        grows by one with each refusal that counts; a permit carries the epoch in which it was given
--   gate.fails        requests in a row without a usable answer
--   gate.unknown      submits in a row whose outcome is unknown: the vendor may have the job, or not
--   gate.lease        longest lease that any permit was given
--   gate.held, .note  1 while an administrator holds the gate, and what they wrote
--   gate.told, .told_till                  'lane|reason|note' and the next try, as the last change showed them
--   gate.since, .episode, .version         see GateState; the version is one for all pools
--   gate.pools        the pools that were ever asked for, besides '', with spaces between them
--   LANE.reason       why the lane (all, submit or that of a pool) is closed; '' = open
--   LANE.cause        the reason for which this closing began
--   LANE.till         no permit before this time; .span = how far ahead of the clock it was when it was set
--   LANE.pause        last pause of this closing; .tries = refusals that counted in it
--   LANE.denied       refusals of the credentials in a row in this closing
--   LANE.probe        id of the permit that is the probe; .lease = end of the probe's lease
--   LANE.epoch        epoch that began with the lane's last refusal
--   LANE.note         for people: a Retry-After that was cut
--   pace.rate         requests/s that the vendor was measured to take; 0 = not measured yet
--   pace.next         when the next permit is due at the pace (the theoretical arrival time of GCRA)
--   pace.busy         seconds since the pace was last set in which the pace, not a lack of work, set the speed
--   pace.worked       the same since the lane last opened; .began = the first permit since then, 0 = none yet
--   pace.settle       busy seconds for which the pace stays below the rate
--   pace.last         purpose of the last permit
--   pace.submits_wait, .polls_wait         since when a caller of this purpose waits for the pace; 0 = nobody waits
--   pace.from, .sent  start of the cycle that is being measured (0 = none), and the requests accepted in it
--   pace.shut, .opened                     when a refusal of the rate last closed the lane `all`; when it last opened
--   pace.measured, .paused, .spell, .pushed    the cycle that the last such refusal ended: its rate, how long it was
--                     closed at its start, how long it was open then, and the pace at its end
--   pace.ease         1 if that refusal came at ease; .doubt = 1 if so, or if it came below the rate: the pace does
--                     not explain it; .soon = how many such came in a row, each soon after another
--   pace.full         jobs at the vendor when a submit was refused; 0 = jobs do not explain the refusal
--   pace.pool         pool of that submit
--   pace.long         length of the last closing if it was long, else 0; .window = 1 if it was a window or a ban
--   jobs.cap          jobs at once that the vendor takes; 0 = unknown
--   jobs.raise        seconds from one change of the cap to the next trial of one more; .raise_at = when
--   jobs.won          trials in a row that succeeded
--   jobs.seen, .again jobs at the vendor at the last unexplained refusal, and how many before it had as many

local op, a, b, c, d, e = ARGV[1], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local P = {}
for i = 9, #ARGV, 2 do
  P[ARGV[i]] = tonumber(ARGV[i + 1])
end

-- The states of a lane: state, event, next state. A test compares the diagram in docs/gate.md with this table.
local MOVES = {
  'open refused blocked',
  'blocked due probing',
  'probing answered open',
  'probing refused blocked',
  'probing lost blocked',
  'blocked refused blocked',
  'blocked answered open', -- these two: the probe answered after its lease
}

local function fmt(x) return string.format(x % 1 == 0 and '%.0f' or '%.6f', x) end
local now = tonumber(ARGV[2])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1e6
end
now = tonumber(fmt(now))

local H, dirty = {}, {}
local raw = redis.call('HGETALL', KEYS[1])
for i = 1, #raw, 2 do
  H[raw[i]] = raw[i + 1]
end
local function str(o, f) return H[o .. '.' .. f] or '' end
local function num(o, f) return tonumber(H[o .. '.' .. f]) or 0 end
local function set(o, f, v)
  local k = o .. '.' .. f
  if type(v) == 'number' then v = fmt(v) end
  if H[k] ~= v then
    H[k], dirty[#dirty + 1], dirty[#dirty + 2] = v, k, v
  end
end
local function put(o, values)
  for f, v in pairs(values) do
    set(o, f, v)
  end
end
local function save(reply)
  if #dirty > 0 then redis.call('HSET', KEYS[1], unpack(dirty)) end
  return reply
end
-- How many leases run. One that ends more than `longest` seconds ahead was given before the clock stepped back.
local function alive(zset, longest)
  return redis.call('ZCOUNT', zset, '(' .. fmt(now), longest and fmt(now + longest + 1e-5) or '+inf')
end

-- The pool that this call is about, with the names of what is its own: LANE, JOBS and PERMITS.submit are keys or
-- objects of this pool from here on, and so are those behind `jobs`, `cap` and the like.
local POOL, LANE, CAP, JOBS
local PERMITS = { poll = KEYS[3] }
local function enter(pool)
  local own = pool == '' and '' or ':' .. pool
  POOL, LANE, CAP = pool, 'submit' .. own, 'jobs' .. own
  JOBS, PERMITS.submit = KEYS[4] .. own, KEYS[2] .. own
end
enter(ARGV[3])
local POOLS = { '' }
for pool in string.gmatch(str('gate', 'pools'), '%S+') do
  POOLS[#POOLS + 1] = pool
end
-- Call `act` in each pool, and come back to this one.
local function each_pool(act)
  local here = POOL
  for _, pool in ipairs(POOLS) do
    enter(pool)
    act(pool)
  end
  enter(here)
end
-- From now on this pool is one of POOLS.
local function know()
  for _, pool in ipairs(POOLS) do
    if pool == POOL then return end
  end
  POOLS[#POOLS + 1] = POOL
  set('gate', 'pools', table.concat(POOLS, ' ', 2))
end
-- The lanes that a submit of this pool has to pass.
local function lanes() return POOL == '' and { 'all', 'submit' } or { 'all', 'submit', LANE } end
local function to_pass(purpose) return purpose == 'submit' and lanes() or { 'all' } end

local function closed(L) return str(L, 'reason') ~= '' end
local function mode(L)
  if not closed(L) then return 'open' end
  return str(L, 'probe') ~= '' and num(L, 'lease') > now and 'probing' or 'blocked'
end

-- ---- What people are shown ------------------------------------------------------------------------

-- The account in one view: the hold, else the lane `all`, else `submit`, else open. The view of a pool is its lane.
local function view(pool)
  local L = closed('all') and 'all' or closed('submit') and 'submit'
  if pool ~= '' then
    L = closed('submit:' .. pool) and 'submit:' .. pool
  elseif num('gate', 'held') == 1 then
    return 'held', 'all', 'hold', 0, str('gate', 'note')
  end
  if not L then return 'open', '', '', 0, '' end
  return mode(L), string.match(L, '^%a+'), str(L, 'reason'), num(L, 'till'), str(L, 'note')
end
-- The object with what people were told of this pool, or with '' of the account.
local function news(pool) return pool == '' and 'gate' or 'gate:' .. pool end

-- The first version is the clock in ms, so that versions keep growing after Redis has lost its state: there are fewer
-- than 1000 changes a second.
local function version() return H['gate.version'] and num('gate', 'version') or math.floor(now * 1000) end

-- Append what people are shown of a pool to `reply`.
local function state(pool, reply)
  local shown, scope, reason, till, note = view(pool)
  local N = news(pool)
  local since = shown == 'open' and 0 or num(N, 'since')
  local row = { pool, shown, scope, reason, fmt(since), fmt(till), fmt(num(N, 'episode')), fmt(version()), note }
  for _, value in ipairs(row) do
    reply[#reply + 1] = value
  end
  return reply
end

-- Compare each view with the last change of it that was returned. The caller that gets differences publishes them.
local function announce()
  local reply = {}
  for _, pool in ipairs(POOLS) do
    local shown, scope, reason, till, note = view(pool)
    local N = news(pool)
    local told, tell = str(N, 'told'), shown == 'open' and '' or scope .. '|' .. reason .. '|' .. note
    if tell ~= told or math.abs(till - num(N, 'told_till')) >= P.moved_step then
      local kind = told == '' and 'closed' or tell == '' and 'opened' or 'moved'
      if kind == 'closed' then put(N, { since = now, episode = num(N, 'episode') + 1 }) end
      put('gate', { version = version() + 1 })
      put(N, { told = tell, told_till = till })
      reply[#reply + 1] = kind
      reply[#reply + 1] = string.match(tell ~= '' and tell or told, '^%a+')
      state(pool, reply)
    end
  end
  return save(reply)
end

-- ---- Jobs at the vendor --------------------------------------------------------------------------

local function jobs() return alive(JOBS, P.job_lease) end
-- Until a pool has a cap of its own, the one that the account had before there were pools is kept if it is higher:
-- one that is too high costs a refusal, one that is too low costs places until it is raised.
local function cap()
  if H[CAP .. '.cap'] then return num(CAP, 'cap') end
  local first = P['first_cap:' .. POOL] or P.first_cap
  return POOL == '' and first or math.max(first, num('jobs', 'cap'))
end
local function patience() return H[CAP .. '.raise'] and num(CAP, 'raise') or P.raise_first end
local function set_cap(n, raise)
  raise = math.max(P.raise_min, math.min(raise, P.raise_cap))
  put(CAP, { cap = n, raise = raise, raise_at = now + raise, won = n > cap() and num(CAP, 'won') or 0 })
end

local function out(purpose) return alive(PERMITS[purpose], math.max(P.permit_lease, num('gate', 'lease'))) end
local function taken() return jobs() + out('submit') end

-- nil if one more job fits at the vendor, else when to ask again. Once `raise_at` has passed, one more than the cap
-- fits.
local function full()
  if cap() == 0 or taken() < cap() or taken() == cap() and num(CAP, 'raise_at') <= now then return nil end
  return now + P.full_wait
end

-- The name in JOBS of a job that nobody asks for any more (rule 15). Names that the vendor gives have no space.
local function left(job) return 'left ' .. job end
-- A job is in one pool, under one name: take it out of the others, where the version before or other settings had
-- counted it.
local function claim(job)
  local here = POOL
  each_pool(function(pool)
    redis.call('ZREM', JOBS, left(job))
    if pool ~= here then redis.call('ZREM', JOBS, job) end
  end)
end
-- The pool in which a job counts under this name, or nil.
local function where(name)
  local found
  each_pool(function(pool)
    if tonumber(redis.call('ZSCORE', JOBS, name) or 0) > now then found = pool end
  end)
  return found
end

-- Count a job that the vendor accepted. If there are more than the cap now, the cap was too low (rule 14).
local function started(job)
  if where(left(job)) then return end -- the last poll of a job that was left while it was under way
  claim(job)
  redis.call('ZADD', JOBS, fmt(now + P.job_lease), job)
  redis.call('ZREMRANGEBYSCORE', JOBS, '-inf', fmt(now))
  local n = jobs()
  if cap() > 0 and n > cap() then
    -- One success may be luck: a job had ended, and no poll had found it yet.
    set(CAP, 'won', num(CAP, 'won') + 1)
    set_cap(n, num(CAP, 'won') > 1 and patience() / 4 or patience())
  end
  if closed('all') and num('pace', 'full') > 0 and str('pace', 'pool') == POOL then
    set('pace', 'full', math.max(n, num('pace', 'full')))
  end
end

-- Rule 5: whether `n` jobs at the vendor explain a 429 without a reason. They do if they are as many as the cap, or
-- as many as at the last such 429.
local function crowded_here(n)
  if cap() > 0 and n >= cap() then
    set_cap(cap(), patience() * 2)
    return true
  end
  local seen = num(CAP, 'seen')
  local same = n > 1 and math.abs(n - seen) <= math.max(1, P.same_jobs * seen)
  put(CAP, { seen = same and math.min(n, seen) or n, again = same and num(CAP, 'again') + 1 or 0 })
  if P.unnamed_cap == 0 or not same then return false end
  if num(CAP, 'again') >= P.unnamed_cap then set_cap(num(CAP, 'seen'), P.raise_first) end
  return true
end

-- The same in the pool of the refused submit, whichever pool the answer that opened the lane was about.
local function crowded(n)
  local here = POOL
  enter(str('pace', 'pool'))
  local explained = crowded_here(n)
  enter(here)
  return explained
end

-- ---- The pace: how fast, while the lane `all` is open --------------------------------------------

-- Rules 9 to 11: requests/s allowed now. Below the rate for `settle` busy seconds, then doubling until the next
-- refusal.
local function pace()
  local rate, busy = num('pace', 'rate'), num('pace', 'busy')
  if rate == 0 then return math.min(P.pace_max, P.pace_start * 2 ^ (busy / P.pace_double)) end
  local over = busy - num('pace', 'settle')
  if over < 0 then return rate * P.pace_below end
  return math.min(P.pace_max, rate * 2 ^ (over / math.max(P.push_double, P.push_requests / rate)))
end

-- How much too early, in seconds, a permit may be given. Bursts until a rate is measured; afterwards only as much as
-- makes up for callers that come late.
local function slack(x) return num('pace', 'rate') == 0 and P.pace_burst or math.max(0.5 / x, P.pace_late) end

-- Rule 12: how much later, in seconds, `purpose` is served at the pace `x`, so that submits and polls take turns
-- while both wait. The purpose that went last waits half an interval, which is not lost if the other one does not
-- come. A purpose that has waited for three intervals missed its turn, because callers come back no sooner than
-- `min_wait`: it is served one interval early.
local WAITS = { submit = 'submits_wait', poll = 'polls_wait' }
local OTHER = { submit = 'poll', poll = 'submit' }
local function turn(purpose, x)
  local since = num('pace', WAITS[purpose])
  if since > 0 and math.abs(now - since) > 3 / x then return -1 / x end
  return str('pace', 'last') == purpose and num('pace', WAITS[OTHER[purpose]]) > 0 and 0.5 / x or 0
end

-- nil if the pace allows a request now, else when to come back.
local function paced(purpose)
  local x = pace()
  local ready = num('pace', 'next') - slack(x) + turn(purpose, x)
  if ready <= now then return nil end
  if num('pace', WAITS[purpose]) == 0 then set('pace', WAITS[purpose], now) end
  return math.min(ready, now + math.max(P.pace_wait, 1 / x))
end

local function spend(purpose)
  local x = pace()
  local free = now - num('pace', 'next')
  if num('pace', 'began') == 0 then set('pace', 'began', now) end
  if free < 1 / x then put('pace', { busy = num('pace', 'busy') + 1 / x, worked = num('pace', 'worked') + 1 / x }) end
  -- Idle: the vendor's bucket has filled up by an unknown amount, so this cycle measures nothing.
  if free > math.max(P.pace_idle, 3 / x) then set('pace', 'from', 0) end
  put('pace', { next = math.max(num('pace', 'next'), now) + 1 / x, last = purpose, [WAITS[purpose]] = 0 })
end

-- A refusal of the rate closes the lane `all`. The vendor's limiter is empty now and was empty at the refusal before:
-- what it accepted in between, over the time in between, is its rate.
local function measure(purpose)
  local from, shut, opened = num('pace', 'from'), num('pace', 'shut'), num('pace', 'opened')
  local closed_before = shut > 0 and opened > shut
  -- At ease: a lack of work, and not the pace, set the speed. Right after a closing, those who waited come at once.
  local paused, open = closed_before and opened - shut or 0, math.max(0, now - opened)
  local short = paused > 0 and open < 3 * paused
  local since = num('pace', 'began') > 0 and math.max(0, now - num('pace', 'began')) or 0
  local ease = num('pace', 'worked') + 2 / pace() <= since * 0.6
    or short and num('pace', 'rate') == 0 and num('pace', 'ease') == 1
  local below = num('pace', 'rate') > 0 and num('pace', 'busy') < num('pace', 'settle')
  local soon = ease and short or below and num('pace', 'sent') < P.doubt_requests
  put('pace', {
    ease = ease and 1 or 0,
    doubt = (ease or below) and 1 or 0,
    soon = soon and num('pace', 'soon') + 1 or 0,
    measured = from > 0 and now > from and (num('pace', 'sent') + 0.5) / (now - from) or 0,
    paused = paused,
    spell = closed_before and open or 0,
    pushed = pace(),
    shut = now,
    from = now,
    sent = 0,
    full = purpose == 'submit' and jobs() or 0,
    pool = POOL,
  })
end

-- Rule 6: the new rate after a cycle with the measure `measured`. A pause blurs the measure by up to half of its
-- share of the cycle, and the rate changes only as far as it lies outside of that blur. A refusal far above the rate
-- says that the vendor may take more than was measured.
local function better(rate, measured, waited)
  local pushed, paused, spell = num('pace', 'pushed'), num('pace', 'paused'), num('pace', 'spell')
  if rate == 0 or measured > 1.1 * rate then return math.max(measured, pushed / 2) end
  local doubt = spell > 0 and math.min(1, math.max(waited, paused) / (paused + spell)) / 2 or 0
  if waited * measured <= P.short_requests then doubt = 0 end
  local near = math.max(measured * (1 - doubt), math.min(rate, measured * (1 + doubt)))
  return pushed > 1.5 * rate and math.max(near, rate * P.pace_more) or near
end

-- Rules 5 to 8: the lane `all` opens after a refusal of the rate. How long it was closed (`waited` seconds, and
-- whether the first try succeeded) tells what the refusal was.
local function learn(waited, first)
  local rate, measured, window = num('pace', 'rate'), num('pace', 'measured'), 0
  local spared, long = rate > 0 and P.settle_pauses * waited or 0, 0
  local again = num('pace', 'long') > num('pace', 'spell') -- closed for long before, and open for less since
  if again and num('pace', 'window') == 1 then first = false end -- after a window the first pause is long (`shut`)
  local doubt = num('pace', 'doubt') == 1 and num('pace', 'soon') < P.doubt_soon
  if crowded(num('pace', 'full')) then
    set('pace', 'from', now) -- too many jobs: says nothing about the rate
  elseif doubt and (first or num('pace', 'ease') == 1 and waited <= P.doubt_pause) then
    put('pace', { long = 0, window = 0 }) -- chance: says nothing about the rate, and the pace stays
    return
  elseif first or waited * measured <= P.short_requests then
    rate = better(rate, measured, waited) -- too fast: a short rest was enough
  elseif again then -- a window or a ban: slower, but not below what the vendor took
    rate, long, window = rate > 0 and math.max(measured, rate * P.pace_less) or 0, waited, 1
  else
    long, spared = waited, 0 -- an outage: says nothing about the rate
    set('pace', 'from', now)
  end
  put('pace', { long = long, window = window })
  if rate > 0 then
    rate = math.max(P.pace_min, math.min(P.pace_max, rate))
    local settle = measured > 0 and math.max(P.settle, P.settle_requests / rate, spared) or 0
    put('pace', { rate = rate, settle = math.min(P.settle_cap, settle) })
  end
  set('pace', 'busy', 0)
end

-- ---- A lane opens and closes ---------------------------------------------------------------------

local function move(L, event)
  local to
  for _, row in ipairs(MOVES) do
    to = to or string.match(row, '^' .. mode(L) .. ' ' .. event .. ' (%a+)$')
  end
  if not to then error('lane ' .. L .. ': ' .. event .. ' while ' .. mode(L)) end
  if to ~= 'probing' then set(L, 'probe', '') end
  if to == 'open' then
    if L == 'all' then
      local waited, refused = math.max(0, now - num('pace', 'shut')), str(L, 'cause') == 'rate'
      if refused then
        learn(waited, num(L, 'tries') == 1)
      else
        set('pace', 'busy', 0)
      end
      local x = pace()
      put('pace', { opened = now, began = 0, worked = 0, submits_wait = 0, polls_wait = 0 })
      -- After a pause as short as one request takes, the probe has used what the vendor's limiter had: wait as long
      -- again (rule 19). In any case no burst is saved up, or the whole fleet would come back in one instant.
      local empty = refused and num('pace', 'rate') > 0 and waited * x <= P.empty_requests
      set('pace', 'next', now + slack(x) + (empty and 1 / x or 0))
    end
    put(L, { reason = '', cause = '', till = 0, span = 0, pause = 0, tries = 0, denied = 0 })
  end
end

-- No permit before `t`. Within one closing this time never moves back.
local function extend(L, t)
  if t > num(L, 'till') then put(L, { till = t, span = t - now }) end
end

-- Seconds to wait for a Retry-After. One above the cap is cut, and the note says so.
local function obey(L, header)
  if header > P.retry_after_cap then
    set(L, 'note', string.format('Retry-After of %.0f s cut to %.0f s', header, P.retry_after_cap))
  end
  return math.min(header, P.retry_after_cap) + P.margin
end

-- Rule 16: how long nobody asks after the vendor refused the account itself. Rule 17: how long nobody submits after
-- submits whose outcome is unknown, each of which may have to be paid. nil for the other reasons.
local function own_pause(L, reason)
  if reason == 'quota' then return P.quota_pause end
  if reason == 'unavailable' and L == 'submit' then
    return math.min(P.pause_cap, P.unknown_pause * 2 ^ math.min(num(L, 'tries'), 60))
  end
  if reason ~= 'credentials' then return nil end
  return math.min(P.credentials_cap, P.credentials_pause * 2 ^ math.min(num(L, 'denied'), 60))
end

-- Rules 1 to 4: a refusal that counts closes the open lane, or lengthens the pause after a refused probe. The new
-- epoch makes the requests that are under way stale for this lane: they get no second reaction.
local function shut(L, reason, header, purpose)
  local last, rate = num(L, 'pause'), num('pace', 'rate') -- last == 0: the lane was open
  local rest = rate == 0 and P.first_pause or math.max(P.rest_min, math.min(1 / rate, P.rest_cap))
  if last == 0 then set(L, 'cause', reason) end
  if last == 0 and reason == 'rate' then measure(purpose) end
  -- If the last closing was longer than the lane was open since, expect another long one and probe less often. The
  -- first pause stays short all the same, unless the last closing was a window or a ban.
  local expected = str(L, 'cause') == 'rate' and (last > 0 or num('pace', 'window') == 1)
  local base = expected and (num('pace', 'long') - num('pace', 'spell')) * 2 / 3 or 0
  local longer = last == 0 and rest or math.max(last, P.first_pause) * P.growth
  local pause = math.min(math.max(base, longer), P.pause_cap)
  local own = own_pause(L, reason)
  local wait = own or pause
  if reason == 'concurrency' then -- the jobs that are there are the cap; a cap that is confirmed stays for longer
    local n = math.max(1, jobs())
    set_cap(n, cap() > 0 and n >= cap() and patience() * 2 or P.raise_first)
  end
  move(L, 'refused')
  put('gate', { epoch = num('gate', 'epoch') + 1, [L == 'submit' and 'unknown' or 'fails'] = 0 })
  put(L, { epoch = num('gate', 'epoch'), pause = pause, reason = reason, note = '', tries = num(L, 'tries') + 1 })
  set(L, 'denied', reason == 'credentials' and num(L, 'denied') + 1 or 0)
  if reason == 'credentials' then set(L, 'cause', reason) end -- how long this closing lasts teaches nothing any more
  -- If the end of a Retry-After was refused too, it was too short: from then on our own pause is a lower bound.
  if header then wait = math.max(obey(L, header), own or last) end
  extend(L, now + wait)
end

-- If the server's clock has stepped back, no time is further ahead than it was when it was set. This is saved for
-- every operation: otherwise an operation that only reads would find the times as far ahead again and again.
local function near(o, f, longest)
  if num(o, f) > now + longest + 1e-5 then set(o, f, now + longest) end
end
-- How long a probe of this lane may be out. One with somebody's audio counts for as long as a submit may take:
-- otherwise the next one's would be sent while the vendor may still answer the first.
local function probe_lease(L)
  return L == 'submit' and str(L, 'reason') == 'unavailable' and P.permit_lease or P.probe_lease
end
near('all', 'till', num('all', 'span'))
near('all', 'lease', P.probe_lease)
near('pace', 'next', slack(pace()) + 2 / pace())
each_pool(function()
  near(LANE, 'till', num(LANE, 'span'))
  near(LANE, 'lease', probe_lease(LANE))
  near(CAP, 'raise_at', patience())
  if cap() > 0 and num(CAP, 'raise_at') == 0 then set(CAP, 'raise_at', now + patience()) end
end)
save()
dirty = {}

-- ---- The operations ------------------------------------------------------------------------------

-- nil if the lanes let a request of this purpose pass, else when to come back, and why.
local function stopped(purpose)
  local at, why
  local function wait(t, reason)
    if t and (not at or t > at) then
      at, why = t, reason
    end
  end
  if num('gate', 'held') == 1 then wait(now + P.hold_wait, 'hold') end
  for _, L in ipairs(to_pass(purpose)) do
    if closed(L) and num(L, 'till') > now then
      wait(num(L, 'till'), str(L, 'reason'))
    elseif mode(L) == 'probing' then -- as long again as the probe has been out, so few callers ask for a slow one
      local been_out = math.max(P.probe_recheck, now - (num(L, 'lease') - probe_lease(L)))
      wait(math.min(num(L, 'lease'), now + been_out), str(L, 'reason'))
    end
  end
  return at, why
end

local function acquire(purpose, token, lease)
  know()
  local at, why = stopped(purpose)
  if not at and purpose == 'submit' then
    at, why = full(), 'jobs'
  end
  if not at and not closed('all') then
    at, why = paced(purpose), 'pace'
  end
  if at then
    at = math.max(at, now + P.min_wait)
    return save({ 'wait', fmt(at), fmt(at - now), why })
  end
  local id, probe = fmt(num('gate', 'epoch')) .. ':' .. purpose .. ':' .. token, '0'
  local away = ''
  if POOL ~= '' then id = id .. ':' .. POOL end
  if not closed('all') then spend(purpose) end
  if purpose == 'submit' and cap() > 0 and taken() >= cap() then set(CAP, 'raise_at', now + patience()) end
  for _, L in ipairs(to_pass(purpose)) do
    if closed(L) then
      if away == '' and str(L, 'reason') == 'unavailable' then away = L end
      move(L, 'due')
      put(L, { probe = id, lease = now + probe_lease(L) })
      probe = '1'
    end
  end
  if lease and lease > num('gate', 'lease') then set('gate', 'lease', lease) end
  redis.call('ZADD', PERMITS[purpose], fmt(now + (lease or P.permit_lease)), id)
  for _, zset in pairs(PERMITS) do
    redis.call('ZREMRANGEBYSCORE', zset, '-inf', fmt(now - P.forget))
  end
  return save({ 'permit', id, fmt(num('gate', 'epoch')), probe, away })
end

-- For the dispatcher: how many requests of this purpose can go now, and in how many seconds to look again.
local function room(purpose)
  local at, x = stopped(purpose), pace()
  local function reply(n, seconds) return { fmt(n), fmt(math.max(0, seconds)) } end
  if at then return reply(0, at - now) end
  if purpose == 'submit' and full() then return reply(0, P.full_wait) end
  if closed('all') then return reply(1, 0) end
  local ready = num('pace', 'next') - slack(x) + turn(purpose, x)
  if ready > now then return reply(0, ready - now) end
  local n = math.floor(math.min(now - ready, slack(x)) * x) + 1
  if purpose == 'submit' and (closed('submit') or closed(LANE)) then n = 1 end
  if purpose == 'submit' and cap() > 0 then n = math.min(n, math.max(1, cap() - taken())) end
  return reply(n, 1 / x)
end

local function report(id, kind, scope, header, job)
  local epoch, purpose, own = string.match(id, '^(%d+):(%a+):%w*:?(.*)')
  enter(own)
  local lease = redis.call('ZSCORE', PERMITS[purpose], id)
  if not lease then return {} end -- reported before, or out for too long
  redis.call('ZREM', PERMITS[purpose], id)
  if scope == 'running' then
    started(job)
  elseif job ~= '' then
    each_pool(function() redis.call('ZREM', JOBS, job, left(job)) end)
  end
  local live = tonumber(lease) > now
  local target = kind == 'unavailable' and 'all'
    or kind == 'refused' and (({ submit = LANE, quota = 'submit' })[scope] or 'all')
  local reasons = { submit = 'concurrency', quota = 'quota', credentials = 'credentials' }
  local reason = kind == 'unavailable' and kind or reasons[scope] or 'rate'
  -- Whether the vendor takes submits is its own question: polls that are answered say nothing of it.
  local unknown = purpose == 'submit' and kind == 'unavailable' and scope == 'unknown'
  if live and (kind == 'ok' or kind == 'refused' or kind == 'answered') then set('gate', 'fails', 0) end
  if live and purpose == 'submit' and (kind == 'ok' or kind == 'refused') then set('gate', 'unknown', 0) end
  -- A poll starts no job, so its refusal is not about the number of jobs.
  if kind == 'refused' and target == 'all' and purpose == 'poll' then put('pace', { full = 0 }) end
  for _, L in ipairs(lanes()) do
    local passed = purpose == 'submit' or L == 'all'
    -- Any answer opens. "Too many jobs" and a used-up quota are answers for the lane `all`. "Too many jobs" says
    -- nothing of a quota: the vendor may look at the jobs first.
    local answers = kind == 'ok'
      or L == 'all' and kind == 'answered'
      or L == 'all' and kind == 'refused' and target ~= 'all'
      or L == 'submit' and scope == 'submit' and str(L, 'reason') == 'concurrency'
    -- Fresh: sent since the lane's last refusal. A fresh request that passed a closed lane is its probe.
    local fresh = live and tonumber(epoch) >= num(L, 'epoch')
    local meant, in_a_row = target == L or L == 'submit' and unknown, L == 'submit' and 'unknown' or 'fails'
    if meant and fresh and not closed(L) then
      if kind == 'unavailable' then set('gate', in_a_row, num('gate', in_a_row) + 1) end
      if kind == 'refused' or header and L == target or num('gate', in_a_row) >= P.unavailable_threshold then
        shut(L, reason, header, purpose)
      end
    elseif meant and fresh and passed then
      shut(L, reason, header, purpose)
    elseif meant then -- stale: only a Retry-After counts, and only while the lane is closed
      if header and closed(L) then extend(L, now + obey(L, header)) end
    elseif passed and closed(L) and fresh and answers then
      if num(L, 'till') <= now then
        move(L, 'answered')
      else
        set(L, 'probe', '')
      end
    elseif str(L, 'probe') == id then -- the probe learned nothing: the next one goes, at once if this was not sent
      if mode(L) == 'probing' then move(L, 'lost') end
      if kind ~= 'unused' and kind ~= 'answered' then extend(L, now + P.lost_pause) end
    end
    if L == 'all' and kind == 'ok' and fresh then set('pace', 'sent', num('pace', 'sent') + 1) end
  end
  return announce()
end

if op == 'acquire' then return acquire(a, b, tonumber(c)) end
if op == 'report' then return report(a, b, c, tonumber(d), e) end
if op == 'state' then
  local reply = {}
  for _, pool in ipairs(POOLS) do
    state(pool, reply)
  end
  return reply
end
if op == 'room' then return room(a) end
if op == 'figures' then
  local measured, requests = num('pace', 'rate') > 0, out('poll')
  each_pool(function() requests = requests + out('submit') end)
  return {
    measured and fmt(pace()) or '',
    measured and fmt(num('pace', 'rate')) or '',
    fmt(cap()),
    fmt(jobs()),
    fmt(requests),
  }
end
-- Rule 15. `a`: the jobs that the database knows to be at the vendor, as lines of a pool and a job. What it did not
-- know at the time `b`, although it was counted by then, has ended. A score is job_lease after a job's last news.
if op == 'reconcile' then
  local known = {}
  each_pool(function() redis.call('ZREMRANGEBYSCORE', JOBS, '-inf', fmt(now)) end)
  for pool, job in string.gmatch(a, '([^\n ]*) ([^\n]+)') do
    known[job] = true
    enter(pool)
    know()
    claim(job)
    redis.call('ZADD', JOBS, 'NX', fmt(now + P.job_lease), job)
  end
  each_pool(function()
    for _, job in ipairs(redis.call('ZRANGE', JOBS, '-inf', fmt(tonumber(b) + P.job_lease), 'BYSCORE')) do
      if not known[job] and string.sub(job, 1, 5) ~= left('') then redis.call('ZREM', JOBS, job) end
    end
  end)
  return save({})
end
if op == 'leave' then -- nobody asks for the job `a` any more; it runs for about `b` more seconds
  enter(where(a) or POOL)
  know()
  claim(a)
  redis.call('ZREM', JOBS, a)
  redis.call('ZADD', JOBS, fmt(now + math.min(tonumber(b), P.job_lease)), left(a))
  return save({})
end
if op == 'moves' then return MOVES end
if op == 'clock' then return fmt(now) end
put('gate', { held = op == 'hold' and 1 or 0, note = a })
each_pool(function()
  for _, L in ipairs(lanes()) do
    if op == 'resume' and closed(L) then
      set(L, 'cause', '') -- an administrator's decision teaches nothing about the vendor
      move(L, 'answered')
    end
  end
end)
return announce()
