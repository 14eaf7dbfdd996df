-- Says whether somebody leads the Coordinators and the Overlords: a cluster whose pods are all ready but that nobody
-- leads is Degraded, and an update goes no further.
--
-- Druid is asked when pods of these processes have changed and all are ready again: one round. While nobody leads
-- it is asked again, every 5 s at first, later once a minute. In a cluster in which nothing changes it is not asked at
-- all; one that was Ready when this process first looked at it counts as led. A Druid that cannot be asked (no way to
-- it, a password that is not given) is asked for spec.druidTimeout and then left alone until these pods change,
-- which the condition DruidLeaders says; the cluster is then as ready as Kubernetes says.
-- What was asked is kept in memory and may be lost at any time. `judge` is pure.

local address = require "druid.client.address"
local condition = require "lib.condition"
local coordinator = require "druid.client.coordinator"
local durations = require "lib.duration"
local observed = require "druid.observed"
local tables = require "lib.tables"
local world = require "druid.world"

local M = {}

M.condition = "DruidLeaders"
M.grace_s = 60                       -- an election takes a while
M.ask_ms, M.ask_ms_max = 5000, 60000
M.behind_ms = 2000                   -- until a cache that is behind is looked at again
M.unasked_s = 60                     -- unless spec.druidTimeout says otherwise
M.answer_ms = 2000                   -- the run does nothing else meanwhile, and it is asked again

local roles = { { name = "coordinator", who = "the Coordinators" }, { name = "overlord", who = "the Overlords" } }

-- Errors of a Druid that answers, and will not answer otherwise by itself.
local lasting = { no_credentials = true, unauthorized = true, forbidden = true, certificate = true }

-- Is that what a Druid without a leader says? It names nobody, and its Router knows no destination; a 404 or 503 of
-- something between it and the operator says nothing about leaders. (facts 5.1, 6)
function M.is_leaderless(err)
  return err.code == "unavailable"
    and (not err.status or err.status == 503 and (err.excerpt or ""):find("Unable to determine destination", 1, true) ~= nil)
end

-- answers: { { who =, keys = of the groups that could lead, leader = address or nil, err = } }. Gives "led";
-- "leaderless", words and the keys of who could lead; or "unknown", words and whether it stays so.
function M.judge(answers)
  local without, keys, unknown = {}, {}, nil
  for _, answer in ipairs(answers) do
    local err = answer.err
    if not answer.leader and M.is_leaderless(err) then
      without[#without + 1] = answer.who
      tables.append(keys, answer.keys)
    elseif not answer.leader then
      unknown = unknown or err
    end
  end
  if #without > 0 then
    return "leaderless", table.concat(without, " and ") .. " have no leader", keys
  elseif unknown then
    return "unknown", unknown.message, lasting[unknown.code] == true
  end
  return "led"
end

-- Keys of the groups whose processes have that role. Coordinators are Overlords only where they are told to be.
function M.who_could_lead(cluster, role)
  local keys = {}
  for _, group in ipairs(cluster.groups) do
    if group.type == role or role == "overlord" and group.type == "coordinator"
      and address.property(cluster, group, "druid.coordinator.asOverlord.enabled") == "true" then
      keys[#keys + 1] = group.key
    end
  end
  return keys
end

local function ask(druid, cluster)
  local answers = {}
  for _, role in ipairs(roles) do
    local keys = M.who_could_lead(cluster, role.name)
    if #keys > 0 then
      local leader, err = coordinator.leader_url(druid, role.name, M.answer_ms)
      if not leader and err.code == "busy" then
        return nil
      end
      answers[#answers + 1] = { who = role.who, keys = keys, leader = leader, err = err }
      if not leader and M.judge(answers) == "unknown" then
        break   -- the other one would not answer either
      end
    end
  end
  return answers
end

-- The pods of these processes as text, with the times since which they are ready; nil while they are on their way, and
-- true when only the cache of pods is behind that of workloads.
local function mark_of(kube, cluster)
  local parts, behind = {}, false
  for _, group in ipairs(cluster.groups) do
    if group.type == "coordinator" or group.type == "overlord" then
      local live = world.workload(kube, cluster, group)
      local state = observed.state(live, group.name)
      if not live or not state.settled or state.ready < state.total then
        return nil
      end
      local count = 0
      for _, pod in ipairs(world.pods(kube, cluster, group, live)) do
        local ready = condition.find((pod.status or {}).conditions, "Ready") or {}
        parts[#parts + 1] = pod.metadata.uid .. " " .. tostring(ready.lastTransitionTime)
        count = count + (ready.status == "True" and 1 or 0)
      end
      behind = behind or count < state.total
    end
  end
  table.sort(parts)
  return behind or table.concat(parts, "\n")
end

local memory = {}   -- uid = { mark =, since =, tries =, next_ms =, told = }

local function told_of(status, reason, words)
  return { type = M.condition, status = status, reason = reason, message = words }
end

-- Notes an answer. Gives what is remembered from now on.
local function note(known, mark, now_ms, answers, patience_ms)
  local verdict, words, more = M.judge(answers)
  local next = { mark = mark, tries = (known.tries or 0) + 1, since = known.since or now_ms }
  if verdict == "led" then
    return { mark = mark, final = true, next_ms = now_ms + M.ask_ms }
  elseif verdict == "leaderless" then
    local lasts = now_ms - next.since >= M.grace_s * 1000
    next.tries = lasts and next.tries or 1
    next.told = { leaderless = words, keys = more, trouble = lasts and words or nil,
      condition = told_of("False", "NoLeader", words) }
  else
    next.final = more or now_ms - next.since >= patience_ms
    next.told = next.final and { condition = told_of("Unknown", "CannotBeAsked",
      "Whether somebody leads is not known, and Ready is what Kubernetes says: " .. words) }
      or tables.merge({ pending = "it is not known who leads: " .. words }, known.told or {})
  end
  next.next_ms = now_ms + math.tointeger(math.min(M.ask_ms * 2 ^ (next.tries - 1), M.ask_ms_max) // 1)
  return next
end

-- Comes first in a run, for it may wait: what is read after it is fresh, and little is held meanwhile. old: the status.
-- Gives nil when all is well or nothing can be asked yet, or { leaderless = words
-- while nobody leads, keys = of the groups that could, trouble = the words when that lasts, pending = words while there
-- is no answer, condition =, again_ms = }.
function M.look(druid, cluster, old)
  if druid.previewing then
    return nil
  end
  local mark, known = mark_of(druid.kube, cluster), memory[cluster.uid]
  if mark == "" then
    return nil
  elseif not mark then
    -- Whoever had no leader has none before his processes are up.
    local told = known and known.told and known.told.leaderless and known.told or nil
    memory[cluster.uid] = { next_ms = known and known.next_ms, since = told and known.since, told = told }
    return told
  elseif mark == true then
    return tables.merge({ pending = "it is asked in a moment who leads" }, known and known.told or {},
      { again_ms = M.behind_ms })
  end
  if not known then
    local before = condition.find(old.conditions, M.condition)
    known = condition.is_true(old.conditions, "Ready")
      and { mark = mark, final = true,
        told = before and { condition = told_of(before.status, before.reason, before.message) } } or {}
    memory[cluster.uid] = known
  end
  if known.final and known.mark == mark then
    return known.told
  end
  local now_ms = clock.now_ms()
  local patience_ms = (durations.seconds(tables.text(cluster.spec.druidTimeout)) or M.unasked_s) * 1000
  if not known.next_ms or now_ms >= known.next_ms or patience_ms == 0 then
    local answers = ask(druid, cluster)
    if answers then
      local before = known.mark == mark and known
        or { since = known.told and known.told.leaderless and known.since, told = known.told }
      known = note(before, mark, now_ms, answers, patience_ms)
    else
      known.next_ms = now_ms + M.ask_ms
    end
    memory[cluster.uid] = known
  end
  local told = tables.shallow(known.told or {})
  if known.mark ~= mark then
    told.pending = "it is asked in a moment who leads"
  end
  if not (known.final and known.mark == mark) then
    told.again_ms = math.max(1, known.next_ms - now_ms)
  end
  return told
end

function M.forget(uid)
  memory[uid or ""] = nil
end

return M
