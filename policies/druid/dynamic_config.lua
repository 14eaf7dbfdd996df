-- Keeps the dynamic configuration of Coordinators and workers as the Druid object says.
--
-- dynamicConfig of a coordinator group is the Coordinator's; that of a middleManager, indexer or overlord
-- group is the one for workers, which the Overlord has. On the cluster's own level it may hold either: by
-- the keys `coordinator` and `overlord`, or field by field. What is wanted is checked first (the Overlord
-- takes an unknown type and loses its strategy by it), compared with what Druid has, written when it
-- differs, and looked at again from time to time. While a cluster starts, that is tried again without a
-- word; what is told is told once, by the condition DynamicConfigApplied and an event.

local answers = require "druid.client.answer"
local condition = require "lib.condition"
local coordinator = require "druid.client.coordinator"
local events = require "druid.events"
local included = require "lib.included"
local names = require "lib.names"
local overlord = require "druid.client.overlord"
local problems_of = require "lib.problems"
local tables = require "lib.tables"

local M = {}

M.condition = "DynamicConfigApplied"
M.look_ms = 300000                        -- between looks at what Druid has
M.retry_ms, M.retry_ms_max = 5000, 60000   -- while it does not answer
M.doubts = 5   -- a Druid that starts answers 500 for a while: so often it is not believed
M.comment = "spec of the Druid object"

-- What the Coordinator's fields are. Others are sent too: newer releases have more.
local kinds = {
  integer = { "millisToWaitBeforeDeleting", "maxSegmentsToMove", "replicantLifetime", "replicationThrottleLimit",
    "balancerComputeThreads", "maxSegmentsInNodeLoadingQueue", "maxKillTaskSlots", "maxNonPrimaryReplicantsToLoad",
    "mergeBytesLimit", "mergeSegmentsLimit" },
  number = { "killTaskSlotRatio", "percentOfSegmentsToConsiderPerMove",
    "decommissioningMaxPercentOfMaxSegmentsToMove" },
  boolean = { "smartSegmentLoading", "useRoundRobinSegmentAssignment", "pauseCoordination",
    "replicateAfterLoadTimeout", "emitBalancingStats", "useBatchedSegmentSampler", "killAllDataSources" },
  list = { "killDataSourceWhitelist", "killPendingSegmentsSkipList", "decommissioningNodes", "turboLoadingNodes" },
  map = { "cloneServers", "debugDimensions" },
}

M.coordinator_fields = {}
for kind, list in pairs(kinds) do
  for _, name in ipairs(list) do
    M.coordinator_fields[name] = kind
  end
end

M.overlord_fields = { type = true, selectStrategy = true, autoScaler = true }
M.strategies = { equalDistribution = true, equalDistributionWithCategorySpec = true, fillCapacity = true,
  fillCapacityWithCategorySpec = true, javascript = true }
M.groups = { coordinator = "coordinator", overlord = "overlord", middleManager = "overlord", indexer = "overlord" }

-- What is wanted -----------------------------------------------------------------------------------

-- A value as Druid gives it back: numbers as numbers, lists as lists.
local function plain(value, kind)
  if type(value) == "string" and (kind == "integer" or kind == "number") then
    return tonumber(value) or value
  elseif type(value) == "string" and kind == "list" then
    local list = json.array({})
    for part in value:gmatch("[^,%s]+") do
      list[#list + 1] = part
    end
    return list
  elseif type(value) == "string" and kind == "boolean" and (value == "true" or value == "false") then
    return value == "true"
  end
  return value
end

local function fits(value, kind)
  if kind == "integer" then
    return type(value) == "number" and value == math.floor(value)
  elseif kind == "list" or kind == "map" then
    return type(value) == "table"
  end
  return kind == nil or type(value) == kind
end

local remedies = { integer = "use a whole number", number = "use a number", boolean = "use true or false",
  list = "use a list", map = "use an object" }

local function check_strategy(strategy, at, add)
  if type(strategy) ~= "table" then
    add(at, "is no object", "use { type: equalDistribution }, for example")
  elseif not M.strategies[strategy.type or ""] then
    add(at .. ".type", "\"" .. tostring(strategy.type) .. "\" is no strategy, and Druid would lose the one it has",
      "use one of " .. names.list(tables.keys(M.strategies), 20))
  else
    for _, name in ipairs({ "affinityConfig", "workerCategorySpec", "taskLimits" }) do
      if strategy[name] ~= nil and strategy[name] ~= json.null and type(strategy[name]) ~= "table" then
        add(at .. "." .. name, "is no object", "use an object")
      end
    end
  end
end

-- Takes one field over into `wanted`; from: where it was said before, by field.
local function take(wanted, from, target, name, value, at, add)
  if value == json.null then
    return
  end
  local here = at .. "." .. name
  local kind = target == "coordinator" and M.coordinator_fields[name] or nil
  value = plain(value, kind)
  if target == "overlord" and not M.overlord_fields[name] then
    add(here, "is no field of the workers' configuration", "use selectStrategy and autoScaler")
    return
  elseif target == "overlord" and name == "type" and value ~= "default" then
    add(here, "\"" .. tostring(value) .. "\" is not known, and Druid would lose its strategy", "use default")
    return
  elseif not fits(value, kind) then
    add(here, "is " .. type(value), remedies[kind])
    return
  elseif target == "overlord" and name == "selectStrategy" then
    check_strategy(value, here, add)
  elseif target == "overlord" and name == "autoScaler" and (type(value) ~= "table" or not value.type) then
    add(here, "has no type", "give its type, or leave it out")
  end
  wanted[target] = wanted[target] or {}
  if wanted[target][name] ~= nil and not json.equal(wanted[target][name], value) then
    add(here, "says something else than " .. from[target .. name], "remove one of them")
    return
  end
  wanted[target][name], from[target .. name] = value, here
end

local function take_all(wanted, from, target, config, at, add)
  if type(config) ~= "table" or #config > 0 then
    add(at, "is no object", "use an object of fields")
    return
  end
  for _, name in ipairs(tables.keys(config)) do
    take(wanted, from, target, name, config[name], at, add)
  end
end

local function copied(value)
  if value == nil or value == json.null then
    return nil
  end
  return json.copy(value)
end

-- Gives { coordinator = fields or nil, overlord = fields or nil } and a list of problems. A configuration with a
-- problem is left out whole, the other one is not. cluster: of a plain object.
function M.wanted(cluster)
  local wanted, from, problems, wrong = {}, {}, {}, {}
  local function add_of(target, is_advice)
    return function(field, message, remedy)
      problems[#problems + 1] = { field = field, message = message, remedy = remedy, advice = is_advice }
      wrong[target or ""] = true
    end
  end
  -- A copy: of a view one cannot ask whether it is a list.
  local common = copied(cluster.spec.dynamicConfig)
  if common ~= nil and type(common) ~= "table" then
    add_of(nil)("spec.dynamicConfig", "is no object", "use an object of fields")
  elseif common then
    for _, name in ipairs(tables.keys(common)) do
      if name == "coordinator" or name == "overlord" then
        take_all(wanted, from, name, common[name], "spec.dynamicConfig." .. name, add_of(name))
      else
        local target = M.overlord_fields[name] and "overlord" or "coordinator"
        take(wanted, from, target, name, common[name], "spec.dynamicConfig", add_of(target))
      end
    end
  end
  for _, group in ipairs(cluster.groups) do
    local config = copied(group.node.dynamicConfig)
    local at = "spec.nodes." .. group.key .. ".dynamicConfig"
    if config ~= nil and not (type(config) == "table" and next(config) == nil) then
      local target = M.groups[group.type or ""]
      if target then
        take_all(wanted, from, target, config, at, add_of(target))
      else
        add_of(nil, true)(at, "has no effect on a " .. tostring(group.type), "move it to a coordinator or middleManager group")
      end
    end
  end
  wanted.coordinator = not wrong.coordinator and wanted.coordinator or nil
  wanted.overlord = not wrong.overlord and wanted.overlord or nil
  return wanted, problems
end

-- What is there ------------------------------------------------------------------------------------

-- The names of fields that are not as wanted, sorted; and of those that this Druid does not have.
function M.differences(wanted, there, has_all)
  local differ, unknown = {}, {}
  for _, name in ipairs(tables.keys(wanted)) do
    if has_all and there[name] == nil and M.coordinator_fields[name] ~= "map" and M.coordinator_fields[name] ~= "list" then
      unknown[#unknown + 1] = name
    elseif not included.part(wanted[name], there[name], { sets = true }) then
      differ[#differ + 1] = name
    end
  end
  return differ, unknown
end

local doors = {
  coordinator = { name = "Coordinator", read = coordinator.config, has_all = true,
    write = function(druid, wanted, _, differ)
      local changes = {}
      for _, name in ipairs(differ) do
        changes[name] = wanted[name]
      end
      return coordinator.change_config(druid, changes, M.comment)
    end },
  -- The Overlord replaces all of it, so what is not wanted is sent as it is.
  overlord = { name = "Overlord", read = overlord.worker_config,
    write = function(druid, wanted, there)
      return overlord.set_worker_config(druid, tables.merge({ type = "default" }, there, wanted), M.comment)
    end },
}

local function read(druid, door)
  local there, err = door.read(druid)
  if there == nil then
    return nil, err
  end
  there = answers.table(there)
  return #there == 0 and there or {}
end

-- Makes one of them as wanted. Gives the names that were written and a text about what Druid did not take, or
-- nil, err.
local function settle(druid, target, wanted)
  local door = doors[target]
  local there, err = read(druid, door)
  if not there then
    return nil, err
  end
  local differ, unknown = M.differences(wanted, there, door.has_all)
  if #differ > 0 then
    local done
    done, err = door.write(druid, wanted, there, differ)
    if not done then
      return nil, err
    end
    there, err = read(druid, door)
    if not there then
      return nil, err
    end
    unknown = tables.concat(unknown, (M.differences(wanted, there, door.has_all)))
  end
  local left = #unknown > 0 and door.name .. " did not take " .. names.list(unknown, 5) or nil
  return differ, left
end

-- The story ----------------------------------------------------------------------------------------

local memory = {}   -- uid = { digest =, next_ms =, tries =, }: may be lost at any time

local function judged(status, reason, message)
  return { type = M.condition, status = status, reason = reason, message = names.cut(message, 500) }
end

local function waits(old, err)
  local before = condition.find(old.conditions, M.condition)
  if before and before.reason ~= "Waiting" then
    return before   -- as it was when Druid last answered
  end
  return judged("Unknown", "Waiting", answers.waiting(err))
end

-- Writes what differs. Gives the condition, a list of events, and whether Druid has to be waited for.
local function settle_all(druid, wanted, old, tries)
  local told, left = {}, {}
  for _, target in ipairs(tables.keys(wanted)) do
    local written, more = settle(druid, target, wanted[target])
    if not written and (answers.passes(more) or (more.status or 0) >= 500 and tries < M.doubts) then
      return waits(old, more), told, true
    elseif not written then
      return judged("False", more.code == "no_credentials" and "NoCredentials" or "Failed", more.message), told, false
    end
    if #written > 0 and not more then
      told[#told + 1] = events.event("Normal", "DruidAPIUpdateConfigsSuccess",
        "Set " .. names.list(written, 8) .. " in the dynamic configuration of the " .. doors[target].name)
    end
    left[#left + 1] = more
  end
  if #left > 0 then
    return judged("False", "NotTaken", table.concat(left, "; ")), told, false
  end
  return judged("True", "Applied", "The dynamic configuration is as wanted"), told, false
end

-- Blocks that have no effect are no failure of the others: they are said with what is so.
local function with_advice(judgement, advice)
  if not judgement or #advice == 0 or judgement.status == "False" then
    return judgement
  end
  local words, said = problems_of.line(advice), tables.shallow(judgement)
  if not said.message:find(words, 1, true) then
    said.message = names.cut(said.message .. "; but " .. words, 500)
  end
  return said
end

local function failure_event(old, new, advice)
  local before = condition.find(old.conditions, M.condition)
  if before and before.reason == new.reason and before.message == new.message then
    return nil
  elseif new.status ~= "False" then
    local words = #advice > 0 and problems_of.line(advice)
    local known = not words or before and before.message:find(words, 1, true)
    return not known and events.event("Warning", "DruidAPIUpdateConfigsFailed", words) or nil
  end
  return events.event("Warning", new.reason == "NoCredentials" and "DruidAPIGetAuthCredsFailed"
    or "DruidAPIUpdateConfigsFailed", new.message)
end

-- Gives { condition =, events =, again_ms = }, or nil when nothing is asked for. druid: as client.open gives
-- it; old: the status; hosts_leave: a function that tells whether hosts are being emptied, whose names are then
-- in decommissioningNodes, or nil; not_now: only what is known already.
function M.run(druid, cluster, old, hosts_leave, not_now)
  local wanted, problems = M.wanted(cluster)
  local of_coordinator = wanted.coordinator
  if of_coordinator and of_coordinator.decommissioningNodes and hosts_leave and hosts_leave() then
    of_coordinator.decommissioningNodes = nil   -- put back when they have gone
    wanted.coordinator = tables.filled(of_coordinator)
  end
  local wrong, advice = {}, {}
  for _, problem in ipairs(problems) do
    table.insert(problem.advice and advice or wrong, problem)
  end
  local invalid = #wrong > 0 and judged("False", "Invalid", problems_of.line(wrong)) or nil
  if not invalid and #advice > 0 and not tables.filled(wanted) then
    invalid = judged("False", "NoEffect", problems_of.line(advice))
  end
  local told_first = { invalid and failure_event(old, invalid, advice) }
  if not tables.filled(wanted) then
    memory[cluster.uid or ""] = nil
    return invalid and { condition = invalid, events = told_first } or nil
  end
  local now, text = clock.now_ms(), digest.sha256(json.encode(wanted))
  local before = condition.find(old.conditions, M.condition)
  local known = memory[cluster.uid]
  if druid.previewing or not_now then
    return { condition = invalid or with_advice(before, advice), events = told_first }
  elseif known and before and known.digest == text and now < known.next_ms then
    return { condition = invalid or with_advice(before, advice), events = told_first, again_ms = known.next_ms - now }
  end
  local tries = known and known.digest == text and known.tries or 0
  local new, told, waiting = settle_all(druid, wanted, old, tries)
  tries = waiting and tries + 1 or 0
  local again_ms = waiting and math.min(M.retry_ms * 2 ^ (tries - 1), M.retry_ms_max) // 1
    or (new.status == "True" or new.reason == "NotTaken") and M.look_ms or M.retry_ms_max
  memory[cluster.uid] = { digest = text, next_ms = now + math.tointeger(again_ms), tries = tries }
  new = invalid or with_advice(new, advice)
  told[#told + 1] = failure_event(old, new, advice)
  return { condition = new, events = told, again_ms = math.tointeger(again_ms) }
end

function M.forget(uid)
  memory[uid or ""] = nil
end

return M
