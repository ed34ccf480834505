"""The scripts that run in Redis: each is atomic, and safe to send twice.

Numbers in Redis scripts are doubles, exact to 2**53 only, so an amount is two of them: `high:low`
is high * 10**9 + low, with 0 <= low < 10**9. Sums of it are exact up to 9 billion USD.

An account is a hash and a sorted set. The hash: `s` spent, `r` reserved, `p<n>` spent in part n of a
rolling window, `f` the oldest part there may be, `h<hold>` what a reservation holds and in which
part it will be charged, `q<process>` the number of the last settlement booked of a process: they come
in order, so one that is sent again is known however late it comes. The set: holds by when they are
over, in milliseconds. Time is the server's, so that all processes agree on it.
"""

from __future__ import annotations

from typing import Final

from otel_claude.budgets.window import PARTS

BASE: Final = 10**9

_COMMON: Final = f"""
local BASE, PARTS = {BASE}, {PARTS}
local call = redis.call

local function read(text)
  if not text or text == '' then return 0, 0 end
  local high, low = string.match(text, '^(-?%d+):(%d+)')
  return tonumber(high), tonumber(low)
end

local function add(high, low, more_high, more_low, sign)
  low = low + sign * more_low
  local carry = math.floor(low / BASE)
  return high + sign * more_high + carry, low - carry * BASE
end

local function change(key, field, text, sign)
  local more_high, more_low = read(text)
  local high, low = read(call('HGET', key, field))
  high, low = add(high, low, more_high, more_low, sign)
  call('HSET', key, field, string.format('%.0f:%.0f', high, low))
end

local function now_of(given)
  if given ~= '' then return tonumber(given) end
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function end_hold(key, holds, hold)
  local held = call('HGET', key, 'h' .. hold)
  if held then change(key, 'r', held, -1) end
  call('HDEL', key, 'h' .. hold)
  call('ZREM', holds, hold)
  return held
end

local function expire(key, holds, now)
  for _, hold in ipairs(call('ZRANGEBYSCORE', holds, '-inf', now)) do
    end_hold(key, holds, hold)
  end
end

local function part_of(now, length)
  if length == 0 then return 0 end
  return math.floor(now / length)
end

-- Forget the parts that have left a rolling window; no more than PARTS + 1 of them ever exist.
local function roll(key, newest)
  local oldest = newest - PARTS
  local first = tonumber(call('HGET', key, 'f') or oldest)
  if first >= oldest then return end
  for part = first, math.min(oldest - 1, first + PARTS) do
    local spent = call('HGET', key, 'p' .. part)
    if spent then
      change(key, 's', spent, -1)
      call('HDEL', key, 'p' .. part)
    end
  end
  call('HSET', key, 'f', oldest)
end

local function stay(key, milliseconds)
  if call('PTTL', key) < tonumber(milliseconds) then call('PEXPIRE', key, milliseconds) end
end
"""

RESERVE: Final = (
    _COMMON
    + """
-- KEYS: hash and set of each account. ARGV: hold, milliseconds it lasts, now; then per account:
-- limit, amount, firm, length of a part, milliseconds that the keys stay.
local hold, lasts, now = ARGV[1], tonumber(ARGV[2]), now_of(ARGV[3])
local refused, frees = 0, ''

local function frees_at(key, limit_high, limit_low, amount, newest, length)
  local high, low = read(call('HGET', key, 's'))
  local more_high, more_low = read(call('HGET', key, 'r'))
  high, low = add(high, low, more_high, more_low, 1)
  more_high, more_low = read(amount)
  high, low = add(high, low, more_high, more_low, 1)
  high, low = add(high, low, limit_high, limit_low, -1)
  for part = newest - PARTS, newest do
    local spent = call('HGET', key, 'p' .. part)
    if spent then
      more_high, more_low = read(spent)
      high, low = add(high, low, more_high, more_low, -1)
      if high < 0 or (high == 0 and low == 0) then
        return string.format('%.0f', (part + PARTS + 1) * length)
      end
    end
  end
  return ''
end

for i = 0, #KEYS / 2 - 1 do
  local key, holds, at = KEYS[2 * i + 1], KEYS[2 * i + 2], 5 * i + 3
  local length = tonumber(ARGV[at + 4])
  expire(key, holds, now)
  if length > 0 then roll(key, part_of(now, length)) end
  if refused == 0 and ARGV[at + 1] ~= '' and ARGV[at + 3] == '1'
      and call('HEXISTS', key, 'h' .. hold) == 0 then
    local limit_high, limit_low = read(ARGV[at + 1])
    local high, low = limit_high, limit_low
    for _, taken in ipairs({call('HGET', key, 's') or '', call('HGET', key, 'r') or '', ARGV[at + 2]}) do
      local more_high, more_low = read(taken)
      high, low = add(high, low, more_high, more_low, -1)
    end
    if high < 0 then
      refused = i + 1
      if length > 0 then
        frees = frees_at(key, limit_high, limit_low, ARGV[at + 2], part_of(now, length), length)
      end
    end
  end
end

local answer = {tostring(refused), frees}
for i = 0, #KEYS / 2 - 1 do
  local key, holds, at = KEYS[2 * i + 1], KEYS[2 * i + 2], 5 * i + 3
  if refused == 0 and call('HEXISTS', key, 'h' .. hold) == 0 then
    local amount = ARGV[at + 2]
    change(key, 'r', amount, 1)
    call('HSET', key, 'h' .. hold, amount .. ':' .. part_of(now, tonumber(ARGV[at + 4])))
    call('ZADD', holds, now + lasts, hold)
    stay(key, ARGV[at + 5])
    stay(holds, ARGV[at + 5])
  end
  answer[#answer + 1] = call('HGET', key, 's') or '0:0'
  answer[#answer + 1] = call('HGET', key, 'r') or '0:0'
end
return answer
"""
)

SETTLE: Final = (
    _COMMON
    + """
-- KEYS: hash and set of each account. ARGV: hold, now; then per account: amount, length of a part,
-- milliseconds that the keys stay; at last the process, and the number of this settlement in it.
local hold, now = ARGV[1], now_of(ARGV[2])
local process, number = 'q' .. ARGV[#ARGV - 1], tonumber(ARGV[#ARGV])
local answer = {}
for i = 0, #KEYS / 2 - 1 do
  local key, holds, at = KEYS[2 * i + 1], KEYS[2 * i + 2], 3 * i + 2
  local amount, length = ARGV[at + 1], tonumber(ARGV[at + 2])
  local newest = part_of(now, length)
  local before = call('HGET', key, 's') or '0:0'
  if tonumber(call('HGET', key, process) or -1) < number then
    local held = end_hold(key, holds, hold)
    if length > 0 then
      roll(key, newest)
      before = call('HGET', key, 's') or '0:0'
      local part = held and tonumber(string.match(held, ':(%d+)$')) or newest
      if call('HEXISTS', key, 'f') == 0 then call('HSET', key, 'f', newest - PARTS) end
      change(key, 'p' .. math.max(part, newest - PARTS), amount, 1)
    end
    change(key, 's', amount, 1)
    call('HSET', key, process, number)
    stay(key, ARGV[at + 3])
  end
  answer[#answer + 1] = before
  answer[#answer + 1] = call('HGET', key, 's')
  answer[#answer + 1] = call('HGET', key, 'r') or '0:0'
end
return answer
"""
)

KEEP: Final = (
    _COMMON
    + """
-- KEYS: a record, then hash and set of each account. ARGV: hold, milliseconds it lasts, now.
local hold, lasts, now = ARGV[1], tonumber(ARGV[2]), now_of(ARGV[3])
local kept = {hold}
for i = 2, #KEYS, 2 do
  expire(KEYS[i], KEYS[i + 1], now)
  if call('ZADD', KEYS[i + 1], 'XX', 'CH', now + lasts, hold) == 1 then
    stay(KEYS[i], lasts)
    stay(KEYS[i + 1], lasts)
    kept[#kept + 1] = KEYS[i]
    kept[#kept + 1] = KEYS[i + 1]
  end
end
call('SET', KEYS[1], cjson.encode(kept), 'PX', lasts)
return {}
"""
)

RELEASE: Final = (
    _COMMON
    + """
-- KEYS: a record. The accounts that it names have its hash tag, and so its slot.
local record = call('GET', KEYS[1])
if record then
  local kept = cjson.decode(record)
  for i = 2, #kept, 2 do end_hold(kept[i], kept[i + 1], kept[1]) end
  call('DEL', KEYS[1])
end
return {}
"""
)

GIVE_BACK: Final = (
    _COMMON
    + """
-- KEYS: hash and set of each account. ARGV: hold.
for i = 1, #KEYS, 2 do end_hold(KEYS[i], KEYS[i + 1], ARGV[1]) end
return {}
"""
)

ALL: Final = (RESERVE, SETTLE, KEEP, RELEASE, GIVE_BACK)
