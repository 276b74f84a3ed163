-- The gate: one script, the only writer of its two keys. docs/gate.md explains every rule.
--   KEYS[1] hash: fields gate.*, all.*, submit.*      KEYS[2] zset: permits that are out, scored by lease end
--   ARGV    op, now ('' = this server's clock), four arguments of the op, then name/value pairs of GateParams
-- Times are unix seconds on a grid of 1 µs, written with %.6f: tostring() would keep 14 digits only.
-- A lane (all, submit) is closed while it has a reason. `till` = no permit before; `probe` = who holds the one try.

local op, a, b, c, d = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local P = {}
for i = 7, #ARGV, 2 do P[ARGV[i]] = tonumber(ARGV[i + 1]) end
local BOTH = {'all', 'submit'}
local LANES = {submit = BOTH, poll = {'all'}}

local function fmt(x) return string.format(x % 1 == 0 and '%.0f' or '%.6f', x) end
local now = tonumber(ARGV[2])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1e6
end
now = tonumber(fmt(now))

local H, dirty = {}, {}
local raw = redis.call('HGETALL', KEYS[1])
for i = 1, #raw, 2 do H[raw[i]] = raw[i + 1] end
local function str(o, f) return H[o .. '.' .. f] or '' end
local function num(o, f) return tonumber(H[o .. '.' .. f]) or 0 end
local function set(o, f, v)
  local k = o .. '.' .. f
  if type(v) == 'number' then v = fmt(v) end
  if H[k] ~= v then H[k], dirty[#dirty + 1], dirty[#dirty + 2] = v, k, v end
end
local function save(reply)
  if #dirty > 0 then redis.call('HSET', KEYS[1], unpack(dirty)) end
  return reply
end

local function closed(L) return str(L, 'reason') ~= '' end
local function probing(L) return str(L, 'probe') ~= '' and num(L, 'lease') > now end

-- The server's clock may have stepped back: nothing is further away than it was when it was set.
for _, L in ipairs(BOTH) do
  if num(L, 'till') > now + num(L, 'span') + 1e-5 then set(L, 'till', now + num(L, 'span')) end
  if num(L, 'lease') > now + P.probe_lease + 1e-5 then set(L, 'lease', now + P.probe_lease) end
end

-- What people are shown: held > all > submit > open.
local function view()
  local L = closed('all') and 'all' or closed('submit') and 'submit'
  if num('gate', 'held') == 1 then return 'held', 'all', 'hold', 0, str('gate', 'note') end
  if not L then return 'open', '', '', 0, '' end
  return probing(L) and 'probing' or 'blocked', L, str(L, 'reason'), num(L, 'till'), str(L, 'note')
end

-- The version starts at the time of birth, so it still grows for the pages if Redis loses its state.
local function version() return H['gate.version'] and num('gate', 'version') or math.floor(now) end

local function state()
  local mode, scope, reason, till, note = view()
  local since = mode == 'open' and 0 or num('gate', 'since')
  return {mode, scope, reason, fmt(since), fmt(till), fmt(num('gate', 'episode')), fmt(version()), note}
end

-- Compares what people were told last with what is true now; the caller of the one difference publishes it.
local function announce()
  local mode, scope, reason, till, note = view()
  local told, tell = str('gate', 'told'), mode == 'open' and '' or scope .. '|' .. reason .. '|' .. note
  if tell == told and math.abs(till - num('gate', 'told_till')) < P.moved_step then return save({}) end
  local kind = told == '' and 'closed' or tell == '' and 'opened' or 'moved'
  local lane = string.match(tell ~= '' and tell or told, '^%a+')
  if kind == 'closed' then
    set('gate', 'since', now)
    set('gate', 'episode', num('gate', 'episode') + 1)
  end
  set('gate', 'version', version() + 1)
  set('gate', 'told', tell)
  set('gate', 'told_till', till)
  return save({kind, lane, unpack(state())})
end

local function open(L)
  for f, v in pairs({reason = '', probe = '', till = 0, span = 0, pause = 0, used = 0, asked = 0, opened = now}) do
    set(L, f, v)
  end
end

local function extend(L, t) -- forward only, within one closing
  if t > num(L, 'till') then
    set(L, 'till', t)
    set(L, 'span', t - now)
  end
end

local function obey(L, header) -- the vendor's own time, capped, and the cap is visible
  if header > P.retry_after_cap then
    set(L, 'note', string.format('Retry-After of %.0f s cut to %.0f s', header, P.retry_after_cap))
  end
  return math.min(header, P.retry_after_cap) + P.margin
end

-- A refusal that counts: closes an open lane, or sends the probe of a closed one back to wait for longer.
-- The new epoch makes every request that is under way stale for this lane: one epoch, one reaction.
local function shut(L, reason, header)
  local last = num(L, 'pause') -- 0: this closes the lane
  local factor = last < P.growth_knee and P.growth_fast or P.growth_slow
  local pause = last == 0 and P.first_pause or math.min(last * factor, P.pause_cap)
  local wait = reason == 'quota' and P.quota_pause or pause
  set('gate', 'epoch', num('gate', 'epoch') + 1)
  set('gate', 'fails', 0)
  for f, v in pairs({epoch = num('gate', 'epoch'), pause = pause, reason = reason, note = '', probe = ''}) do
    set(L, f, v)
  end
  -- A header whose end was refused again was too short: from then on our own pause is its lower bound.
  if header then wait = math.max(obey(L, header), reason == 'quota' and P.quota_pause or last) end
  extend(L, now + wait)
end

-- The place of the learned rate. nil = a permit now, else when to come back. Today only a ramp after reopening:
-- 1, 2, 4, ... permits, so that the fleet does not come back in one instant; who waits gets a time of its own.
local function pace(L)
  local age = now - num(L, 'opened')
  if num(L, 'opened') == 0 or age < 0 or age >= P.ramp then return nil end
  if num(L, 'used') < 2 ^ (age / P.ramp_double) then return nil end
  set(L, 'asked', math.max(num(L, 'asked'), num(L, 'used')) + 1)
  return num(L, 'opened') + math.min(P.ramp, P.ramp_double * math.log(num(L, 'asked')) / math.log(2))
end

local function acquire(purpose, token, lease)
  local at, why
  local function wait(t, reason) if t and (not at or t > at) then at, why = t, reason end end
  if num('gate', 'held') == 1 then wait(now + P.hold_wait, 'hold') end
  for _, L in ipairs(LANES[purpose]) do
    if not closed(L) then
      wait(pace(L), 'pace')
    elseif num(L, 'till') > now then
      wait(num(L, 'till'), str(L, 'reason'))
    elseif probing(L) then -- as long again as the probe is out: few questions, whatever it takes
      local out = math.max(P.probe_recheck, now - (num(L, 'lease') - P.probe_lease))
      wait(math.min(num(L, 'lease'), now + out), str(L, 'reason'))
    end
  end
  if at then
    at = math.max(at, now + P.min_wait)
    return save({'wait', fmt(at), fmt(at - now), why})
  end
  local id, probe = fmt(num('gate', 'epoch')) .. ':' .. purpose .. ':' .. token, '0'
  for _, L in ipairs(LANES[purpose]) do
    if closed(L) then
      probe = '1'
      set(L, 'probe', id)
      set(L, 'lease', now + P.probe_lease)
    elseif num(L, 'opened') + P.ramp > now then
      set(L, 'used', num(L, 'used') + 1)
    end
  end
  redis.call('ZADD', KEYS[2], fmt(now + (lease or P.permit_lease)), id)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', fmt(now - P.forget))
  return save({'permit', id, fmt(num('gate', 'epoch')), probe})
end

local function report(id, kind, scope, header)
  local lease = redis.call('ZSCORE', KEYS[2], id)
  if not lease then return {} end -- reported before, or forgotten
  redis.call('ZREM', KEYS[2], id)
  local live = tonumber(lease) > now
  local epoch, purpose = string.match(id, '^(%d+):(%a+)')
  local target = kind == 'unavailable' and 'all' or kind == 'refused' and (scope == 'all' and 'all' or 'submit')
  local reason = kind == 'unavailable' and kind or ({submit = 'concurrency', quota = 'quota'})[scope] or 'rate'
  if live and (kind == 'ok' or kind == 'refused') then set('gate', 'fails', 0) end
  for _, L in ipairs(BOTH) do
    local passed = purpose == 'submit' or L == 'all'
    -- Fresh: sent since the last reaction of this lane. Whoever passed a closed lane freshly is its probe.
    local fresh = live and tonumber(epoch) >= num(L, 'epoch')
    if target == L and fresh and not closed(L) then
      if kind == 'unavailable' then set('gate', 'fails', num('gate', 'fails') + 1) end
      if kind == 'refused' or header or num('gate', 'fails') >= P.unavailable_threshold then
        shut(L, reason, header)
      end
    elseif target == L and fresh and passed then
      shut(L, reason, header)
    elseif target == L then -- late news: only its own header counts, and only while the lane is closed
      if header and closed(L) then extend(L, now + obey(L, header)) end
    elseif passed and closed(L) and fresh and (kind == 'ok' or target == 'submit') then
      -- Any answer opens; "too many jobs" is an answer for the lane `all`.
      if num(L, 'till') <= now then open(L) else set(L, 'probe', '') end
    elseif str(L, 'probe') == id then -- nothing learned: somebody else tries, at once if nothing was sent
      set(L, 'probe', '')
      if kind ~= 'unused' then extend(L, now + P.first_pause) end
    end
  end
  return announce()
end

if op == 'acquire' then return acquire(a, b, tonumber(c)) end
if op == 'report' then return report(a, b, c, tonumber(d)) end
if op == 'state' then return state() end
if op == 'in_flight' then return redis.call('ZCOUNT', KEYS[2], '(' .. fmt(now), '+inf') end
set('gate', 'held', op == 'hold' and 1 or 0)
set('gate', 'note', a)
for _, L in ipairs(BOTH) do if op == 'resume' and closed(L) then open(L) end end
return announce()
