-- Keeps a Druid that hangs from holding up anybody else. Pure: the caller gives the state and the time.
--
-- A run that waits for Druid holds one of the operator's places for runs. So each cluster has few calls
-- under way at a time, and an address that did not answer is left alone for a while, longer each time; the
-- first call after that gets less time. A call beyond that fails at once, with retry_ms.

local M = {}

M.calls_max = 4          -- of one cluster at a time
M.all_max = 40           -- of all clusters at a time: when all of them hang, runs have room left
M.addresses_max = 64     -- remembered for one cluster
M.pause_ms, M.pause_ms_max = 5000, 60000
M.suspect_ms = 2000      -- an address that did not answer the last time gets half the time, but not less
M.grace_ms = 1000        -- a call whose run ended is forgotten so long after its time limit

function M.new()
  return { calls = {}, addresses = {}, count = 0 }
end

local function under_way(state, now)
  local count = 0
  for id, ends in pairs(state.calls) do
    if ends < now then
      state.calls[id] = nil   -- its run was ended and never came back
    else
      count = count + 1
    end
  end
  return count
end

-- May a call begin? all: the state that counts the calls of all clusters; share: how many calls this caller
-- leaves at most under way, calls_max or less. Gives a ticket { id =, timeout_ms = } or nil, err.
function M.enter(state, all, origin, now, timeout_ms, share)
  if under_way(state, now) >= math.min(share or M.calls_max, M.calls_max) or under_way(all, now) >= M.all_max then
    return nil, { code = "busy", retry_ms = 500, message = "other calls to Druid are under way" }
  end
  local address = state.addresses[origin]
  if address and now < address.until_ms then
    return nil, { code = address.code, retry_ms = address.until_ms - now,
      message = address.message .. " (not asked again for " .. (address.until_ms - now + 999) // 1000 .. " s)" }
  end
  state.count, all.count = state.count + 1, all.count + 1
  local ticket = { id = state.count, id_of_all = all.count, origin = origin,
    timeout_ms = address and math.min(timeout_ms, math.max(timeout_ms // 2, M.suspect_ms)) or timeout_ms }
  state.calls[ticket.id] = now + ticket.timeout_ms + M.grace_ms
  all.calls[ticket.id_of_all] = state.calls[ticket.id]
  return ticket
end

local function make_room(state, now)
  local count = 0
  for origin, address in pairs(state.addresses) do
    if address.until_ms + M.pause_ms_max < now then
      state.addresses[origin] = nil
    else
      count = count + 1
    end
  end
  if count >= M.addresses_max then
    state.addresses = {}
  end
end

-- A call has ended. err: { code =, message = } when nobody answered, nil for any answer.
function M.leave(state, all, ticket, now, err)
  state.calls[ticket.id], all.calls[ticket.id_of_all] = nil, nil
  local before = state.addresses[ticket.origin]
  if not err then
    state.addresses[ticket.origin] = nil
    return
  end
  if not before then
    make_room(state, now)
  end
  local pause_ms = math.min(before and before.pause_ms * 2 or M.pause_ms, M.pause_ms_max)
  state.addresses[ticket.origin] = { pause_ms = pause_ms, until_ms = now + pause_ms, code = err.code,
    message = err.message }
end

-- Nothing worth remembering?
function M.is_idle(state, now)
  make_room(state, now)
  return under_way(state, now) == 0 and next(state.addresses) == nil
end

return M
