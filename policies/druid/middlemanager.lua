-- Decides how the workers of one StatefulSet (MiddleManagers, Indexers) are replaced without a task lost. Pure.
--
-- A worker is disabled, so that it gets no new tasks; when its tasks are done its pod is replaced; the new one
-- is enabled by itself. From: the set as druid.rollout.step has it, what was noted about workers (`records`, in an
-- annotation of the set), and what Druid said (`facts`, see druid.rollout.workers):
--   worker(pod)     how the Overlord lists it: { host =, tasks = ids, disabled = }, nil when it does not
--   overlord        "yes", "no" (nobody answers), "none" (it has no workers to list: tasks run as Jobs)
--   enabled(pod)    whether it takes tasks; nil when the worker gives no answer
--   tasks(pod)      ids that it says run on it; nil when it gives no answer
--   status(id)      what the Overlord says of one task: "RUNNING", "PENDING", "SUCCESS" …, "gone"; nil: no answer
-- `next` gives { act = "wait" | "replace" | "release", pod =, records =, waits_for =, blocked = words,
-- calls = list of { op = "disable" | "enable" | "hand_off", pod =, host =, tasks = }, notes = texts, back = what to
-- tell of workers that take tasks again }.
-- A record: { uid =, phase = "drain" | "restart" | "enable", since =, host =, asked = Druid has answered for it, why = of
-- the replacement, drained = it had nothing to do }. It goes when the worker is known to take tasks, never before: what
-- was disabled by an operator that died is enabled by the next one.
-- To override: `config` for other defaults, `compare` for another order, `emptiness` for another proof.

local durations = require "lib.duration"
local step = require "druid.rollout.step"
local tables = require "lib.tables"

local M = {}

M.types = { middleManager = true, indexer = true }
M.drain_s, M.ready_s = 3600, 1800
M.confirm_s = 10     -- empty for so long: a task that was just given to it shows late
M.denied_s = 120     -- tasks that the Overlord lists and the worker denies are given up after so long
M.unseen_s = 120     -- the word of the Overlord alone, or of the worker alone, counts after so long
M.over = { SUCCESS = true, FAILED = true, gone = true }

-- The strategy of a group. A block without onTimeout proceeds, as in apache/druid-operator; no block holds.
function M.config(cluster, group)
  local block = group.node.middleManagerDrainStrategy or cluster.spec.middleManagerDrainStrategy
  local given = block or {}
  return {
    strategy = tables.text(given.strategy) or "drain",
    drain_s = durations.seconds(given.drainTimeout) or M.drain_s,
    ready_s = durations.seconds(given.podReadyTimeout) or M.ready_s,
    on_timeout = tables.text(given.onTimeout) or (block and "proceed" or "hold"),
    max_unavailable = given.maxUnavailable,
    when_deleted = tables.text(given.whenDeleted) or "none",
  }
end

-- Whether workers of a cluster are emptied before it is deleted.
function M.drains_when_deleted(cluster)
  for _, group in ipairs(cluster.groups) do
    if M.types[group.type or ""] and group.kind == "StatefulSet" and M.config(cluster, group).when_deleted == "drain" then
      return true
    end
  end
  return false
end

-- How many of `total` may be away: a number, or a percentage rounded down; at least 1.
function M.limit(max_unavailable, total)
  local count = max_unavailable
  if type(count) == "string" then
    local percent = tonumber(count:match("^(%d+)%%$"))
    count = percent and total * percent // 100 or tonumber(count)
  end
  return math.max(1, math.tointeger(count or 1) or 1)
end

-- The idlest goes first, then the highest ordinal.
function M.compare(a, b, tasks)
  local x, y = tasks[a.name] or 0, tasks[b.name] or 0
  if x ~= y then
    return x < y
  end
  return a.ordinal > b.ordinal
end

local function count_text(count)
  return count == 1 and "1 task" or string.format("%d tasks", count)
end

-- Whether a worker takes tasks: its own word, else that of the Overlord; nil when nobody says.
function M.takes_tasks(pod, facts)
  local own = facts.enabled(pod)
  if own ~= nil then
    return own
  end
  local listed = facts.overlord == "yes" and facts.worker(pod) or nil
  return listed and not listed.disabled
end

-- Tasks that the Overlord lists and the worker denies, looked at one by one: those that have not ended, with words, and
-- whether one of them may still be on its way to the worker, or cannot be asked about.
local function denied_tasks(tasks, facts)
  local left, texts, open = {}, {}, false
  for _, id in ipairs(tasks) do
    local status = facts.status(id)
    if not M.over[status or ""] then
      left[#left + 1], texts[#texts + 1] = id, id .. " (" .. (status or "no answer") .. ")"
      open = open or status ~= "RUNNING"
    end
  end
  return left, table.concat(texts, ", "), open
end

-- A worker that runs nothing is empty when it gets nothing either: it says that it is disabled, or the Overlord does; or
-- it is broken, or the Overlord does not know it. Words for what is missing, or nil.
local function may_get_more(pod, facts, own, listed)
  local takes = M.takes_tasks(pod, facts)
  if takes == false or not own and (not pod.ready or not listed) then
    return nil
  end
  return pod.name .. (takes and " runs no task, but it takes tasks still"
    or " runs no task; whether it takes tasks is not known")
end

-- Whether a worker has nothing to do any more. memory: { empty =, denied = since when }, changed here.
-- Gives "empty", "denied" (the Overlord lists tasks that the worker denies), "busy" or "unknown", with words.
function M.emptiness(pod, facts, memory, now)
  local listed = facts.overlord == "yes" and facts.worker(pod) or nil
  local theirs = listed and listed.tasks or {}
  local own = facts.tasks(pod)
  local texts, open
  if own and #own == 0 and #theirs > 0 then
    theirs, texts, open = denied_tasks(theirs, facts)
  end
  if own and #own > 0 then
    memory.empty, memory.denied = nil, nil
    return "busy", string.format("%s runs %s", pod.name, count_text(#own)), own
  elseif own and #theirs > 0 then
    memory.empty = nil
    memory.denied = memory.denied or now
    if now - memory.denied >= M.denied_s and not open then
      return "denied", string.format("the Overlord lists %s on %s that the worker denies", texts, pod.name)
    end
    return "busy", string.format("the Overlord lists %s on %s that the worker denies", count_text(#theirs), pod.name), theirs
  elseif not own and facts.overlord ~= "yes" then
    memory.empty, memory.denied = nil, nil
    return "unknown", "neither the Overlord nor " .. pod.name .. " can be asked"
  elseif #theirs > 0 then
    memory.empty, memory.denied = nil, nil
    return "busy", string.format("%s runs %s", pod.name, count_text(#theirs)), theirs
  end
  memory.denied = nil
  local more = may_get_more(pod, facts, own, listed)
  if more then
    memory.empty = nil
    return "unknown", more
  end
  memory.empty = memory.empty or now
  local enough = own and facts.overlord ~= "no" and M.confirm_s or M.unseen_s
  if now - memory.empty >= enough then
    return "empty"
  end
  return "unknown", pod.name .. " runs no task; it is asked once more"
end

-- Words for when a wait ends, and for one that did not end by then. remedy: what a person can do.
function M.deadline_words(config, since)
  return string.format(config.on_timeout == "proceed" and ", until %s at most" or ", deadline %s",
    clock.rfc3339(since + config.drain_s))
end

M.remedy = "let its tasks end, end them, or write onTimeout: proceed"

function M.held_words(words, config, remedy)
  return string.format("%s after %s; it is held: %s", words, durations.text(config.drain_s), remedy or M.remedy)
end

-- What is said of an empty worker where its own word had to do, or nil.
function M.alone_words(pod, facts)
  return facts.overlord == "no" and pod.name .. " says that it runs no task; the Overlord could not be asked" or nil
end

-- One worker under drain. Gives true when it may go, else false and words; adds to plan.
local function drained(pod, record, facts, options, plan)
  local config, now = options.config, options.now
  local late = now - record.since >= config.drain_s
  local state, words, tasks = M.emptiness(pod, facts, options.memory(pod), now)
  if state == "empty" then
    record.drained = true
    plan.notes[#plan.notes + 1] = M.alone_words(pod, facts)
    return true, "no task is left on it"
  elseif state == "denied" then
    plan.notes[#plan.notes + 1] = words
    return true, words
  end
  if facts.enabled(pod) ~= false then
    -- Not yet, or its process was started anew: the flag is in memory only.
    plan.calls[#plan.calls + 1] = { op = "disable", pod = pod, host = record.host }
  elseif tasks and not record.handed then
    record.handed = true
    plan.calls[#plan.calls + 1] = { op = "hand_off", pod = pod, tasks = tasks }
  end
  if state == "unknown" and options.blind(record) then
    plan.notes[#plan.notes + 1] = pod.name .. " is replaced without a drain, for Druid could not be asked"
    return true, "Druid could not be asked for its tasks"
  elseif not late then
    return false, words .. M.deadline_words(config, record.since)
  elseif config.on_timeout == "proceed" then
    words = words .. " after " .. durations.text(config.drain_s)
    plan.notes[#plan.notes + 1] = words .. "; it is replaced nevertheless"
    return true, words
  end
  plan.blocked = M.held_words(words, config)
  return false, plan.blocked
end

-- One worker that was replaced. Gives true when it is back.
local function is_back(pod, record, facts, options, plan)
  local takes = M.takes_tasks(pod, facts)
  if pod.ready and (takes or options.blind(record)) then
    plan.back[#plan.back + 1] = takes and pod.name .. " is back and takes tasks" or nil
    return true
  elseif pod.ready and takes == false then
    plan.calls[#plan.calls + 1] = { op = "enable", pod = pod, host = record.host }
  end
  local words = pod.ready and pod.name .. " is not among the Overlord's workers yet" or pod.name .. " is not ready"
  if options.now - record.since >= options.config.ready_s then
    plan.blocked = words .. " after " .. durations.text(options.config.ready_s)
  end
  return false, words
end

-- One worker that shall work on. Gives true when it does, or when nobody can be told: then that is said.
local function works_again(pod, record, facts, options, plan)
  if M.takes_tasks(pod, facts) then
    plan.back[#plan.back + 1] = pod.name .. " takes tasks again"
    return true
  end
  local listed = facts.overlord == "yes" and facts.worker(pod)
  plan.calls[#plan.calls + 1] = { op = "enable", pod = pod, host = record.host or listed and listed.host or nil }
  if options.blind(record) or options.now - record.since >= options.config.ready_s then
    plan.notes[#plan.notes + 1] = pod.name .. " could not be told to take tasks again; it does after a restart of its process"
    return true
  end
  return false, pod.name .. " is told to take tasks again"
end

-- Goes through the workers that something was noted about. Gives words to wait for, the pod to replace now,
-- and how many of those are not away otherwise.
local function go_on(set, rows, facts, options, plan)
  local words, ready_to_go, busy = nil, nil, 0
  for _, name in ipairs(tables.keys(set.records)) do
    local record, pod = tables.shallow(set.records[name]), rows[name]
    plan.records[name] = record
    if not pod or pod.deleting then
      record.phase = "restart"
      words = words or name .. " is being replaced"
    elseif pod.uid ~= record.uid or record.phase == "restart" and pod.revision == set.revision then
      record.phase = "restart"
      local good, why = is_back(pod, record, facts, options, plan)
      plan.records[name] = not good and record or nil
      busy = busy + (not good and pod.ready and 1 or 0)
      words = words or why
    elseif pod.revision == set.revision or options.stop then
      -- Taken back, or paused: it shall work again.
      if record.phase ~= "enable" then
        record = { uid = pod.uid, phase = "enable", since = options.now, host = record.host, asked = record.asked }
      end
      local done, why = works_again(pod, record, facts, options, plan)
      plan.records[name] = not done and record or nil
      words = words or why
    else
      if record.phase == "enable" then
        record.phase, record.since = "drain", options.now   -- the update goes on
      end
      local may_go, why = drained(pod, record, facts, options, plan)
      busy = busy + 1
      if may_go and not ready_to_go then
        ready_to_go, record.why = pod, why
      else
        words = words or not may_go and why or nil
      end
    end
  end
  return words, ready_to_go, busy
end

local function begin(candidates, facts, options, plan, room)
  local load = {}
  for _, pod in ipairs(candidates) do
    local listed = facts.overlord == "yes" and facts.worker(pod)
    load[pod.name] = listed and #listed.tasks or 0
  end
  table.sort(candidates, function(a, b) return M.compare(a, b, load) end)
  for i = 1, math.min(room, #candidates) do
    local pod = candidates[i]
    local listed = facts.overlord == "yes" and facts.worker(pod)
    plan.records[pod.name] = { uid = pod.uid, phase = "drain", since = options.now,
      host = listed and listed.host or nil, asked = (listed or facts.enabled(pod) ~= nil) and true or nil }
    plan.calls[#plan.calls + 1] = { op = "disable", pod = pod, host = listed and listed.host or nil }
  end
  return candidates[1] and candidates[1].name .. " gets no new tasks"
end

-- Takes back what was asked of workers whose set is let go: its pods are replaced by somebody else from now on. Those
-- that are gone, or were replaced, have nothing to be told. As `next`; "release" when all is done.
function M.give_back(set, facts, options)
  local plan, rows = { act = "release", records = {}, calls = {}, notes = {}, back = {} }, {}
  for _, pod in ipairs(set.pods) do
    rows[pod.name] = pod
  end
  for _, name in ipairs(tables.keys(set.records)) do
    local record, pod = set.records[name], rows[name]
    if pod and not pod.deleting and pod.uid == record.uid then
      if record.phase ~= "enable" then
        record = { uid = pod.uid, phase = "enable", since = options.now, host = record.host, asked = record.asked }
      end
      local done, why = works_again(pod, record, facts, options, plan)
      if not done then
        plan.act, plan.records[name], plan.waits_for = "wait", record, plan.waits_for or why
      end
    end
  end
  return plan
end

-- options: { now =, config = see above, stop = words, others = words, memory(pod) = a table kept in memory,
--   blind(record) = Druid has been silent for too long }.
function M.next(set, facts, options)
  local seen, rows = step.survey(set, options.now), {}
  for _, pod in ipairs(set.pods) do
    rows[pod.name] = pod
  end
  local plan = { act = "wait", records = {}, calls = {}, notes = {}, back = {} }
  if not set.seen then
    plan.records, plan.waits_for = set.records, "the StatefulSet controller has not seen the change yet"
    return plan
  end
  local words, ready_to_go, busy = go_on(set, rows, facts, options, plan)
  plan.waits_for = options.stop or words
  local function replace(pod, why)
    plan.act, plan.pod, plan.why = "replace", pod, why
    plan.records[pod.name] = tables.merge(plan.records[pod.name], { uid = pod.uid, phase = "restart", since = options.now,
      why = why })
  end
  local away = #seen.gone + #seen.starting
  local room = M.limit(options.config.max_unavailable, set.total) - away - busy
  if options.stop then
    return plan
  elseif ready_to_go then
    replace(ready_to_go, plan.records[ready_to_go.name].why)
    return plan
  end
  local candidates = {}
  for _, pod in ipairs(seen.broken) do
    -- A worker that is not ready and names no task has none to lose.
    if away == 0 and not plan.pod and not plan.records[pod.name] and #(facts.tasks(pod) or {}) == 0 then
      replace(pod, "its revision is out of date and it is not ready")
    end
  end
  for _, list in ipairs({ seen.old, seen.broken }) do
    for _, pod in ipairs(list) do
      if not plan.records[pod.name] then
        candidates[#candidates + 1] = pod
      end
    end
  end
  if plan.pod then
    return plan
  elseif options.others then
    plan.waits_for = options.others
  elseif #candidates > 0 and room > 0 and options.config.strategy ~= "drain" then
    replace(step.sort(candidates)[1], "the update is rolled out worker by worker")
  elseif #candidates > 0 and room > 0 then
    local begun = begin(candidates, facts, options, plan, room)
    plan.waits_for = plan.waits_for or begun
  elseif away > 0 then
    plan.waits_for = plan.waits_for or (seen.gone[1] and seen.gone[1] .. " is being replaced"
      or seen.starting[1].name .. " is not ready")
  elseif #candidates == 0 and next(plan.records) == nil and #seen.shaky == 0 then
    plan.act = "release"
  else
    plan.waits_for = plan.waits_for or (seen.shaky[1] and seen.shaky[1].name .. " is not ready")
  end
  return plan
end

M.phases = { drain = "Draining", restart = "WaitingForPod", enable = "Enabling" }

-- Workers for people, in the status.
function M.told(set, plan, facts, config)
  local list, rows = {}, {}
  for _, pod in ipairs(set.pods) do
    rows[pod.name] = pod
  end
  for _, name in ipairs(tables.keys(plan.records)) do
    local record, pod = plan.records[name], rows[name]
    local draining = record.phase == "drain"
    local tasks = pod and not pod.deleting and draining and facts.tasks(pod) or nil
    local enabled = nil
    if pod and not pod.deleting then
      enabled = M.takes_tasks(pod, facts)
    end
    list[#list + 1] = { name = name, uid = record.uid, revision = pod and pod.revision,
      enabled = enabled, tasks = tasks and #tasks or nil, why = record.why, drained = record.drained,
      phase = plan.blocked and plan.blocked:find(name, 1, true) and "Blocked" or M.phases[record.phase],
      since = clock.rfc3339(record.since),
      deadline = clock.rfc3339(record.since + (draining and config.drain_s or config.ready_s)) }
  end
  return list
end

return M
