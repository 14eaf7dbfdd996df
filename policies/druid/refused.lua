-- Reads why pods of a workload are not even made: a quota, a policy of the namespace, a webhook. The server
-- took the workload and refuses its pods, which only the workload's controller hears.
--
-- From: a condition of a Deployment; of a StatefulSet its events, read when all pods that are there are ready
-- and others are missing for a while.

local refusal = require "lib.refusal"

local M = {}

M.after_s, M.fresh_s = 10, 900   -- pods are missing for so long; older events are history

local prefixes = { "^[Cc]reate [Pp]od %S+ in %S+ %S+ failed error: ", "^[Cc]reate [Pp]od %S+ failed: " }

function M.words(note)
  for _, prefix in ipairs(prefixes) do
    note = note:gsub(prefix, "", 1)
  end
  return "pods are refused: " .. refusal.words(note)
end

local function seen_at(event)
  local series = event.series or {}
  for _, text in ipairs({ series.lastObservedTime or "", event.deprecatedLastTimestamp or "", event.eventTime or "" }) do
    local time = clock.parse(text)
    if time then
      return time
    end
  end
  return clock.parse(event.metadata.creationTimestamp or "") or 0
end

-- The note of the newest of the events, nil when all are old. Pure.
function M.newest(list, now)
  local best, best_at = nil, now - M.fresh_s
  for _, event in ipairs(list) do
    if event.reason == "FailedCreate" and seen_at(event) >= best_at then
      best, best_at = event.note, seen_at(event)
    end
  end
  return best
end

-- since: when the group's phase began, or nil; count: its pods. Text or nil.
function M.of(kube, entry, count, since, now)
  local state, live = entry.state, entry.live
  if not live or count >= state.total or state.ready < count or not since or now - since < M.after_s then
    return nil
  end
  if live.kind == "Deployment" then
    for _, condition in ipairs((live.status or {}).conditions or {}) do
      if condition.type == "ReplicaFailure" and condition.status == "True" then
        return M.words(condition.message or "")
      end
    end
    return nil
  end
  local list = kube.read_list({ apiVersion = "events.k8s.io/v1", kind = "Event", namespace = live.metadata.namespace,
    fields = "regarding.uid=" .. live.metadata.uid .. ",reason=FailedCreate" })
  local note = list and M.newest(list, now)
  return note and M.words(note)
end

return M
