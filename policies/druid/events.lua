-- Tells the story of a cluster in events: on transitions only, a few for each. Pure.
--
-- From: what a run wrote and deleted, and the status before and after it. Reasons are those that
-- people already watch for.

local condition = require "lib.condition"
local durations = require "lib.duration"
local names = require "lib.names"
local queryable = require "druid.rollout.queryable"
local status = require "druid.status"
local tables = require "lib.tables"

local M = {}

M.of_stuck = { Stuck = true, ProgressDeadlineExceeded = true }   -- reasons that groups that are stuck give

-- "StatefulSet a, b; Service c"
function M.listed(objects)
  local by_kind = {}
  for _, object in ipairs(objects) do
    by_kind[object.kind] = by_kind[object.kind] or {}
    table.insert(by_kind[object.kind], object.name)
  end
  local parts = {}
  for _, kind in ipairs(tables.keys(by_kind)) do
    table.sort(by_kind[kind])
    parts[#parts + 1] = kind .. " " .. table.concat(by_kind[kind], ", ")
  end
  return table.concat(parts, "; ")
end

-- Kubernetes counts events of one reason and action as one. So the action tells other words apart, and
-- only the same words again become a count.
function M.event(kind, reason, message)
  return { type = kind, reason = reason, action = string.format("Reconcile-%08x", digest.fnv1_32(message)),
    message = names.cut(message, 1000) }
end

-- What a run wrote: told whatever becomes of the status, for the next run does not write it again.
-- done: { created =, updated =, deleted = lists of { kind =, name = }, marked = volumes that go later, or nil }
function M.of_writes(done)
  local list = {}
  if #done.created > 0 then
    local text = #done.created == 1 and "Created " or "Created " .. #done.created .. " objects: "
    list[#list + 1] = M.event("Normal", "DruidOperatorCreateSuccess", text .. M.listed(done.created))
  end
  if #done.updated > 0 then
    list[#list + 1] = M.event("Normal", "DruidOperatorUpdateSuccess", "Updated " .. M.listed(done.updated))
  end
  local by_reason = {}
  for _, object in ipairs(done.deleted) do
    local why = object.why or "no longer in spec.nodes"
    by_reason[why] = by_reason[why] or {}
    table.insert(by_reason[why], object)
  end
  for _, why in ipairs(tables.keys(by_reason)) do
    list[#list + 1] = M.event("Normal", "DruidOperatorDeleteSuccess",
      "Deleted " .. M.listed(by_reason[why]) .. ": " .. why)
  end
  for _, set in ipairs(done.emptied or {}) do
    local names_of = {}
    for i, pod in ipairs(set.pods) do
      names_of[i] = pod.name
    end
    local historical = set.type == "historical"
    if #names_of > 0 then
      list[#list + 1] = M.event("Normal", historical and "HistoricalDrained" or "MiddleManagerDrained",
        table.concat(names_of, ", ") .. ": " .. (set.note or historical and "what was held is held elsewhere; taken away now"
          or "no task is left; taken away now"))
    end
  end
  if #(done.enabled or {}) > 0 then
    list[#list + 1] = M.event("Normal", "MiddleManagerEnabled", table.concat(done.enabled, "; "))
  end
  local going = {}
  for i, mark in ipairs(done.marked or {}) do
    going[i] = mark.claim.metadata.name
  end
  if #going > 0 then
    list[#list + 1] = M.event("Normal", "DruidVolumesGo", string.format("Volumes that were scaled away are deleted in %s: %s. "
      .. "They stay where the group gets its pods back, or volumeRetention.whenScaled is Retain",
      durations.text(done.marked[1].after_s), table.concat(going, ", ")))
  end
  return list
end

local function rollout_started(old, new, list)
  local rollout = new.rollout
  if not rollout or json.equal(old.rollout or json.object({}), rollout) then
    return
  end
  list[#list + 1] = M.event("Normal", "DruidNodeRollingDeployWait", string.format(
    "Rolling update from %s to %s, one group at a time: %s", rollout.from, rollout.to, rollout.order))
end

-- What only counts on (restarts, exit codes, nodes) is no news.
local function without_numbers(text)
  return (text:gsub("%d+", "0"))
end

-- Troubles of a group are told when they appear, and again with the remedy when it is stuck. Gives the texts told, and
-- whether a group was told to be stuck.
local function new_troubles(old, new, entries, list)
  local known, told, by_key, stuck = {}, {}, {}, false
  for _, group in ipairs(old.groups or {}) do
    known[without_numbers(group.name .. ": " .. (group.message or ""))] = true
  end
  for _, entry in ipairs(entries) do
    by_key[entry.key] = entry
  end
  for _, group in ipairs(new.groups or {}) do
    local text = group.name .. ": " .. (group.message or "")
    if group.message and not known[without_numbers(text)] then
      local entry, failed = by_key[group.name], group.phase == "Failed"
      local is_stuck = entry and entry.stuck and not failed
      list[#list + 1] = M.event("Warning", failed and "DruidOperatorUpdateFail" or "DruidNodeErrorState",
        is_stuck and status.stuck_words(entry) or text)
      stuck = stuck or is_stuck
      told[text] = true
    end
  end
  return told, stuck
end

local function has(list, value)
  for _, one in ipairs(list or {}) do
    if one == value then
      return true
    end
  end
  return false
end

-- Notes are told when they appear: what could not be done, what is going to be done, and what else people should know.
local function new_notes(old, entries, list)
  local before = {}
  for _, group in ipairs(old.groups or {}) do
    before[group.name] = without_numbers(group.note or "")
  end
  for _, entry in ipairs(entries) do
    local same = before[entry.key] == without_numbers(names.cut(table.concat(entry.notes, "; "), 500))
    for _, text in ipairs(same and {} or entry.notes) do
      local kind, reason = "Warning", "DruidNodeNote"
      if has(entry.kept, text) or has(entry.refusals, text) then
        reason = "DruidOperatorUpdateFail"
      elseif has(entry.announced, text) then
        kind, reason = "Normal", "DruidNodeChangeAnnounced"
      end
      if not (before[entry.key] or ""):find(without_numbers(text), 1, true) then
        list[#list + 1] = M.event(kind, reason, entry.key .. ": " .. text)
      end
    end
  end
end

-- Workers: when one gets no new tasks any more, and when it is replaced, with the reason; that one takes tasks again is
-- told with what was written.
local function drains(old, new, entries, list)
  local before, now = {}, {}
  for _, worker in ipairs((old.middleManagerDrain or {}).workers or {}) do
    before[worker.name] = worker.phase
  end
  for _, entry in ipairs(entries) do
    for _, worker in ipairs(entry.workers or {}) do
      now[worker.name] = worker
    end
  end
  for _, worker in ipairs((new.middleManagerDrain or {}).workers or {}) do
    if before[worker.name] ~= worker.phase then
      if worker.phase == "Draining" then
        list[#list + 1] = M.event("Normal", "MiddleManagerDraining", string.format(
          "%s gets no new tasks; it goes when its tasks are done, deadline %s", worker.name, worker.deadline))
      elseif worker.phase == "WaitingForPod" then
        local known = now[worker.name] or {}
        list[#list + 1] = M.event("Normal", known.drained and "MiddleManagerDrained" or "MiddleManagerReplaced",
          worker.name .. " is replaced" .. (known.why and ": " .. known.why or ""))
      end
    end
  end
end

-- Historicals that begin to give their segments away.
local function historicals_leave(old, new, list)
  local known = {}
  for _, pod in ipairs(old.historicalsLeaving or {}) do
    known[pod.name] = true
  end
  for _, pod in ipairs(new.historicalsLeaving or {}) do
    if not known[pod.name] then
      list[#list + 1] = M.event("Normal", "HistoricalDraining", string.format(
        "%s gives its segments away%s; it goes when others have them, deadline %s", pod.name,
        pod.size and ", " .. queryable.size_text(pod.size) or "", pod.deadline))
    end
  end
end

local function volumes_kept(old, new, list)
  local known, fresh = {}, {}
  for _, name in ipairs(old.keptVolumes or {}) do
    known[name] = true
  end
  for _, name in ipairs(new.keptVolumes or {}) do
    if not known[name] then
      fresh[#fresh + 1] = name
    end
  end
  if #fresh > 0 then
    list[#list + 1] = M.event("Normal", "DruidVolumesKept", "Volumes that were scaled away are kept: "
      .. table.concat(fresh, ", ") .. ". deleteOrphanPvc deletes none alone; volumeRetention.whenScaled: Delete would")
  end
end

-- What is different in the new status, in order. entries: of the plan.
function M.of_change(old, new, entries)
  local list = {}
  rollout_started(old, new, list)
  drains(old, new, entries, list)
  historicals_leave(old, new, list)
  volumes_kept(old, new, list)
  if new.rollback and not json.equal(old.rollback or json.object({}), new.rollback) then
    list[#list + 1] = M.event("Warning", "DruidOperatorRollback", "Taking the update back to what was ready last: "
      .. new.rollback.reason)
  end
  local told, stuck = new_troubles(old, new, entries, list)
  new_notes(old, entries, list)
  local degraded = condition.find(new.conditions, "Degraded")
  local before = condition.find(old.conditions, "Degraded")
  local new_reason = not before or before.status ~= degraded.status or before.reason ~= degraded.reason
  stuck = stuck and M.of_stuck[degraded.reason]
  if degraded.status == "True" and new_reason and not stuck and not told[degraded.message] then
    list[#list + 1] = M.event("Warning", "DruidNodeErrorState", degraded.message)
  end
  if condition.is_true(new.conditions, "Ready") and not condition.is_true(old.conditions, "Ready") then
    list[#list + 1] = M.event("Normal", "DruidClusterReady", condition.find(new.conditions, "Ready").message)
  end
  return list
end

-- Told when the reason or the text of a condition is new.
function M.once(old, kind, reason, message)
  local before = condition.find(old.conditions, kind)
  if before and before.status == "True" and before.message == message then
    return nil
  end
  return M.event("Warning", reason, message)
end

return M
