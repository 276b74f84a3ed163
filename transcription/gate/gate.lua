-- The gate: one script, the only writer of its keys. docs/gate.md explains every rule.
--   KEYS[1] hash: fields gate.*, all.*, submit.*, pace.*, jobs.*
--   KEYS[2], KEYS[3] zsets: permits that are out, to submit and to poll; KEYS[4] zset: jobs at the vendor.
--            Each is scored by the end of its lease, so what a dead worker held heals by itself.
--   ARGV     op, now ('' = this server's clock), five arguments of the op, then name/value pairs of GateParams
-- Times are unix seconds on a grid of 1 µs, written with %.6f: tostring() would keep 14 digits only.
-- A lane (all, submit) is closed while it has a reason. `till` = no permit before; `probe` = who holds the one try.

local op, a, b, c, d, e = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local P = {}
for i = 8, #ARGV, 2 do
  P[ARGV[i]] = tonumber(ARGV[i + 1])
end
local BOTH = { 'all', 'submit' }
local LANES = { submit = BOTH, poll = { 'all' } }
local PERMITS = { submit = KEYS[2], poll = KEYS[3] }
local JOBS = KEYS[4]

-- A lane's life: what it is, what happened to it, what it becomes. docs/gate.md draws its picture from this.
local MOVES = {
  'open refused blocked',
  'blocked due probing',
  'probing answered open',
  'probing refused blocked',
  'probing lost blocked',
  'blocked refused blocked',
  'blocked answered open', -- the last two: a probe out of time
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
local function alive(zset, longest) -- leases that have not run out, nor were given before the clock stepped back
  return redis.call('ZCOUNT', zset, '(' .. fmt(now), longest and fmt(now + longest + 1e-5) or '+inf')
end

local function closed(L) return str(L, 'reason') ~= '' end
local function mode(L)
  if not closed(L) then return 'open' end
  return str(L, 'probe') ~= '' and num(L, 'lease') > now and 'probing' or 'blocked'
end

-- ---- What people are told ------------------------------------------------------------------------

-- held > all > submit > open
local function view()
  local L = closed('all') and 'all' or closed('submit') and 'submit'
  if num('gate', 'held') == 1 then return 'held', 'all', 'hold', 0, str('gate', 'note') end
  if not L then return 'open', '', '', 0, '' end
  return mode(L), L, str(L, 'reason'), num(L, 'till'), str(L, 'note')
end

-- The version starts at the time of birth, so it still grows for the pages if Redis loses its state.
local function version() return H['gate.version'] and num('gate', 'version') or math.floor(now) end

local function state()
  local shown, scope, reason, till, note = view()
  local since = shown == 'open' and 0 or num('gate', 'since')
  return { shown, scope, reason, fmt(since), fmt(till), fmt(num('gate', 'episode')), fmt(version()), note }
end

-- Compares what people were told last with what is true now; the caller of the one difference publishes it.
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

-- nil: another submit may go. Else when to ask again. Now and then one more than the cap is tried.
local function full()
  if cap() == 0 or taken() < cap() or taken() == cap() and num('jobs', 'raise_at') <= now then return nil end
  return now + P.full_wait
end

-- The vendor has this job now. That it took so many raises the cap.
local function started(job)
  redis.call('ZADD', JOBS, fmt(now + P.job_lease), job)
  redis.call('ZREMRANGEBYSCORE', JOBS, '-inf', fmt(now))
  local n = jobs()
  if cap() > 0 and n > cap() then
    set('jobs', 'won', num('jobs', 'won') + 1) -- once may be chance: a job had ended, and nobody had asked yet
    set_cap(n, num('jobs', 'won') > 1 and patience() / 4 or patience())
  end
  if closed('all') and num('pace', 'full') > 0 then set('pace', 'full', math.max(n, num('pace', 'full'))) end
end

-- Whether `n` jobs at the vendor explain a 429 that did not say why: as many as the cap, or the same over and over.
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

-- Requests per second allowed now. `rate` is what the vendor was measured to take (0: no limit was ever felt),
-- `busy` the seconds since the gate opened in which the pace was what held work back.
local function pace()
  local rate, busy = num('pace', 'rate'), num('pace', 'busy')
  if rate == 0 then return math.min(P.pace_max, P.pace_start * 2 ^ (busy / P.pace_double)) end
  local over = busy - num('pace', 'settle')
  if over < 0 then return rate * P.pace_below end
  return math.min(P.pace_max, rate * 2 ^ (over / math.max(P.push_double, P.push_requests / rate)))
end

-- Before a limit was felt, bursts are welcome; afterwards only as much as makes up for late callers.
local function slack(x) return num('pace', 'rate') == 0 and P.pace_burst or math.max(0.5 / x, P.pace_late) end

-- Submits and polls take turns while both wait: whoever went last lets the other pass, by as much as costs nothing
-- if that one does not come. Who missed its turn, because nobody comes back that soon, goes one interval early.
local WAITS = { submit = 'submits_wait', poll = 'polls_wait' } -- since when; 0: nobody of this purpose
local OTHER = { submit = 'poll', poll = 'submit' }
local function turn(purpose, x)
  local since = num('pace', WAITS[purpose])
  if since > 0 and math.abs(now - since) > 3 / x then return -1 / x end
  return str('pace', 'last') == purpose and num('pace', WAITS[OTHER[purpose]]) > 0 and 0.5 / x or 0
end

-- nil: a permit now. Else when to come back.
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
  -- Idle: the vendor's own bucket fills up, nobody knows how far, so nothing can be measured from here.
  if free > math.max(P.pace_idle, 3 / x) then set('pace', 'from', 0) end
  put('pace', { next = math.max(num('pace', 'next'), now) + 1 / x, last = purpose, [WAITS[purpose]] = 0 })
end

-- A refusal closes the lane: the limiter is empty now, and was empty at the last one. What it took in between is its
-- rate. `paused` is how long the lane was closed before, `spell` how long it was open since.
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

-- The rate after a cycle in which so much was measured. Pauses blur the measure, by their part of the cycle: the rate
-- changes by no more than it has to. If it was tried much higher before the refusal, the vendor may take more.
local function better(rate, measured, waited)
  local pushed, paused, spell = num('pace', 'pushed'), num('pace', 'paused'), num('pace', 'spell')
  if rate == 0 or measured > 1.1 * rate then return math.max(measured, pushed / 2) end
  local doubt = spell > 0 and math.min(1, math.max(waited, paused) / (paused + spell)) / 2 or 0
  if waited * measured <= P.short_requests then doubt = 0 end
  local near = math.max(measured * (1 - doubt), math.min(rate, measured * (1 + doubt)))
  return pushed > 1.5 * rate and math.max(near, rate * P.pace_more) or near
end

-- The lane is open again, and how long that took says what it was. `first`: the first try was enough.
local function learn(waited, first)
  local rate, measured, window = num('pace', 'rate'), num('pace', 'measured'), 0
  local spared, long = rate > 0 and P.settle_pauses * waited or 0, 0
  local again = num('pace', 'long') > num('pace', 'spell') -- the closing before was longer than the time open since
  if again and num('pace', 'window') == 1 then first = false end -- the first try was late already
  if crowded(num('pace', 'full')) then
    set('pace', 'from', now) -- as many jobs as the vendor takes at once: that was it
  elseif first or waited * measured <= P.short_requests then
    rate = better(rate, measured, waited) -- a short rest was enough: we were too fast
  elseif again then -- a window, or a ban: slower, but no slower than what it took
    rate, long, window = rate > 0 and math.max(measured, rate * P.pace_less) or 0, waited, 1
  else
    long, spared = waited, 0 -- an outage: it says nothing about the rate
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
      set('pace', 'next', now + slack(x)) -- nothing is saved up: the fleet does not come back in one instant
    end
    put(L, { reason = '', cause = '', till = 0, span = 0, pause = 0, tries = 0 })
  end
end

local function extend(L, t) -- forward only, within one closing
  if t > num(L, 'till') then put(L, { till = t, span = t - now }) end
end

local function obey(L, header) -- the vendor's own time, capped, and the cap is visible
  if header > P.retry_after_cap then
    set(L, 'note', string.format('Retry-After of %.0f s cut to %.0f s', header, P.retry_after_cap))
  end
  return math.min(header, P.retry_after_cap) + P.margin
end

-- A refusal that counts: closes an open lane, or sends the probe of a closed one back to wait for longer.
-- The new epoch makes every request that is under way stale for this lane: one epoch, one reaction.
local function shut(L, reason, header, purpose)
  local last, rate = num(L, 'pause'), num('pace', 'rate') -- last 0: this closes the lane
  local rest = rate == 0 and P.first_pause or math.max(P.rest_min, math.min(1 / rate, P.rest_cap))
  if last == 0 then set(L, 'cause', reason) end
  if last == 0 and reason == 'rate' then measure(purpose) end
  -- Closed for longer than it was open since: this closing will be as long, so ask less often, at some delay.
  -- The short rest comes first nevertheless, until it is known for a window.
  local expected = str(L, 'cause') == 'rate' and (last > 0 or num('pace', 'window') == 1)
  local base = expected and (num('pace', 'long') - num('pace', 'spell')) * 2 / 3 or 0
  local longer = last == 0 and rest or math.max(last, P.first_pause) * P.growth
  local pause = math.min(math.max(base, longer), P.pause_cap)
  local wait = reason == 'quota' and P.quota_pause or pause
  if reason == 'concurrency' then -- as many as there are is the cap; confirmed once more, it stays for longer
    local n = math.max(1, jobs())
    set_cap(n, cap() > 0 and n >= cap() and patience() * 2 or P.raise_first)
  end
  move(L, 'refused')
  put('gate', { epoch = num('gate', 'epoch') + 1, fails = 0 })
  put(L, { epoch = num('gate', 'epoch'), pause = pause, reason = reason, note = '', tries = num(L, 'tries') + 1 })
  -- A header whose end was refused again was too short: from then on our own pause is its lower bound.
  if header then wait = math.max(obey(L, header), reason == 'quota' and P.quota_pause or last) end
  extend(L, now + wait)
end

-- The server's clock may have stepped back: nothing is further away than it was when it was set. Saved whatever is
-- asked: who only reads would otherwise find it as far away each time.
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

-- nil: nothing stops a request of this purpose now. Else when to come back, and why.
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
    elseif mode(L) == 'probing' then -- as long again as the probe is out: few questions, whatever it takes
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
  if lease and lease > num('gate', 'lease') then set('gate', 'lease', lease) end -- the longest there is
  redis.call('ZADD', PERMITS[purpose], fmt(now + (lease or P.permit_lease)), id)
  for _, zset in pairs(PERMITS) do
    redis.call('ZREMRANGEBYSCORE', zset, '-inf', fmt(now - P.forget))
  end
  return save({ 'permit', id, fmt(num('gate', 'epoch')), probe })
end

-- For who deals out work: how many requests of this purpose make sense now, and in how many seconds to look again.
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
  if not lease then return {} end -- reported before, or forgotten
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
  -- A refused poll is not about the number of jobs.
  if kind == 'refused' and target == 'all' and purpose == 'poll' then put('pace', { full = 0 }) end
  for _, L in ipairs(BOTH) do
    local passed = purpose == 'submit' or L == 'all'
    -- Fresh: sent since the last reaction of this lane. Whoever passed a closed lane freshly is its probe.
    local fresh = live and tonumber(epoch) >= num(L, 'epoch')
    if target == L and fresh and not closed(L) then
      if kind == 'unavailable' then set('gate', 'fails', num('gate', 'fails') + 1) end
      if kind == 'refused' or header or num('gate', 'fails') >= P.unavailable_threshold then
        shut(L, reason, header, purpose)
      end
    elseif target == L and fresh and passed then
      shut(L, reason, header, purpose)
    elseif target == L then -- late news: only its own header counts, and only while the lane is closed
      if header and closed(L) then extend(L, now + obey(L, header)) end
    elseif passed and closed(L) and fresh and (kind == 'ok' or target == 'submit') then
      -- Any answer opens; "too many jobs" is an answer for the lane `all`.
      if num(L, 'till') <= now then
        move(L, 'answered')
      else
        set(L, 'probe', '')
      end
    elseif str(L, 'probe') == id then -- nothing learned: somebody else tries, at once if nothing was sent
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
  local felt = num('pace', 'rate') > 0
  return {
    felt and fmt(pace()) or '',
    felt and fmt(num('pace', 'rate')) or '',
    fmt(cap()),
    fmt(jobs()),
    fmt(out('submit') + out('poll')),
  }
end
if op == 'adopt' then -- what the database knows to be there, if the state was lost
  for job in string.gmatch(a, '[^\n]+') do
    redis.call('ZADD', JOBS, 'NX', fmt(now + P.job_lease), job)
  end
  return {}
end
if op == 'moves' then return MOVES end
put('gate', { held = op == 'hold' and 1 or 0, note = a })
for _, L in ipairs(BOTH) do
  if op == 'resume' and closed(L) then
    set(L, 'cause', '') -- a person's decision says nothing about the vendor
    move(L, 'answered')
  end
end
return announce()
