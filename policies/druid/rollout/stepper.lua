-- Carries out what druid.rollout.step decides: the replacement of pods, one after the other, through the gate.
--
-- One set at a time is stepped, the first in the order of the rollout; in the others only pods that have
-- nothing to lose are replaced. What a set waits for goes into its entry (`waits_for`), with the time until
-- Druid is asked again (`again_ms`). Everything that has to outlive this process is in the set's annotation
-- before the deed: an operator that is killed at any point goes on from there.

local middlemanager = require "druid.middlemanager"
local names = require "druid.names"
local observed = require "druid.observed"
local pods = require "druid.pods"
local questions = require "druid.rollout.questions"
local restoring = require "druid.rollout.restoring"
local step = require "druid.rollout.step"
local workers = require "druid.rollout.workers"
local world = require "druid.world"

local M = {}

M.ask_again_ms = 5000   -- between questions to Druid

-- The set as druid.rollout.step wants it, from the caches, which know our own writes.
function M.look(kube_door, cluster, entry, live)
  local status, rows = live.status or {}, {}
  for i, pod in ipairs(world.pods(kube_door, cluster, entry.group, live)) do
    rows[i] = pods.row(pod)
  end
  return {
    name = live.metadata.name, key = entry.key, type = entry.type,
    total = live.spec.replicas or 1, start = live.spec.ordinals and live.spec.ordinals.start or 0,
    seen = (status.observedGeneration or 0) >= (live.metadata.generation or 0) and status.updateRevision ~= nil,
    revision = status.updateRevision, pods = rows,
    records = step.decode(observed.annotation(live, names.step)),
  }
end

-- Lets a set go: its declared strategy takes over.
function M.release(ctx, entry, live)
  local _, err = ctx.patch(live, step.release_patch(entry.declared), { type = "merge" })
  return err == nil, err
end

-- What is to be remembered goes into the annotation, when it has changed. An error, or nil.
local function remember(ctx, live, set, records)
  if json.equal(json.decode(step.encode(records)), json.decode(step.encode(set.records))) then
    return nil
  end
  local _, err = ctx.patch(live, { metadata = { annotations = { [names.step] = step.encode(records) } } },
    { type = "merge" })
  return err
end

local function replace(ctx, entry, live, set, next_step, done)
  local failed = remember(ctx, live, set, next_step.records)
  if failed then
    return failed
  end
  local pod = next_step.pod
  local _, err = ctx.delete({ apiVersion = "v1", kind = "Pod", namespace = live.metadata.namespace,
    name = pod.name, uid = pod.uid }, { reason = next_step.why })
  if err then
    return err
  end
  table.insert(done.replaced, { group = entry.key, pod = pod.name, why = next_step.why })
  entry.waits_for = pod.name .. " is being replaced"
  return nil
end

local function note_failure(done, err)
  if err then
    done.failure = done.failure or err
  end
end

-- One step of a set that is held.
local function step_held(ctx, kube_door, cluster, entry, live, asked, options, done)
  local set = M.look(kube_door, cluster, entry, live)
  local choice = asked.options(set, options)
  local next_step = step.next(set, choice)
  entry.waits_for = next_step.waits_for
  if asked.note then
    table.insert(entry.notes, asked.note)
  end
  if next_step.act == "replace" then
    note_failure(done, replace(ctx, entry, live, set, next_step, done))
  elseif next_step.act == "release" then
    local _, err = M.release(ctx, entry, live)
    note_failure(done, err)
  end
  entry.again_ms = asked.again_s and asked.again_s * 1000 or M.ask_again_ms
end

-- One step of a set of workers that is held, or that is let go and has workers that were disabled.
local function step_workers(ctx, kube_door, druid, cluster, entry, live, options, done)
  local set, now = M.look(kube_door, cluster, entry, live), clock.now()
  local config = middlemanager.config(cluster, entry.group)
  if config.strategy == "restore" then
    local lacks, doubts = restoring.judge(cluster, entry.group)
    config.strategy = lacks and "drain" or config.strategy
    entry.notes[#entry.notes + 1] = lacks or doubts
  end
  local facts, asking = workers.facts(druid)
  local decide = step.is_wanted(cluster, entry) and middlemanager.next or middlemanager.give_back
  local plan = decide(set, facts, { now = now, config = config, stop = options.stop, others = options.others,
    memory = workers.memory,
    blind = function(record)
      local err = not asking.answered and asking.err or nil
      return err ~= nil and questions.is_silent(cluster, err, record.asked, now)
    end })
  if asking.answered then
    questions.is_silent(cluster, nil)
  end
  entry.waits_for, entry.blocked, entry.again_ms = plan.waits_for, plan.blocked, M.ask_again_ms
  entry.workers = middlemanager.told(set, plan, facts, config)
  for _, note in ipairs(plan.notes) do
    table.insert(entry.notes, note)
  end
  local err
  if plan.act == "replace" then
    workers.forget(plan.pod)
    err = replace(ctx, entry, live, set, plan, done)
  elseif plan.act ~= "release" then
    err = remember(ctx, live, set, plan.records)
  end
  for _, call in ipairs(err and {} or plan.calls) do
    workers.call(druid, call)
  end
  if plan.act == "release" then
    local _, failed = M.release(ctx, entry, live)
    err = failed
  end
  for _, text in ipairs(err and {} or plan.back) do
    table.insert(done.enabled, text)
  end
  note_failure(done, err)
end

-- Gives a set back, whatever it was held for: its workers take tasks again, then its declared strategy is in force. True
-- when it is, false while they have to be told; nil, err. druid: nil when they cannot be told any more.
function M.give_back(ctx, kube_door, druid, cluster, entry, live)
  local set = M.look(kube_door, cluster, entry, live)
  if druid and middlemanager.types[entry.type or ""] then
    local facts = workers.facts(druid)
    local plan = middlemanager.give_back(set, facts, { now = clock.now(),
      config = middlemanager.config(cluster, { node = entry.group.node or {} }), blind = function() return false end })
    local err = plan.act ~= "release" and remember(ctx, live, set, plan.records) or nil
    if err then
      return nil, err
    end
    for _, call in ipairs(plan.calls) do
      workers.call(druid, call)
    end
    if plan.act ~= "release" then
      return false
    end
  end
  local released, err = M.release(ctx, entry, live)
  if not released then
    return nil, err
  end
  return true
end

-- A set that its own controller rolls may be stuck on pods that it never replaces.
local function step_free(ctx, kube_door, cluster, entry, live, done)
  local set = M.look(kube_door, cluster, entry, live)
  local pod = step.superseded(set, clock.now())
  if pod then
    note_failure(done, replace(ctx, entry, live, set, { pod = pod, records = set.records,
      why = "its revision is out of date, it is not ready, and its StatefulSet does not replace it" }, done))
  end
end

-- druid: as druid.client.open gives it. options: { stop = words when the rollout stands still }.
function M.run(ctx, kube_door, druid, cluster, steps, done, options)
  if ctx.previewing or done.failure then
    return
  end
  local first
  for _, entry in ipairs(steps.groups) do
    local state = entry.state
    if entry.group.kind == "StatefulSet" and state.exists and not state.settled and not state.ungated then
      local live = world.workload(kube_door, cluster, entry.group)
      if live and observed.annotation(live, names.step) and not entry.held and not entry.unseen then
        local limits = { stop = options.stop, others = first and first.key .. " is being updated"
          or entry.leave and entry.key .. " is made smaller first" or nil }
        if middlemanager.types[entry.type] then
          step_workers(ctx, kube_door, druid, cluster, entry, live, limits, done)
        else
          step_held(ctx, kube_door, cluster, entry, live, questions.new(druid, cluster, entry, steps.groups), limits, done)
        end
        first = first or entry
      elseif live and state.rolling and not options.stop and not live.metadata.deletionTimestamp then
        step_free(ctx, kube_door, cluster, entry, live, done)
      end
    end
  end
end

return M
