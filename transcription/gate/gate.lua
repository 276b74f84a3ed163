-- The gate: one script, the only writer of its keys. docs/gate.md explains every rule, by the numbers used here.
--
-- KEYS[1]   hash, the fields below
-- KEYS[2]   sorted set of the permits for submits that are out, scored by the end of their lease
-- KEYS[3]   the same for polls
-- KEYS[4]   sorted set of the jobs at the vendor, scored by the end of their lease
-- ARGV      the operation; now ('' = the clock of this server); five arguments; name/value pairs of GateParams
--
-- A lease that runs out frees what a dead worker held. Times are unix seconds and durations are seconds. Both are
-- rounded to 1 µs and written with %.6f, because tostring() keeps 14 digits only.
--
-- Fields of the hash. A field that is missing reads as '' or 0.
--   gate.epoch        grows by one with each refusal that counts; a permit carries the epoch in which it was given
--   gate.fails        requests in a row without a usable answer
--   gate.lease        longest lease that any permit was given
--   gate.held, .note  1 while an administrator holds the gate, and what they wrote
--   gate.told, .told_till                  'lane|reason|note' and the next try, as the last change showed them
--   gate.since, .episode, .version         see GateState
--   LANE.reason       why the lane (all or submit) is closed; '' = open
--   LANE.cause        the reason for which this closing began
--   LANE.till         no permit before this time; .span = how far ahead of the clock it was when it was set
--   LANE.pause        last pause of this closing; .tries = refusals that counted in it
--   LANE.probe        id of the permit that is the probe; .lease = end of the probe's lease
--   LANE.epoch        epoch that began with the lane's last refusal
--   LANE.note         for people: a Retry-After that was cut
--   pace.rate         requests/s that the vendor was measured to take; 0 = not measured yet
--   pace.next         when the next permit is due at the pace (the theoretical arrival time of GCRA)
--   pace.busy         seconds since the lane `all` opened in which the pace, not a lack of work, set the speed
--   pace.settle       busy seconds for which the pace stays below the rate
--   pace.last         purpose of the last permit
--   pace.submits_wait, .polls_wait         since when a caller of this purpose waits for the pace; 0 = nobody waits
--   pace.from, .sent  start of the cycle that is being measured (0 = none), and the requests accepted in it
--   pace.shut, .opened                     when a refusal of the rate last closed the lane `all`; when it last opened
--   pace.measured, .paused, .spell, .pushed    the cycle that the last such refusal ended: its rate, how long it was
--                     closed at its start, how long it was open then, and the pace at its end
--   pace.full         jobs at the vendor when a submit was refused; 0 = jobs do not explain the refusal
--   pace.long         length of the last closing if it was long, else 0; .window = 1 if it was a window or a ban
--   jobs.cap          jobs at once that the vendor takes; 0 = unknown
--   jobs.raise        seconds from one change of the cap to the next trial of one more; .raise_at = when
--   jobs.won          trials in a row that succeeded
--   jobs.seen, .again jobs at the vendor at the last unexplained refusal, and how many before it had as many

local op, a, b, c, d, e = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local P = {}
for i = 8, #ARGV, 2 do
  P[ARGV[i]] = tonumber(ARGV[i + 1])
end
local BOTH = { 'all', 'submit' }
local LANES = { submit = BOTH, poll = { 'all' } }
local PERMITS = { submit = KEYS[2], poll = KEYS[3] }
local JOBS = KEYS[4]

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

local function closed(L) return str(L, 'reason') ~= '' end
local function mode(L)
  if not closed(L) then return 'open' end
  return str(L, 'probe') ~= '' and num(L, 'lease') > now and 'probing' or 'blocked'
end

-- ---- What people are shown ------------------------------------------------------------------------

-- Both lanes in one view: the hold, else the lane `all`, else `submit`, else open.
local function view()
  local L = closed('all') and 'all' or closed('submit') and 'submit'
  if num('gate', 'held') == 1 then return 'held', 'all', 'hold', 0, str('gate', 'note') end
  if not L then return 'open', '', '', 0, '' end
  return mode(L), L, str(L, 'reason'), num(L, 'till'), str(L, 'note')
end

-- The first version is the clock, so that versions keep growing after Redis has lost its state.
local function version() return H['gate.version'] and num('gate', 'version') or math.floor(now) end

local function state()
  local shown, scope, reason, till, note = view()
  local since = shown == 'open' and 0 or num('gate', 'since')
  return { shown, scope, reason, fmt(since), fmt(till), fmt(num('gate', 'episode')), fmt(version()), note }
end

-- Compare the view with the last change that was returned. The caller that gets a difference publishes it.
local function announce()
  local shown, scope, reason, till, note = view()
  local told, tell = str('gate', 'told'), shown == 'open' and '' or scope .. '|' .. reason .. '|' .. note
  if tell == told and math.abs(till - num('gate', 'told_till')) < P.moved_step then return save({}) end
  local kind = told == '' and 'closed' or tell == '' and 'opened' or 'moved'
  local lane = string.match(tell ~= '' and tell or told, '^%a+')
  if kind == 'closed' then put('gate', { since = now, episode = num('gate', 'episode') + 1 }) end
  put('gate', { version = version() + 1, told = tell, told_till = till })
  return save({ kind, lane, unpack(state()) })
end

-- ---- Jobs at the vendor --------------------------------------------------------------------------

local function jobs() return alive(JOBS, P.job_lease) end
local function cap() return H['jobs.cap'] and num('jobs', 'cap') or P.first_cap end
local function patience() return H['jobs.raise'] and num('jobs', 'raise') or P.raise_first end
local function set_cap(n, raise)
  raise = math.max(P.raise_min, math.min(raise, P.raise_cap))
  put('jobs', { cap = n, raise = raise, raise_at = now + raise, won = n > cap() and num('jobs', 'won') or 0 })
end

local function out(purpose) return alive(PERMITS[purpose], math.max(P.permit_lease, num('gate', 'lease'))) end
local function taken() return jobs() + out('submit') end

-- nil if one more job fits at the vendor, else when to ask again. Once `raise_at` has passed, one more than the cap
-- fits.
local function full()
  if cap() == 0 or taken() < cap() or taken() == cap() and num('jobs', 'raise_at') <= now then return nil end
  return now + P.full_wait
end

-- Count a job that the vendor accepted. If there are more than the cap now, the cap was too low (rule 14).
local function started(job)
  redis.call('ZADD', JOBS, fmt(now + P.job_lease), job)
  redis.call('ZREMRANGEBYSCORE', JOBS, '-inf', fmt(now))
  local n = jobs()
  if cap() > 0 and n > cap() then
    -- One success may be luck: a job had ended, and no poll had found it yet.
    set('jobs', 'won', num('jobs', 'won') + 1)
    set_cap(n, num('jobs', 'won') > 1 and patience() / 4 or patience())
  end
  if closed('all') and num('pace', 'full') > 0 then set('pace', 'full', math.max(n, num('pace', 'full'))) end
end

-- Rule 5: whether `n` jobs at the vendor explain a 429 without a reason. They do if they are as many as the cap, or
-- as many as at the last such 429.
local function crowded(n)
  if cap() > 0 and n >= cap() then
    set_cap(cap(), patience() * 2)
    return true
  end
  local seen = num('jobs', 'seen')
  local same = n > 1 and math.abs(n - seen) <= math.max(1, P.same_jobs * seen)
  put('jobs', { seen = same and math.min(n, seen) or n, again = same and num('jobs', 'again') + 1 or 0 })
  if P.unnamed_cap == 0 or not same then return false end
  if num('jobs', 'again') >= P.unnamed_cap then set_cap(num('jobs', 'seen'), P.raise_first) end
  return true
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
  if free < 1 / x then set('pace', 'busy', num('pace', 'busy') + 1 / x) end
  -- Idle: the vendor's bucket has filled up by an unknown amount, so this cycle measures nothing.
  if free > math.max(P.pace_idle, 3 / x) then set('pace', 'from', 0) end
  put('pace', { next = math.max(num('pace', 'next'), now) + 1 / x, last = purpose, [WAITS[purpose]] = 0 })
end

-- A refusal of the rate closes the lane `all`. The vendor's limiter is empty now and was empty at the refusal before:
-- what it accepted in between, over the time in between, is its rate.
local function measure(purpose)
  local from, shut, opened = num('pace', 'from'), num('pace', 'shut'), num('pace', 'opened')
  local closed_before = shut > 0 and opened > shut
  put('pace', {
    measured = from > 0 and now > from and (num('pace', 'sent') + 0.5) / (now - from) or 0,
    paused = closed_before and opened - shut or 0,
    spell = closed_before and math.max(0, now - opened) or 0,
    pushed = pace(),
    shut = now,
    from = now,
    sent = 0,
    full = purpose == 'submit' and jobs() or 0,
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
  if crowded(num('pace', 'full')) then
    set('pace', 'from', now) -- too many jobs: says nothing about the rate
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
      if str(L, 'cause') == 'rate' then learn(math.max(0, now - num('pace', 'shut')), num(L, 'tries') == 1) end
      local x = pace()
      put('pace', { opened = now, busy = 0, submits_wait = 0, polls_wait = 0 })
      set('pace', 'next', now + slack(x)) -- no burst is saved up, or the whole fleet would come back in one instant
    end
    put(L, { reason = '', cause = '', till = 0, span = 0, pause = 0, tries = 0 })
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
  local wait = reason == 'quota' and P.quota_pause or pause
  if reason == 'concurrency' then -- the jobs that are there are the cap; a cap that is confirmed stays for longer
    local n = math.max(1, jobs())
    set_cap(n, cap() > 0 and n >= cap() and patience() * 2 or P.raise_first)
  end
  move(L, 'refused')
  put('gate', { epoch = num('gate', 'epoch') + 1, fails = 0 })
  put(L, { epoch = num('gate', 'epoch'), pause = pause, reason = reason, note = '', tries = num(L, 'tries') + 1 })
  -- If the end of a Retry-After was refused too, it was too short: from then on our own pause is a lower bound.
  if header then wait = math.max(obey(L, header), reason == 'quota' and P.quota_pause or last) end
  extend(L, now + wait)
end

-- If the server's clock has stepped back, no time is further ahead than it was when it was set. This is saved for
-- every operation: otherwise an operation that only reads would find the times as far ahead again and again.
local function near(o, f, longest)
  if num(o, f) > now + longest + 1e-5 then set(o, f, now + longest) end
end
for _, L in ipairs(BOTH) do
  near(L, 'till', num(L, 'span'))
  near(L, 'lease', P.probe_lease)
end
near('pace', 'next', slack(pace()) + 2 / pace())
near('jobs', 'raise_at', patience())
if cap() > 0 and num('jobs', 'raise_at') == 0 then set('jobs', 'raise_at', now + patience()) end
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
  for _, L in ipairs(LANES[purpose]) do
    if closed(L) and num(L, 'till') > now then
      wait(num(L, 'till'), str(L, 'reason'))
    elseif mode(L) == 'probing' then -- as long again as the probe has been out, so few callers ask for a slow one
      local been_out = math.max(P.probe_recheck, now - (num(L, 'lease') - P.probe_lease))
      wait(math.min(num(L, 'lease'), now + been_out), str(L, 'reason'))
    end
  end
  return at, why
end

local function acquire(purpose, token, lease)
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
  if not closed('all') then spend(purpose) end
  if purpose == 'submit' and cap() > 0 and taken() >= cap() then set('jobs', 'raise_at', now + patience()) end
  for _, L in ipairs(LANES[purpose]) do
    if closed(L) then
      move(L, 'due')
      put(L, { probe = id, lease = now + P.probe_lease })
      probe = '1'
    end
  end
  if lease and lease > num('gate', 'lease') then set('gate', 'lease', lease) end
  redis.call('ZADD', PERMITS[purpose], fmt(now + (lease or P.permit_lease)), id)
  for _, zset in pairs(PERMITS) do
    redis.call('ZREMRANGEBYSCORE', zset, '-inf', fmt(now - P.forget))
  end
  return save({ 'permit', id, fmt(num('gate', 'epoch')), probe })
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
  if purpose == 'submit' and closed('submit') then n = 1 end
  if purpose == 'submit' and cap() > 0 then n = math.min(n, math.max(1, cap() - taken())) end
  return reply(n, 1 / x)
end

local function report(id, kind, scope, header, job)
  local epoch, purpose = string.match(id, '^(%d+):(%a+)')
  local lease = redis.call('ZSCORE', PERMITS[purpose], id)
  if not lease then return {} end -- reported before, or out for too long
  redis.call('ZREM', PERMITS[purpose], id)
  if scope == 'running' then
    started(job)
  elseif job ~= '' then
    redis.call('ZREM', JOBS, job)
  end
  local live = tonumber(lease) > now
  local target = kind == 'unavailable' and 'all' or kind == 'refused' and (scope == 'all' and 'all' or 'submit')
  local reason = kind == 'unavailable' and kind or ({ submit = 'concurrency', quota = 'quota' })[scope] or 'rate'
  if live and (kind == 'ok' or kind == 'refused') then set('gate', 'fails', 0) end
  -- A poll starts no job, so its refusal is not about the number of jobs.
  if kind == 'refused' and target == 'all' and purpose == 'poll' then put('pace', { full = 0 }) end
  for _, L in ipairs(BOTH) do
    local passed = purpose == 'submit' or L == 'all'
    -- Fresh: sent since the lane's last refusal. A fresh request that passed a closed lane is its probe.
    local fresh = live and tonumber(epoch) >= num(L, 'epoch')
    if target == L and fresh and not closed(L) then
      if kind == 'unavailable' then set('gate', 'fails', num('gate', 'fails') + 1) end
      if kind == 'refused' or header or num('gate', 'fails') >= P.unavailable_threshold then
        shut(L, reason, header, purpose)
      end
    elseif target == L and fresh and passed then
      shut(L, reason, header, purpose)
    elseif target == L then -- stale: only a Retry-After counts, and only while the lane is closed
      if header and closed(L) then extend(L, now + obey(L, header)) end
    elseif passed and closed(L) and fresh and (kind == 'ok' or target == 'submit') then
      -- Any answer opens. "Too many jobs" is an answer for the lane `all`.
      if num(L, 'till') <= now then
        move(L, 'answered')
      else
        set(L, 'probe', '')
      end
    elseif str(L, 'probe') == id then -- the probe learned nothing: the next one goes, at once if this was not sent
      if mode(L) == 'probing' then move(L, 'lost') end
      if kind ~= 'unused' then extend(L, now + P.lost_pause) end
    end
    if L == 'all' and kind == 'ok' and fresh then set('pace', 'sent', num('pace', 'sent') + 1) end
  end
  return announce()
end

if op == 'acquire' then return acquire(a, b, tonumber(c)) end
if op == 'report' then return report(a, b, c, tonumber(d), e) end
if op == 'state' then return state() end
if op == 'room' then return room(a) end
if op == 'figures' then
  local measured = num('pace', 'rate') > 0
  return {
    measured and fmt(pace()) or '',
    measured and fmt(num('pace', 'rate')) or '',
    fmt(cap()),
    fmt(jobs()),
    fmt(out('submit') + out('poll')),
  }
end
if op == 'adopt' then -- count jobs that the database knows and this state does not
  for job in string.gmatch(a, '[^\n]+') do
    redis.call('ZADD', JOBS, 'NX', fmt(now + P.job_lease), job)
  end
  return {}
end
if op == 'moves' then return MOVES end
put('gate', { held = op == 'hold' and 1 or 0, note = a })
for _, L in ipairs(BOTH) do
  if op == 'resume' and closed(L) then
    set(L, 'cause', '') -- an administrator's decision teaches nothing about the vendor
    move(L, 'answered')
  end
end
return announce()
