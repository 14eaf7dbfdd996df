-- Carries out what druid.rollout.leaving decides: empties pods before their set gets smaller or goes.
--
-- What is asked of Druid is first noted in the set's annotation, and taken back when the pods are gone or stay
-- after all; so an operator that is killed goes on, and no host is left decommissioned: the same name may
-- come back later. The set gets smaller through the gate.

local address = require "druid.client.address"
local coordinator = require "druid.client.coordinator"
local durations = require "lib.duration"
local leaving = require "druid.rollout.leaving"
local middlemanager = require "druid.middlemanager"
local names = require "druid.names"
local observed = require "druid.observed"
local pods = require "druid.pods"
local queryable = require "druid.rollout.queryable"
local questions = require "druid.rollout.questions"
local stuck = require "druid.stuck"
local workers = require "druid.rollout.workers"
local world = require "druid.world"

local M = {}

M.again_ms = 5000
M.segments_max = 20000   -- of a server, to be compared one by one

local memories = {}   -- uid of a set = what is remembered of it, at most until this process ends

local function patch_note(ctx, live, note)
  local text = note and json.encode(note) or json.null
  local _, err = ctx.patch(live, { metadata = { annotations = { [names.leaving] = text } } }, { type = "merge" })
  return err
end

local function read_note(live)
  local text = observed.annotation(live, names.leaving)
  local note = text and json.decode(text)
  return type(note) == "table" and note or nil
end

local function look(kube_door, cluster, live)
  local rows = {}
  for i, pod in ipairs(world.pods(kube_door, cluster, { kind = "StatefulSet" }, live)) do
    rows[i] = pods.row(pod)
  end
  return { pods = rows, start = live.spec.ordinals and live.spec.ordinals.start or 0 }
end

-- Segments that only these hosts hold; nil when that cannot be told.
local function alone(druid, servers, hosts)
  local going, mine, elsewhere = {}, {}, {}
  for _, host in ipairs(hosts) do
    going[host] = true
  end
  for _, server in ipairs(servers) do
    local list = coordinator.server_segments(druid, server.host)
    if type(list) ~= "table" or #list > M.segments_max then
      return nil
    end
    for _, id in ipairs(list) do
      (going[server.host] and mine or elsewhere)[id] = true
    end
  end
  local count = 0
  for id in pairs(mine) do
    count = count + (elsewhere[id] and 0 or 1)
  end
  return count
end

local function period(cluster)
  for _, group in ipairs(cluster.groups) do
    if group.type == "coordinator" then
      return durations.iso(address.property(cluster, group, "druid.coordinator.period") or "") or 60
    end
  end
  return 60
end

-- Pods that leave, for people: workers as druid.middlemanager.told has those that are replaced, with their tasks;
-- Historicals with what they hold. held(row) = that number, or nil.
local function told(rows, made, note, config, held, enabled)
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = { name = row.name, uid = row.uid, revision = row.revision, enabled = enabled and enabled(row), count = held(row),
      phase = made.blocked and made.blocked:find(row.name, 1, true) and "Blocked" or "Draining",
      since = clock.rfc3339(note.since), deadline = clock.rfc3339(note.since + config.drain_s) }
  end
  return list
end

-- Facts and the decision for the rows of one set; made.told: the rows for people.
local function decide(druid, cluster, node_type, group, live, rows, note, limits)
  local now = clock.now()
  local trouble, facts
  local function blind(record)
    local err = not trouble.answered and trouble.err or nil
    return err ~= nil and questions.is_silent(cluster, err, record.asked, now)
  end
  if middlemanager.types[node_type] then
    facts, trouble = workers.facts(druid)
    local config = limits or middlemanager.config(cluster, group)
    local made = leaving.next.workers(rows, note, facts, { now = now, config = config, memory = workers.memory, blind = blind })
    made.told = told(rows, made, note, config, function(row)
      local tasks = facts.tasks(row)
      return tasks and #tasks
    end, function(row) return middlemanager.takes_tasks(row, facts) end)
    return made, trouble
  end
  facts, trouble = questions.facts(druid, node_type)
  local servers = facts.servers
  trouble.answered = servers ~= nil
  memories[live.metadata.uid] = memories[live.metadata.uid] or {}
  local config = { drain_s = stuck.deadline(cluster, group), on_timeout = "hold" }
  local made = leaving.next.historicals(rows, note, {
    servers = servers, decommissioning = servers and coordinator.decommissioning(druid) or nil,
    unavailable = servers and facts.unavailable or nil,
    alone = function(hosts) return alone(druid, servers, hosts) end,
  }, { now = now, memory = memories[live.metadata.uid], period_s = period(cluster), blind = blind,
    remedy = "see that the Coordinator can move its segments, or set its replicas back",
    config = config })
  made.told = told(rows, made, note, config, function(row) return (queryable.server_of(servers, row) or {}).size end)
  return made, trouble
end

-- Goes on with emptying the pods from ordinal `to` up. limits: { drain_s =, on_timeout = }, where they are not the
-- group's. Gives true when they may go, else false, words, and whether that is for too long, and the pods for people;
-- nil, err for a failure.
local function empty(ctx, kube_door, druid, cluster, node_type, group, live, to, notes, limits)
  local rows = leaving.rows(look(kube_door, cluster, live), to)
  local note = read_note(live)
  local fresh = note or { since = clock.now(), hosts = json.array({}) }
  fresh = json.copy(fresh)
  fresh.to, fresh.pods = to, json.array({})
  for i, row in ipairs(rows) do
    fresh.pods[i] = row.name
  end
  local made, trouble = decide(druid, cluster, node_type, group, live, rows, fresh, limits)
  fresh.asked, fresh.unavailable = fresh.asked or trouble.answered or nil, made.unavailable or fresh.unavailable
  if trouble.answered then
    questions.is_silent(cluster, nil)
  end
  for _, call in ipairs(made.calls) do
    for _, host in ipairs(call.op == "decommission" and call.hosts or {}) do
      fresh.hosts[#fresh.hosts + 1] = host
    end
  end
  if not note or not json.equal(note, fresh) then
    local err = patch_note(ctx, live, fresh)
    if err then
      return nil, err
    end
  end
  for _, call in ipairs(made.calls) do
    if call.op == "decommission" then
      coordinator.decommission(druid, call.hosts, nil, "nemeton: these Historicals are taken away")
    else
      workers.call(druid, call)
    end
  end
  for _, text in ipairs(made.notes) do
    notes[#notes + 1] = text
  end
  return made.act == "scale", made.waits_for, made.blocked, { type = node_type, set = live.metadata.name, pods = made.told,
    note = made.notes[1] }
end

-- Takes back what was asked of Druid for pods that are gone or stay. True when nothing is left to do, false while it has
-- to be tried again; nil, err. notes: what to tell is added; enabled: texts about workers that take tasks again.
local function tidy(ctx, kube_door, druid, cluster, node_type, live, note, notes, enabled)
  local set, rows = look(kube_door, cluster, live), {}
  for _, row in ipairs(set.pods) do
    rows[row.name] = row
  end
  for _, name in ipairs(note.pods or {}) do
    local row = rows[name]
    if row and (row.deleting or row.ordinal >= set.start + (live.spec.replicas or 1)) then
      return false   -- still on its way out
    end
  end
  local err, heard = nil, {}
  if middlemanager.types[node_type] then
    for _, name in ipairs(note.pods or {}) do
      local failed = rows[name] and workers.call(druid, { op = "enable", pod = rows[name] })
      err = err or failed or nil
      heard[#heard + 1] = rows[name] and not failed and name .. " takes tasks again" or nil
    end
  elseif #(note.hosts or {}) > 0 then
    local _, failed = coordinator.decommission(druid, nil, note.hosts, "nemeton: these Historicals are gone, or stay")
    err = failed
  end
  if err and not questions.is_silent(cluster, err, note.asked, clock.now()) then
    return false
  elseif err then
    notes[#notes + 1] = "Druid could not be told that its hosts are wanted again: " .. err.message
  end
  local failed = patch_note(ctx, live, nil)
  if failed then
    return nil, failed
  end
  memories[live.metadata.uid] = nil
  table.move(heard, 1, #heard, #enabled + 1, enabled)
  return true
end

-- The same for a set that is let go, whatever it was asked to do: true, false or nil, err.
function M.take_back(ctx, kube_door, druid, cluster, live)
  local note = read_note(live)
  if not note then
    return true
  end
  return tidy(ctx, kube_door, druid, cluster, (live.metadata.labels or {}).component or "", live, note, {}, {})
end

function M.run(ctx, kube_door, druid, cluster, steps, done, steering)
  if ctx.previewing or done.failure then
    return
  end
  for _, entry in ipairs(steps.groups) do
    local live = leaving.types[entry.type] and entry.state.exists and world.workload(kube_door, cluster, entry.group)
    local note = live and read_note(live)
    local err
    if live and entry.leave and steering.stop then
      entry.waits_for = steering.stop
    end
    if live and entry.leave and not steering.stop then
      local may_go, words, blocked, leavers = empty(ctx, kube_door, druid, cluster, entry.type, entry.group, live,
        entry.leave.to, entry.notes)
      entry.waits_for, entry.blocked, entry.again_ms = words, blocked, M.again_ms
      entry.leavers = may_go == false and leavers or nil
      if may_go == nil then
        err = words
      elseif may_go then
        local _, failed = ctx.patch(live, { spec = { replicas = entry.leave.to } }, { type = "merge" })
        err = failed
        done.emptied[#done.emptied + 1] = not failed and leavers or nil
      end
    elseif note then
      -- Gone, wanted again, or paused meanwhile.
      local tidied, failed = tidy(ctx, kube_door, druid, cluster, entry.type, live, note, entry.notes, done.enabled)
      entry.again_ms = tidied == false and M.again_ms or entry.again_ms
      err = failed
    end
    done.failure = done.failure or err
  end
end

-- A Historical's name must not stay among those that get no segments, though its group is gone: its set loses its pods,
-- then the entries, then it goes itself. Gives what may_go does, and true as fifth when the pods go now.
local function empty_first(ctx, object, leavers)
  local _, err = ctx.patch(object, { spec = { replicas = 0 } }, { type = "merge" })
  if err then
    return nil, err
  end
  return false, "its pods end", nil, leavers, true
end

-- May a workload that is not asked for any more be deleted? true, or false, words, and words when it takes too long; nil,
-- err. And the pods for people, as fourth.
function M.may_go(ctx, kube_door, druid, cluster, target)
  local object = target.kind == "StatefulSet" and not ctx.previewing and world.workload(kube_door, cluster, target)
  local labels = object and object.metadata.labels or {}
  if not object or not leaving.types[labels.component or ""] then
    return true
  end
  local total, note = object.spec.replicas or 1, read_note(object) or {}
  local group = { node = {}, type = labels.component }
  local decommissioned = #(note.hosts or {}) > 0
  if total == 0 and decommissioned then
    local tidied, err = tidy(ctx, kube_door, druid, cluster, group.type, object, note, {}, {})
    return tidied, tidied == nil and err or "its pods end"
  elseif total == 0 or not decommissioned and (object.status or {}).readyReplicas == nil
    or middlemanager.types[group.type] and middlemanager.config(cluster, group).strategy == "none" then
    return true
  end
  local may_go, words, blocked, leavers = empty(ctx, kube_door, druid, cluster, group.type, group, object, 0, {})
  if may_go and #((read_note(world.workload(kube_door, cluster, target)) or {}).hosts or {}) > 0 then
    return empty_first(ctx, object, leavers)
  end
  return may_go, words, blocked, leavers
end

-- Empties the workers of a cluster that is being deleted, where its groups ask for that (whenDeleted: drain), until
-- their deadline at most, whatever happens. Gives words to wait for, or nil when the cluster may go.
function M.before_deletion(ctx, kube_door, druid, cluster, now)
  local begun = clock.parse(cluster.object.metadata.deletionTimestamp or "") or now
  local words
  for _, group in ipairs(ctx.previewing and {} or cluster.groups) do
    local workers_of = middlemanager.types[group.type or ""] and group.kind == "StatefulSet"
    local config = workers_of and middlemanager.config(cluster, group)
    local live = config and config.when_deleted == "drain" and now < begun + config.drain_s
      and world.workload(kube_door, cluster, group)
    if live and not live.metadata.deletionTimestamp and (live.spec.replicas or 1) > 0
      and (live.status or {}).readyReplicas ~= nil then
      local may_go, why = empty(ctx, kube_door, druid, cluster, group.type, group, live, 0, {},
        { drain_s = config.drain_s, on_timeout = "proceed" })
      if not may_go then
        words = words or type(why) == "table" and why.message or why
      end
    end
  end
  return words
end

return M
