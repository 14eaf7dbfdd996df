-- Says how a cluster is: the status of the Druid object. Pure.
--
-- From: the plan of the run, what went wrong in it, the pods, and the status before (for times of
-- change). It claims Ready only when nothing waits and every group is complete and ready by a status
-- its controller has brought up to date. Nothing in it changes while the world does not.
-- To override: `phase` (words for a group), `conditions`.

local condition = require "lib.condition"
local names = require "lib.names"
local rollout = require "druid.rollout"
local tables = require "lib.tables"

local M = {}

M.message_max = 800            -- of a group: the last lines of a log, and what helps
M.line_max = 80                -- status.message is a column of kubectl; conditions say all
M.write_pause_s = 2            -- counts are written at most this often; transitions at once

M.words_pause_s = 20           -- what only changes the words of a wait, such as segments still to load

-- Phases in which a group is expected to get on.
M.busy = { Creating = true, Rolling = true, Scaling = true }

-- One word for a group. before: the group in the last status, or nil.
function M.phase(entry, before)
  local state = entry.state
  local last = before and before.phase
  if entry.action == "wait" then
    return "Waiting"
  elseif entry.failed then
    return "Failed"
  elseif entry.succeeds then
    return "Rolling"   -- its pods are there: nothing comes up
  elseif entry.action == "create" or entry.coming_up then
    return "Creating"
  elseif entry.leave and entry.action ~= "go" then
    return "Scaling"
  elseif entry.rolled_back and state.settled and entry.action ~= "go" then
    return "RolledBack"
  elseif state.by_hand and entry.action ~= "go" then
    return "WaitingForHands"
  elseif state.settled and entry.action ~= "go" then
    return state.ready < state.total and "NotReady" or "Ready"
  elseif entry.action == "go" or (state.seen and state.rolling) then
    return last == "Creating" and "Creating" or "Rolling"
  elseif last == "Rolling" or last == "Creating" then
    return last
  elseif last == "Scaling" or (before and before.total ~= state.total) then
    return "Scaling"
  end
  -- Not seen yet: only its controller knows whether pods will change.
  return state.seen and "NotReady" or "Rolling"
end

-- What a group waits for that its user rolls.
function M.by_hand(entry)
  local strategy = tables.dig(entry.workload, "spec", "updateStrategy") or {}
  return string.format("%d of %d pods to be %s (updateStrategy %s)", entry.state.total - entry.state.updated,
    entry.state.total, strategy.type == "OnDelete" and "deleted by hand" or "let through",
    strategy.type == "OnDelete" and "OnDelete" or "with a partition")
end

-- When a group is done if the rest takes as long as what is done; told anew when it gets on.
local function eta(phase, state, before, moved, now)
  if phase ~= "Rolling" or not before or before.phase ~= "Rolling" then
    return nil
  elseif not moved then
    return before.eta
  end
  local since = clock.parse(before.since or "")
  if not since or state.updated == 0 or state.updated >= state.total or now <= since then
    return nil
  end
  return clock.rfc3339(now + (now - since) * (state.total - state.updated) // state.updated)
end

-- Why a group is stuck, and what helps.
local function stuck_text(entry)
  return entry.stuck.text .. "; " .. entry.ways_out
end

-- entry.trouble: text or nil; last: { [key] = group of the last status }.
local function group_status(entry, last, now)
  local before = last[entry.key]
  local phase = M.phase(entry, before)
  local state = entry.state
  local moved = M.busy[phase] and (not before or before.phase ~= phase or before.updated ~= state.updated
    or before.ready ~= state.ready)
  local message, note = entry.failed or entry.stuck and stuck_text(entry) or entry.trouble, table.concat(entry.notes, "; ")
  return {
    name = entry.key,
    nodeType = entry.type,
    workload = entry.group.name,
    ready = state.ready,
    updated = state.updated,
    total = state.exists and state.total or entry.workload.spec.replicas or 1,
    revision = state.revision,
    phase = phase,
    waitsFor = entry.waits_for and names.cut(entry.waits_for, 500) or phase == "WaitingForHands" and M.by_hand(entry) or nil,
    message = message and names.cut(message, M.message_max),
    note = note ~= "" and names.cut(note, 500) or nil,
    since = before and before.phase == phase and before.since or clock.rfc3339(now),
    progress = M.busy[phase] and (moved and clock.rfc3339(now) or before.progress) or nil,
    eta = eta(phase, state, before, moved, now),
  }
end

local function keys_of(groups, phases)
  local list = {}
  for _, group in ipairs(groups) do
    if phases[group.phase] then
      list[#list + 1] = group.name
    end
  end
  return list
end

-- What goes on, in one line.
local function progress_text(groups, ready, kept)
  local rolling, waiting = keys_of(groups, { Rolling = true }), keys_of(groups, { Waiting = true })
  local creating = keys_of(groups, { Creating = true })
  local scaling = keys_of(groups, { Scaling = true })
  local count = string.format("%d of %d groups ready", ready, #groups)
  if #creating > 0 then
    return "Creating", "Creating: " .. count .. ", waiting for " .. names.list(creating, 3)
  elseif #rolling > 0 then
    for _, group in ipairs(groups) do
      if group.phase == "Rolling" and group.waitsFor then
        return "RollingUpdate", string.format("%d/%d groups, waiting: %s", ready, #groups, group.waitsFor)
      end
    end
    local text = "Updating " .. names.list(rolling, 3)
    return "RollingUpdate", #waiting > 0 and text .. ", then " .. names.list(waiting, 3) or text
  elseif #waiting > 0 then
    for _, group in ipairs(groups) do
      if group.phase == "Waiting" then
        return "RollingUpdate", group.name .. " waits: " .. (group.waitsFor or "its turn")
      end
    end
  elseif #scaling > 0 then
    for _, group in ipairs(groups) do
      if group.phase == "Scaling" and group.waitsFor then
        return "Scaling", "Scaling " .. group.name .. ", waiting: " .. group.waitsFor
      end
    end
    return "Scaling", "Scaling " .. names.list(scaling, 3)
  elseif kept[1] then
    return "Removing", kept[1].name .. " is removed later: " .. kept[1].waits_for
  end
  return nil, nil
end

function M.stuck_words(entry)
  return entry.key .. " is stuck: " .. stuck_text(entry)
end

-- What is wrong: a reason and a text, or nil.
local function trouble(groups, facts)
  if facts.errors[1] then
    return "WriteFailed", facts.errors[1]
  end
  for _, group in ipairs(groups) do
    if group.phase == "Failed" then
      return "WriteFailed", group.name .. ": " .. group.message
    end
  end
  for _, one in ipairs(tables.concat(facts.entries, facts.kept)) do
    if one.blocked then
      return "DrainBlocked", (one.key or one.name) .. ": " .. one.blocked
    end
  end
  local stuck, others = nil, {}
  for _, entry in ipairs(facts.entries) do
    if entry.stuck and stuck then
      others[#others + 1] = entry.key
    end
    stuck = stuck or entry.stuck and entry
  end
  if stuck then
    return stuck.stuck.kind == "DeadlineExceeded" and "ProgressDeadlineExceeded" or "Stuck",
      M.stuck_words(stuck) .. (#others > 0 and "; stuck, too: " .. names.list(others, 3) or "")
  end
  for _, entry in ipairs(facts.entries) do
    if entry.trouble then
      return "PodsFailing", entry.key .. ": " .. entry.trouble
    end
  end
  if (facts.leaders or {}).trouble then
    return "NoLeader", facts.leaders.trouble .. ": look at their logs, and at ZooKeeper or what else they elect with"
  end
  for _, group in ipairs(groups) do
    if group.phase == "NotReady" then
      return "GroupNotReady", string.format("%s has %d of %d pods ready", group.name, group.ready, group.total)
    end
  end
  if facts.taken_back then
    return "RolledBack", facts.taken_back
  end
  return nil, nil
end

-- Sets whose pods leave: of groups that get smaller, and of those that are removed.
local function leaving(entries, kept)
  local list = {}
  for _, one in ipairs(tables.concat(entries, kept)) do
    if one.leavers then
      list[#list + 1] = { leavers = one.leavers, words = one.blocked or one.waits_for }
    end
  end
  return list
end

-- Historicals that give their segments away before they go, or nil.
function M.historicals_leaving(entries, kept)
  local list = {}
  for _, one in ipairs(leaving(entries, kept)) do
    for _, pod in ipairs(one.leavers.type == "historical" and one.leavers.pods or {}) do
      list[#list + 1] = { name = pod.name, revision = pod.revision, size = pod.count, phase = pod.phase, since = pod.since,
        deadline = pod.deadline }
    end
  end
  return tables.filled(list)
end

-- Workers that are emptied or replaced now: the first of them as apache/druid-operator tells it, and all.
function M.drain(entries, kept, old)
  local all, first = {}, nil
  local function add(set, words, worker)
    first = first or { set = set, words = words, worker = worker }
    local told = tables.shallow(worker)
    told.uid, told.count, told.tasks, told.why, told.drained = nil, nil, worker.tasks or worker.count, nil, nil
    all[#all + 1] = told
  end
  for _, entry in ipairs(entries) do
    for _, worker in ipairs(entry.workers or {}) do
      add(entry.group.name, entry.blocked or entry.waits_for, worker)
    end
  end
  for _, one in ipairs(leaving(entries, kept)) do
    for _, worker in ipairs(one.leavers.type ~= "historical" and one.leavers.pods or {}) do
      add(one.leavers.set, one.words, worker)
    end
  end
  if not first then
    return nil
  end
  local worker = first.worker
  local before = old.middleManagerDrain or {}
  local same = before.podName == worker.name and before.phase == worker.phase
  return {
    statefulSet = first.set, phase = worker.phase, podName = worker.name,
    podOrdinal = math.tointeger(tonumber(worker.name:match("%-(%d+)$") or "")), oldPodUID = worker.uid,
    lastTransitionTime = same and before.lastTransitionTime or clock.rfc3339(clock.now()),
    message = first.words, workers = all,
  }
end

function M.is_ready(summary)
  return summary.ready == summary.total and not summary.progress_reason and not summary.leaderless
end

function M.conditions(summary)
  local all_ready = M.is_ready(summary)
  local degraded = summary.trouble_reason ~= nil
  return {
    { type = "Ready", status = all_ready and "True" or "False",
      reason = all_ready and "AllGroupsReady" or summary.progress_reason or summary.trouble_reason
        or "GroupNotReady",
      message = all_ready and string.format("All %d groups are ready", summary.total) or summary.message },
    { type = "Progressing", status = summary.progress_reason and "True" or "False",
      reason = summary.progress_reason or "Complete",
      message = summary.progress_text or "Nothing is being changed" },
    { type = "Degraded", status = degraded and "True" or "False",
      reason = summary.trouble_reason or "AsExpected",
      message = summary.trouble_text or "Nothing is wrong" },
    { type = "PolicyError", status = "False", reason = "PolicyRuns", message = "The policy runs" },
  }
end

-- What the Druid object asks for and no server lets change: told by a condition that is there only then.
local function kept_fields(entries)
  for _, entry in ipairs(entries) do
    local text = (entry.kept or {})[1]
    if text then
      return { { type = "FieldsKept", status = "True", message = entry.key .. ": " .. text,
        reason = text:find("volumes cannot shrink", 1, true) and "VolumesCannotShrink" or "ImmutableField" } }
    end
  end
  return {}
end

-- The block that dashboards and Argo CD have been reading for years.
local function legacy(summary, groups)
  if M.is_ready(summary) then
    return { druidNode = "All", druidNodeConditionStatus = "True",
      druidNodeConditionType = "DruidClusterReady", reason = "All Druid Nodes are in Ready Condition" }
  end
  local kind = summary.trouble_reason and "DruidNodeErrorState" or "DruidNodeRollingUpdate"
  local node = "All"
  for _, group in ipairs(groups) do
    if group.phase ~= "Ready" then
      node = group.workload
      break
    end
  end
  return { druidNode = node, druidNodeConditionStatus = "True", druidNodeConditionType = kind,
    reason = names.cut(summary.message, 250) }
end

-- A cluster that was Ready by this very generation and policy stays so through a failure that passes.
local function was_ready(cluster, old, policy_version)
  return old.observedGeneration == cluster.generation and old.policyVersion == policy_version
    and condition.is_true(old.conditions, "Ready")
end

-- cluster: the cluster; old: its last status (plain table); facts: { entries = sorted entries of the
-- plan, errors = texts, unwritten = why the run ended before all was written, or nil, kept = workloads that are
-- removed later, conditions = more of them, lists = names by kind, rollout =, policy_version = }; now: seconds.
function M.compose(cluster, old, facts, now)
  local last, groups, ready = {}, {}, 0
  for _, group in ipairs(old.groups or {}) do
    last[group.name] = group
  end
  for i, entry in ipairs(rollout.sort(facts.entries)) do
    groups[i] = group_status(entry, last, now)
    if groups[i].phase == "Ready" or (groups[i].phase == "WaitingForHands" and groups[i].ready == groups[i].total) then
      ready = ready + 1
    end
  end
  local summary = { ready = ready, total = #groups }
  summary.progress_reason, summary.progress_text = progress_text(groups, ready, facts.kept)
  if facts.left then
    summary.progress_reason = summary.progress_reason or "Writing"
    summary.progress_text = string.format("%s (%d still to be written)", summary.progress_text or "Writing",
      facts.left)
  end
  summary.leaderless = (facts.leaders or {}).leaderless
  if summary.leaderless and not facts.leaders.trouble and not summary.progress_reason then
    summary.progress_reason, summary.progress_text = "WaitingForLeader", "Waiting: " .. summary.leaderless
  end
  summary.trouble_reason, summary.trouble_text = trouble(groups, facts)
  if facts.unwritten and not summary.progress_reason and not summary.trouble_reason
    and not was_ready(cluster, old, facts.policy_version) then
    summary.progress_reason = "Writing"
    summary.progress_text = "Not all is written yet, it is tried again: " .. facts.unwritten
  end
  summary.message = names.cut(summary.trouble_text or summary.progress_text or "Ready", 250)
  local status = tables.merge(facts.lists, {
    observedGeneration = cluster.generation,
    policyVersion = facts.policy_version,
    message = names.cut(summary.message, M.line_max),
    readyGroups = string.format("%d/%d", ready, #groups),
    groups = groups,
    rollback = facts.rollback or (old.rollback or {}).generation == cluster.generation and old.rollback or nil,
    middleManagerDrain = M.drain(facts.entries, facts.kept, old),
    historicalsLeaving = M.historicals_leaving(facts.entries, facts.kept),
    keptVolumes = M.kept_volumes(facts.orphans, old),
    volumesResizing = tables.filled(facts.resizing or {}),
    rollout = summary.progress_reason == "RollingUpdate" and facts.rollout or nil,
    conditions = condition.merge(old.conditions, tables.concat(
      tables.concat(M.conditions(summary), kept_fields(facts.entries)), facts.conditions),
      cluster.generation, clock.rfc3339(now)),
    druidNodeStatus = legacy(summary, groups),
  })
  return status
end

-- What is remembered of an update: direction, as druid.rollout.direction gives it.
function M.rollout(direction)
  return { from = direction.from, to = direction.to, order = direction.why }
end

-- The first of the volumes that were scaled away and are kept, or nil. orphans: nil when nobody has looked.
function M.kept_volumes(orphans, old)
  if not orphans then
    return old.keptVolumes
  elseif #orphans == 0 then
    return nil
  end
  return table.move(orphans, 1, math.min(#orphans, 20), 1, {})
end

-- A status for a run that did not get to the groups: the old one with other conditions.
-- reason/message: for Ready and Degraded; degraded: whether something is wrong.
function M.stopped(cluster, old, reason, message, degraded, now)
  local wanted = {
    { type = "Ready", status = "False", reason = reason, message = message },
    { type = "Progressing", status = "False", reason = reason, message = message },
    { type = "Degraded", status = degraded and "True" or "False", reason = reason, message = message },
    { type = "PolicyError", status = "False", reason = "PolicyRuns", message = "The policy runs" },
  }
  local ready = condition.find(old.conditions, "Ready")
  if ready and (reason == "Paused" or reason == "OtherOperator" or degraded) then
    -- Nothing was touched: the cluster is as ready as it was.
    wanted[1] = { type = "Ready", status = ready.status, reason = ready.reason, message = ready.message }
  end
  for _, other in ipairs(old.conditions or {}) do
    if not condition.find(wanted, other.type) then
      wanted[#wanted + 1] = other
    end
  end
  local status = tables.shallow(old)
  status.message = names.cut(message, M.line_max)
  status.conditions = condition.merge(old.conditions, wanted, cluster.generation, clock.rfc3339(now))
  return status
end

-- What there is to say of an object of which nothing was ever said, when a run raised an error.
function M.failed(object, message)
  return { message = names.cut("The policy failed: " .. message, M.line_max),
    readyGroups = "0/" .. #tables.keys(object.spec.nodes) }
end

-- Everything whose change people wait for, as text; counts and times left out.
local function essence(status)
  local parts = { tostring(status.observedGeneration), tostring(status.policyVersion),
    json.encode(status.rollout or json.object({})) }
  for _, one in ipairs(status.conditions or {}) do
    parts[#parts + 1] = one.type .. one.status .. (one.reason or "")
  end
  for _, worker in ipairs((status.middleManagerDrain or {}).workers or {}) do
    parts[#parts + 1] = worker.name .. worker.phase
  end
  for _, pod in ipairs(status.historicalsLeaving or {}) do
    parts[#parts + 1] = pod.name .. pod.phase
  end
  for _, group in ipairs(status.groups or {}) do
    local phase = (group.phase == "Creating" or group.phase == "Ready") and "up" or group.phase
    parts[#parts + 1] = group.name .. phase
  end
  return table.concat(parts, "\n")
end

local function counts(status)
  local parts = {}
  for _, group in ipairs(status.groups or {}) do
    parts[#parts + 1] = string.format("%s %d %d %d", group.name, group.ready or 0, group.updated or 0, group.total or 0)
  end
  return table.concat(parts, "\n")
end

-- Milliseconds by which writing `new` may be put off, so that a cluster whose pods come up one after
-- the other is not written for each; 0 = write now. Changes `new`: it gets the time of the write.
function M.put_off(old, new, now)
  local written = clock.parse(old.progressTime or "")
  new.progressTime = old.progressTime
  if json.equal(old, new) then
    return 0
  end
  local pause = counts(old) == counts(new) and M.words_pause_s or M.write_pause_s
  local wait = written and written + pause - now or 0
  if wait > 0 and wait <= pause and essence(old) == essence(new) then
    return wait * 1000
  end
  new.progressTime = clock.rfc3339(now)
  return 0
end

-- Rows for `nemeton status`: from the object's own status.
function M.summary(object)
  local rows = {}
  for i, group in ipairs((object.status or {}).groups or {}) do
    rows[i] = { group = group.name, ready = group.ready, total = group.total,
      waits = group.waitsFor or group.message or group.note or "" }
  end
  return rows
end

return M
