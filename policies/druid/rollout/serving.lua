-- Asks the pods that Kubernetes has replaced by itself whether they serve, before the next group restarts.
--
-- What druid.rollout.step steps is asked pod by pod on its way. A Deployment, and a Broker, Router, Overlord or Coordinator
-- that is alone, is rolled by Kubernetes, whose Ready says what their probes say and no more. So every pod of such a group
-- before the next one has to answer for itself, at the path that druid.rollout.questions has for its type. One that says no is
-- waited for. One that gives no answer is waited for as there; then what Kubernetes says has to do, and the note of the
-- group that goes says so; a group to which there is no way is not waited for longer because another one answers. A group
-- that its user rolls is not asked.
-- Nobody is asked while nothing waits. An answer stands for `ask_again_ms`, and is kept in memory: it may be lost at
-- any time. To override: `is_asked`, or replace `new` by a function that gives nil.

local durations = require "lib.duration"
local pods = require "druid.pods"
local queryable = require "druid.rollout.queryable"
local questions = require "druid.rollout.questions"
local step = require "druid.rollout.step"
local stuck = require "druid.stuck"
local world = require "druid.world"

local M = {}

M.ask_again_ms = 5000   -- between questions to Druid
M.silent_max = 2        -- pods that give no answer, after which no other one is asked in this run
M.forget_ms = 60000     -- of another wait

-- uid of a cluster = { at_ms =, since_ms = of this wait, pods = text, words = or nil, note = or nil, good = set of those that
-- serve }
local memory = {}

-- Whether a group before the next one has to say for itself that it serves.
function M.is_asked(cluster, entry)
  local state = entry.state
  return state.exists and state.total > 0 and not state.ungated and not step.is_wanted(cluster, entry)
end

-- The pods to be asked: { pod =, type =, group =, key = of this start of it }; and words while a cache is behind.
local function pods_of(druid, cluster, groups)
  local list, behind = {}, nil
  for _, entry in ipairs(groups) do
    if M.is_asked(cluster, entry) then
      local count = 0
      for _, pod in ipairs(world.pods(druid.kube, cluster, entry.group, entry.live)) do
        local row = pods.row(pod)
        if row.ready and not row.deleting then
          count = count + 1
          list[#list + 1] = { pod = pod, type = entry.type, group = entry.key, key = row.uid .. " " .. row.restarts }
        end
      end
      behind = behind or count < entry.state.total and entry.key .. " is asked in a moment whether it serves" or nil
    end
  end
  return list, behind
end

-- Whether a group that gives no answer has a pod that did: then there is a way to it.
local function has_answered(list, good, lost)
  for _, one in ipairs(list) do
    if lost[one.group] and good[one.key] then
      return true
    end
  end
  return false
end

-- Words to wait for, or nil; and a note when nobody could be asked for too long.
local function ask(druid, cluster, list, good)
  local silent, trouble, lost = 0, nil, {}
  for _, one in ipairs(list) do
    if not good[one.key] and silent < M.silent_max then
      local yes, err = questions.answers(druid, one.pod, one.type)
      if yes then
        good[one.key] = true
      elseif not err or err.code == "busy" then
        return one.pod.metadata.name .. (err and " is asked in a moment whether it serves" or queryable.not_serving)
      else
        silent, trouble, lost[one.group] = silent + 1, trouble or err, true
      end
    end
  end
  if not questions.is_silent(cluster, trouble, has_answered(list, good, lost), clock.now()) then
    return trouble and "Druid cannot be asked: " .. trouble.message or nil
  end
  return nil, "Druid could not be asked whether the groups before it serve, so it goes by what Kubernetes says: "
    .. trouble.message
end

-- What is known of these pods; they are asked when that is too old.
local function look(druid, cluster, list)
  local keys = {}
  for i, one in ipairs(list) do
    keys[i] = one.key
  end
  local text, now_ms, known = table.concat(keys, "\n"), clock.now_ms(), memory[cluster.uid]
  if known and known.pods == text and now_ms - known.at_ms < M.ask_again_ms then
    return known
  end
  local good = known and now_ms - known.at_ms < M.forget_ms and known.good or {}
  local since_ms = known and known.words and now_ms - known.at_ms < M.forget_ms and known.since_ms or now_ms
  local words, note = ask(druid, cluster, list, good)
  known = { at_ms = now_ms, pods = text, words = words, note = note, good = words and good or {}, since_ms = since_ms }
  memory[cluster.uid] = known
  return known
end

-- What is waited for longer than a group may stand still is told as everything that is stuck; nothing is taken back for it.
local function tell_overdue(cluster, entry, known)
  local deadline_s = stuck.deadline(cluster, entry.group)
  if known.since_ms and (clock.now_ms() - known.since_ms) // 1000 >= deadline_s then
    entry.stuck = { kind = "NotServing", text = known.words .. ", for more than " .. durations.text(deadline_s),
      remedy = "look at kubectl logs of this pod; rollingDeploy: false lets the groups go without questions" }
    entry.ways_out = stuck.ways_out(cluster, entry.stuck, false)
  end
end

-- A function for druid.rollout.decide: given the groups before the next one, and that, it gives what they wait for to
-- serve in words, or nil. nil where nobody is asked at all. druid: as druid.client.open gives it.
function M.new(druid, cluster)
  if druid.previewing then
    return nil
  end
  return function(groups, next_group)
    local list, behind = pods_of(druid, cluster, groups)
    local known = behind and { words = behind } or #list > 0 and look(druid, cluster, list) or {}
    if known.words then
      next_group.again_ms = M.ask_again_ms
      tell_overdue(cluster, next_group, known)
    elseif known.note then
      table.insert(next_group.notes, known.note)
    end
    return known.words
  end
end

function M.forget(uid)
  memory[uid or ""] = nil
end

return M
