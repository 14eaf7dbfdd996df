-- Ends a run: claims that nobody needs, the status, the events, and when to look again.

local durations = require "lib.duration"
local events = require "druid.events"
local last_good = require "druid.rollout.last_good"
local last_words = require "druid.last_words"
local lib_names = require "lib.names"
local names = require "druid.names"
local observed = require "druid.observed"
local pods = require "druid.pods"
local refused = require "druid.refused"
local status = require "druid.status"
local stuck = require "druid.stuck"
local tables = require "lib.tables"
local volumes = require "druid.volumes"
local world = require "druid.world"

local M = {}

M.look_s, M.look_s_max = 2, 60   -- between looks at the pods of a group that is not ready
M.figures_max = 64
M.extra_config_again_ms = 15000   -- ConfigMaps of spec.extraCommonConfig are not watched

local function sooner(first, second)
  if not first or not second then
    return first or second
  end
  return math.min(first, second)
end

-- Notes why a group is stuck, and the ways out. Gives the seconds until that may have changed, or nil.
local function diagnose(kube_door, cluster, entry, found, before, now)
  local begun = before and status.busy[before.phase] and clock.parse(before.progress or before.since) or nil
  local left
  entry.stuck, left = stuck.diagnose({ since = begun, waits_for = entry.waits_for,
    loading = (entry.waits_for or ""):find(" loading ", 1, true) ~= nil }, found, stuck.deadline(cluster, entry.group), now,
    last_words.read(kube_door, found))
  if entry.stuck then
    local live = world.workload(kube_door, cluster, entry.group)
    local kept = world.config(kube_door, cluster, last_good.name(names.node_config(entry.group.name)))
    entry.can_go_back = live ~= nil and not entry.rolled_back
      and last_good.replaced(kept, observed.annotation(live, names.template_hash))
    entry.ways_out = stuck.ways_out(cluster, entry.stuck, entry.can_go_back)
  end
  return left
end

-- The names of a group's pods. Those of a complete StatefulSet follow from its name; otherwise the pods
-- are looked at, and what troubles them is noted in the entry: also of a group that its user rolls, which is as it should
-- be as soon as it is written. Gives the seconds until the next look, nil when none is needed.
local function survey_pods(kube_door, cluster, entry, before, now, list)
  local calm = entry.state.settled and not (entry.state.ungated and entry.state.ready < entry.state.total)
  if entry.state.settled and entry.group.kind == "StatefulSet" and not entry.state.ungated then
    for ordinal = 0, entry.state.total - 1 do
      list[#list + 1] = entry.group.name .. "-" .. ordinal
    end
    return nil
  end
  local found = world.pods(kube_door, cluster, entry.group, entry.live)
  for _, pod in ipairs(found) do
    list[#list + 1] = pod.metadata.name
    if not calm and not entry.trouble then
      entry.trouble = pods.trouble(pod, now)
    end
  end
  if not calm and not entry.trouble then
    entry.trouble = refused.of(kube_door, entry, #found, before and clock.parse(before.since), now)
  end
  if calm then
    return nil
  end
  local left = diagnose(kube_door, cluster, entry, found, before, now)
  -- Often at first, seldom later.
  local since = before and clock.parse(before.since) or now
  return math.max(M.look_s, math.min((now - since) // 4, M.look_s_max, left or M.look_s_max))
end

-- The lists of names in the status, and the seconds until the pods are looked at again.
local function survey(kube_door, cluster, old, names_by_kind, steps, done, now)
  local lists, look_s, before = { pods = {}, persistentVolumeClaims = {} }, nil, {}
  for _, group in ipairs(old.groups or {}) do
    before[group.name] = group
  end
  for _, kind in ipairs(world.kinds) do
    -- After a failure nobody knows what is there: the last word stays.
    local known = names_by_kind and not done.failure and not done.left
    lists[kind.list] = known and names_by_kind[kind.kind] or not known and tables.concat(old[kind.list]) or {}
  end
  for _, workload in ipairs(done.kept) do
    table.insert(lists[workload.list], workload.name)
  end
  for _, entry in ipairs(steps.groups) do
    look_s = sooner(look_s, survey_pods(kube_door, cluster, entry, before[entry.key], now, lists.pods))
    look_s = sooner(look_s, entry.again_ms and entry.again_ms // 1000)
    for _, name in ipairs(M.claim_names(entry)) do
      if world.claim(kube_door, cluster, name) then
        table.insert(lists.persistentVolumeClaims, name)
      end
    end
  end
  for name, list in pairs(lists) do
    table.sort(list)
    lists[name] = tables.filled(list)
  end
  return lists, look_s
end

-- The claims that a group uses by name.
function M.claim_names(entry)
  local list = {}
  for _, claim in ipairs(entry.part.claims) do
    list[#list + 1] = claim.metadata.name
  end
  for _, template in ipairs(entry.workload.spec.volumeClaimTemplates or {}) do
    for ordinal = 0, entry.state.total - 1 do
      list[#list + 1] = string.format("%s-%s-%d", template.metadata.name, entry.group.name, ordinal)
    end
  end
  return list
end

-- true when the status is as wanted; nil, err otherwise.
function M.write_status(ctx, old, new)
  if json.equal(old, new) then
    return true
  end
  local written, err = ctx.status(new)
  if not written and err then
    return nil, err
  end
  return true
end

-- Whether a status whose write failed may be there all the same: then the next run finds it, and would tell nothing.
function M.may_have_arrived(err)
  return err.code == "network" or err.code == "timeout" or (err.status or 0) >= 500
end

-- The claims of the cluster, listed once in a run.
local function claims_of(kube_door, cluster, done)
  done.claims = done.claims or world.labelled(kube_door, cluster, "PersistentVolumeClaim")
  return done.claims
end

-- Marks claims of ordinals that were scaled away, and deletes them when nobody wanted them back, where
-- volumeRetention says so. Gives the seconds until the next is due, or nil; done.orphans are those that are kept
-- because nobody said what becomes of them.
function M.orphans(ctx, kube_door, cluster, steps, done)
  local sets, any = {}, false
  done.orphans = {}
  for _, entry in ipairs(steps.groups) do
    if entry.group.kind == "StatefulSet" and entry.workload.spec.volumeClaimTemplates then
      sets[entry.group.name], any = { live = entry.live, group = entry.group,
        most = (steps.autoscaled or {})["StatefulSet/" .. entry.group.name] }, true
    end
  end
  if not any then
    return nil
  end
  local now = clock.now()
  local orphans = volumes.orphans(cluster, claims_of(kube_door, cluster, done), sets, now)
  local failed
  for _, mark in ipairs(orphans.mark) do
    _, failed = ctx.patch(mark.claim, volumes.mark_patch(mark), { type = "merge" })
    done.failure = done.failure or failed
    if not failed and mark.new then
      done.marked = done.marked or {}
      table.insert(done.marked, mark)
    end
  end
  for _, claim in ipairs(orphans.unmark) do
    _, failed = ctx.patch(claim, volumes.unmark_patch(), { type = "merge" })
    done.failure = done.failure or failed
  end
  local wait_s = orphans.wait_s
  for _, row in ipairs(orphans.delete) do
    wait_s = sooner(wait_s, M.delete_orphan(ctx, row, now, done))
  end
  done.orphans = orphans.kept
  return wait_s
end

-- Deletes a claim that is due. One that somebody uses stays, says why, and is tried again after a while: that is no
-- failure. Gives the seconds until then, or nil.
function M.delete_orphan(ctx, row, now, done)
  local name = row.claim.metadata.name
  local _, failed = ctx.delete(row.claim, { reason = "beyond the replicas of its StatefulSet, volumeRetention.whenScaled" })
  if not failed then
    table.insert(done.deleted, { kind = "PersistentVolumeClaim", name = name, why = "scaled away" })
    return nil
  elseif not volumes.is_used(failed) then
    done.failure = done.failure or failed
    return nil
  end
  local words = lib_names.cut(failed.message, 500)
  local _, err = ctx.patch(row.claim, volumes.stays_patch(words, now), { type = "merge" })
  done.failure = done.failure or err
  if words ~= row.stays and (not err or M.may_have_arrived(err)) then
    ctx.event(events.event("Warning", "DruidVolumeStays", string.format("%s. It was scaled away and was to be deleted; that is "
      .. "tried again every %s", words, durations.text(volumes.refused_s))))
  end
  return volumes.refused_s
end

-- Claims that grow, where there can be any.
function M.resizing(kube_door, cluster, steps, done)
  for _, entry in ipairs(steps.groups) do
    local templates = entry.group.kind == "StatefulSet" and entry.workload.spec.volumeClaimTemplates
    if templates or entry.group.node.persistentVolumeClaim then
      return volumes.resizing(cluster, claims_of(kube_door, cluster, done))
    end
  end
  return nil
end

-- What the status is to remember when an update is taken back now, or nil. One that a user rolls is theirs to take back.
function M.rollback(cluster, steps, now)
  for _, entry in ipairs(cluster.spec.rollback == "auto" and steps.groups or {}) do
    if entry.stuck and entry.can_go_back and not entry.state.ungated then
      return { generation = cluster.generation, group = entry.key, time = clock.rfc3339(now),
        reason = entry.key .. " was stuck: " .. entry.stuck.text }
    end
  end
  return nil
end

-- Why the update that the spec asks for is not in force, or nil.
function M.taken_back(cluster, old)
  local taken = old.rollback
  if taken and taken.generation == cluster.generation then
    return "The update was taken back (spec.rollback: auto): " .. taken.reason .. ". A corrected spec goes through at once"
  end
  return nil
end

-- Conditions that are there only where there is something to say.
function M.more_conditions(cluster, done, entries)
  local list = tables.concat({ done.dynamic and done.dynamic.condition }, { done.leaders and done.leaders.condition })
  return tables.concat(tables.concat(list, { volumes.left_to_kubernetes(entries) }), { volumes.contradiction(cluster) })
end

-- The figures that Prometheus gets (init.gauges). kept: workloads that are removed when their pods are empty.
function M.figures(entries, kept)
  local list = {}
  for _, entry in ipairs(tables.concat(entries, kept)) do
    if entry.stuck then
      list[#list + 1] = { name = "stuck", value = 1,
        labels = { group = entry.key, cause = entry.stuck.kind, remedy = lib_names.cut(entry.stuck.remedy, 500) } }
    elseif entry.blocked then
      list[#list + 1] = { name = "stuck", value = 1, labels = { group = entry.key or entry.name, cause = "DrainBlocked",
        remedy = "what blocks it is in the condition Degraded; of workers: let their tasks end or kill them; onTimeout: "
          .. "proceed of the drain strategy goes on without" } }
    end
  end
  return table.move(list, 1, math.min(#list, M.figures_max), 1, {})
end

local function tell(ctx, list)
  for _, event in ipairs(list) do
    ctx.event(event)
  end
end

-- Writes the status, tells what happened, and says when to look again.
-- names_by_kind: of what was rendered; nil when nothing was, because nothing has changed.
function M.run(ctx, kube_door, cluster, old, names_by_kind, steps, done)
  local orphan_wait = nil
  if steps.count.keep == #steps.groups and #done.updated == 0 and not done.failure then
    orphan_wait = M.orphans(ctx, kube_door, cluster, steps, done)
  end
  local now = clock.now()
  local lists, look_s = survey(kube_door, cluster, old, names_by_kind, steps, done, now)
  local new = status.compose(cluster, old, {
    entries = steps.groups, errors = done.errors, kept = done.kept, left = done.left,
    resizing = M.resizing(kube_door, cluster, steps, done),
    unwritten = done.failure and done.failure.message,
    lists = lists, policy_version = ctx.policy_version,
    conditions = M.more_conditions(cluster, done, steps.groups), leaders = done.leaders,
    orphans = done.orphans, rollback = M.rollback(cluster, steps, now), taken_back = M.taken_back(cluster, old),
    rollout = steps.direction and status.rollout(steps.direction) or nil,
  }, now)
  ctx.gauges(M.figures(steps.groups, done.kept))
  tell(ctx, events.of_writes(done))
  local put_off_ms = status.put_off(old, new, now)
  local again_ms, lost = put_off_ms > 0 and put_off_ms or nil, nil
  if put_off_ms == 0 then
    local written, err = M.write_status(ctx, old, new)
    if not written and not M.may_have_arrived(err) then
      return nil, err
    end
    lost = not written and err or nil
  end
  tell(ctx, done.dynamic and done.dynamic.events or {})
  -- A run that wrote tells the rest at once; otherwise it is told with the status that it is in.
  if put_off_ms == 0 or #done.created + #done.updated + #done.deleted > 0 then
    tell(ctx, events.of_change(old, new, steps.groups))
  end
  if lost then
    return nil, lost
  end
  if done.failure then
    return nil, done.failure
  elseif done.left then
    return { requeue_ms = 1 }
  end
  again_ms = sooner(again_ms, look_s and look_s * 1000)
  again_ms = sooner(again_ms, orphan_wait and orphan_wait * 1000)
  again_ms = sooner(again_ms, done.dynamic and done.dynamic.again_ms)
  again_ms = sooner(again_ms, done.leaders and done.leaders.again_ms)
  again_ms = sooner(again_ms, done.again_ms)
  if cluster.spec.extraCommonConfig and #cluster.spec.extraCommonConfig > 0 then
    again_ms = sooner(again_ms, M.extra_config_again_ms)
  end
  if new.rollback and not json.equal(new.rollback, old.rollback) then
    again_ms = 1   -- what is noted is acted on
  end
  return again_ms and { requeue_ms = again_ms } or nil
end

return M
