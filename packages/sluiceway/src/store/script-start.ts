/**
 * The start of every script. The first argument is the time in milliseconds. If it is empty, the script asks the server
 * (`TIME`). Scripts compare it with the expiries in the state. The expiry of the server's key only removes what no script
 * visits again.
 */
export const START = `
local now = tonumber(ARGV[1])
if now == nil then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function read(key)
  local text = redis.call('GET', key)
  return text and cjson.decode(text) or {}
end
local function write(key, state, ttl)
  if next(state) == nil then
    redis.call('DEL', key)
  else
    redis.call('SET', key, cjson.encode(state), 'PX', string.format('%.0f', math.max(1, ttl)))
  end
end
-- A time that is too far ahead was written by a server whose clock was ahead.
local function isOver(expires, ttl)
  return expires <= now or expires > now + 2 * ttl
end
`;
