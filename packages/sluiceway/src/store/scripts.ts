import type { StoreStatus } from '../limits/store.js';
import { HOLD_MS, LEASE_MS, WINDOW_PARTS } from './backend.js';
import { BEGIN_USE, END_USE, HOLD_USE, SUCCEED_USE } from './link-scripts.js';
import { START } from './script-start.js';

/**
 * Leases a part of a rate to a process. The state has `[weight, demand, rate, expires]` for each process. The sum of the
 * leased rates never exceeds the limit: what others still hold is not leased, even if their share has become smaller.
 *
 * KEYS: the key. ARGV: now, process, limit (bytes per second), weight (0 gives the lease back), demand (bytes per second;
 * -1: only the limit holds the process up). Returns the rate, and the share: the rate once the others have renewed theirs.
 */
const LEASE = `${START}
local me, limit, ttl = ARGV[2], tonumber(ARGV[3]), ${LEASE_MS}
local weight, demand = tonumber(ARGV[4]), tonumber(ARGV[5])
local state = read(KEYS[1])
for id, held in pairs(state) do
  if isOver(held[4], ttl) then state[id] = nil end
end
if weight <= 0 then
  state[me] = nil
  write(KEYS[1], state, ttl)
  return {0, 0}
end
state[me] = {weight, demand, 0, now + ttl}
local list, weights, others = {}, 0, 0
for id, held in pairs(state) do
  list[#list + 1] = {id, held[1], held[2] < 0 and math.huge or held[2] / held[1]}
  weights = weights + held[1]
  others = others + held[3]
end
table.sort(list, function(a, b)
  if a[3] == b[3] then return a[1] < b[1] end
  return a[3] < b[3]
end)
local rest, left, share = limit, weights, 0
for _, each in ipairs(list) do
  local given = math.min(rest / left, each[3]) * each[2]
  if each[1] == me then share = given end
  rest = math.max(0, rest - given)
  left = left - each[2]
end
share = math.floor(share + rest * weight / weights)
local rate = math.max(0, math.min(share, math.floor(limit - others)))
state[me][3] = rate
write(KEYS[1], state, ttl)
return {rate, share}
`;

/**
 * Takes a slot of each key, or none. The state has `[count, expires]` for each process. KEYS: keys of slots. ARGV: now,
 * process, maximum of each key. Returns 0 and the number of slots in use of each key, or the number of the full key.
 */
const ENTER = `${START}
local me, ttl, states, answer = ARGV[2], ${HOLD_MS}, {}, {0}
for i, key in ipairs(KEYS) do
  local state, sum = read(key), 0
  for id, held in pairs(state) do
    if isOver(held[2], ttl) then state[id] = nil else sum = sum + held[1] end
  end
  if sum >= tonumber(ARGV[2 + i]) then return {i} end
  states[i] = state
  answer[1 + i] = sum + 1
end
for i, key in ipairs(KEYS) do
  local held = states[i][me]
  states[i][me] = {(held and held[1] or 0) + 1, now + ttl}
  write(key, states[i], ttl)
end
return answer
`;

/** Gives back a slot of each key. KEYS: keys of slots. ARGV: now, process. */
const LEAVE = `${START}
for _, key in ipairs(KEYS) do
  local state = read(key)
  local held = state[ARGV[2]]
  if held then
    local isLast = held[1] <= 1 or isOver(held[2], ${HOLD_MS})
    state[ARGV[2]] = not isLast and {held[1] - 1, now + ${HOLD_MS}} or nil
    write(key, state, ${HOLD_MS})
  end
end
return 0
`;

/** Sets how many slots of each key a process holds. KEYS: keys of slots. ARGV: now, process, count of each key. */
const HOLD = `${START}
for i, key in ipairs(KEYS) do
  local state, count = read(key), tonumber(ARGV[2 + i])
  state[ARGV[2]] = count > 0 and {count, now + ${HOLD_MS}} or nil
  write(key, state, ${HOLD_MS})
end
return 0
`;

/**
 * Adds to counters, to all or to none. The state has a number for each part of the time, by when that part is forgotten.
 * KEYS: keys of counters. ARGV: now, and for each key: what to add, the limit, 1 if it is forced, the kind of the window and
 * its length in milliseconds. Returns 1 if it was added or 0, then for each key the count and the time until the reset.
 */
const COUNT = `${START}
local function monthEnd()
  local days = math.floor(now / 86400000) + 719468
  local era = math.floor(days / 146097)
  local day = days - era * 146097
  local year = math.floor(
    (day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  local ofYear = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * ofYear + 2) / 153) + 1
  if month == 12 then year, month = year + 1, 0 end
  local leapDays = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  local start = 365 * year + leapDays + math.floor((153 * month + 2) / 5)
  return (era * 146097 + start - 719468) * 86400000
end
local function endOf(kind, ms)
  if kind == 'month' then return monthEnd() end
  if kind == 'day' then ms = 86400000 end
  if kind ~= 'sliding' then return (math.floor(now / ms) + 1) * ms end
  local part = ms / ${WINDOW_PARTS}
  return math.ceil((math.floor(now / part) + ${WINDOW_PARTS + 1}) * part)
end
local each, isFull = {}, false
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * 5
  local one = {add = tonumber(ARGV[at + 1]), limit = tonumber(ARGV[at + 2]), used = 0, ends = {}}
  one.state = read(key)
  one.stop = endOf(ARGV[at + 4], tonumber(ARGV[at + 5]))
  for stop, count in pairs(one.state) do
    if tonumber(stop) <= now then
      one.state[stop] = nil
    else
      one.used = one.used + count
      one.ends[#one.ends + 1] = {tonumber(stop), count}
    end
  end
  one.isFull = ARGV[at + 3] ~= '1' and one.add > 0 and one.used + one.add > one.limit
  isFull = isFull or one.isFull
  each[i] = one
end
local answer = {isFull and 0 or 1}
for i, key in ipairs(KEYS) do
  local one = each[i]
  if not isFull and one.add ~= 0 then
    local name = string.format('%.0f', one.stop)
    one.used = one.used + one.add
    one.state[name] = (one.state[name] or 0) + one.add
    one.ends[#one.ends + 1] = {one.stop, 0}
    local last = 0
    for _, stop in ipairs(one.ends) do last = math.max(last, stop[1]) end
    write(key, one.state, last - now)
  end
  table.sort(one.ends, function(a, b) return a[1] < b[1] end)
  local reset, left = 0, one.used
  for _, stop in ipairs(one.ends) do
    if one.isFull and left + one.add <= one.limit then break end
    left = left - stop[2]
    reset = stop[1] - now
  end
  answer[2 * i] = string.format('%.0f', one.used)
  answer[2 * i + 1] = string.format('%.0f', math.ceil(reset))
end
return answer
`;

/**
 * Marks a member until a time, or removes it, and publishes that. KEYS: a sorted set. ARGV: now, member, milliseconds from
 * now ('+inf': without end; 0 removes it), channel, message.
 */
const MARK = `${START}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if ARGV[3] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[2])
elseif ARGV[3] == '+inf' then
  redis.call('ZADD', KEYS[1], '+inf', ARGV[2])
else
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[2])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 0
`;

/** KEYS: a sorted set. ARGV: now, member. Returns 1 if the member is marked. */
const IS_MARKED = `${START}
local stop = redis.call('ZSCORE', KEYS[1], ARGV[2])
return stop and (stop == 'inf' or tonumber(stop) > now) and 1 or 0
`;

/** KEYS: a sorted set. ARGV: now. Returns the marked members, each with the milliseconds until its end, or 'inf'. */
const LIST = `${START}
local all = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
for i = 2, #all, 2 do
  if all[i] ~= 'inf' then all[i] = string.format('%.0f', tonumber(all[i]) - now) end
end
return all
`;

/**
 * The scripts that a Redis or Valkey server runs. Each is atomic. They use only commands that all versions of both servers
 * have: `GET`, `SET`, `DEL`, sorted sets, `PUBLISH` and `TIME`. Most keep the state of a key in one JSON text. `rules.ts` has
 * the same rules for a store in memory, and a test compares the two.
 */
export const scripts = {
  lease: LEASE,
  enter: ENTER,
  leave: LEAVE,
  hold: HOLD,
  count: COUNT,
  beginUse: BEGIN_USE,
  holdUse: HOLD_USE,
  succeedUse: SUCCEED_USE,
  endUse: END_USE,
  mark: MARK,
  isMarked: IS_MARKED,
  list: LIST,
  time: "return redis.call('TIME')",
} as const;

export type ScriptName = keyof typeof scripts;

/** Runs scripts on a server, each atomically. Those that are started in one turn make one round trip. */
export interface ScriptServer {
  /** Whether the server refuses a script with keys of several slots. */
  readonly isCluster: boolean;
  /** Rejects with a `StoreUnavailableError`. */
  run(name: ScriptName, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Calls `onMessage` for each message, and `onConnected` when messages can have been missed. Returns what stops this. */
  subscribe(channel: string, onMessage: (message: string) => void, onConnected: () => void): () => void;
  status?(): StoreStatus;
  close(): Promise<void>;
}
