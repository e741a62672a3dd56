import { CLOCK_MARGIN_MS, HOLD_MS } from './backend.js';
import { START } from './script-start.js';

/** The state of a link: `owner` (client), `ok` (it has the file), `stop` (when its window ends), `uses` (expiry of each). */
const LINK = `${START}
local id, client, expires = ARGV[2], ARGV[3], tonumber(ARGV[4])
local state = read(KEYS[1])
state.uses = state.uses or {}
for use, stop in pairs(state.uses) do
  if isOver(stop, ${HOLD_MS}) then state.uses[use] = nil end
end
if not state.ok and next(state.uses) == nil then state.owner = nil end
local function save()
  local isFree = state.owner == nil
  write(KEYS[1], isFree and {} or state, expires - now + ${CLOCK_MARGIN_MS})
end
`;

/** KEYS: the link. ARGV: now, use, client, when the link expires. Returns 0, 1 (taken) or 2 (over). */
export const BEGIN_USE = `${LINK}
if state.ok and now >= state.stop then return 2 end
if state.owner and state.owner ~= client then return 1 end
state.owner = client
state.uses[id] = now + ${HOLD_MS}
save()
return 0
`;

/** Keeps a use, also if the store has lost it. KEYS and ARGV as for the begin. */
export const HOLD_USE = `${LINK}
if state.owner == nil or state.owner == client then
  state.owner = client
  state.uses[id] = now + ${HOLD_MS}
  save()
end
return 0
`;

/** KEYS and ARGV as for the begin, and the window in milliseconds. */
export const SUCCEED_USE = `${LINK}
if not state.ok and (state.owner == nil or state.owner == client) then
  state.owner, state.ok, state.stop = client, true, now + tonumber(ARGV[5])
  save()
end
return 0
`;

/** KEYS and ARGV as for the begin. */
export const END_USE = `${LINK}
state.uses[id] = nil
if not state.ok and next(state.uses) == nil then state.owner = nil end
save()
return 0
`;
