-- The Druid controller: the story of one run, top to bottom, in `M.run`.
--
-- A run is given the name of a Druid object and sees the world as it is. It never asks what happened;
-- it renders what should be, compares, and writes the difference. So it can be stopped anywhere and
-- run again. What is decided lives in the modules it calls, each of which can be overridden:
--   check       may this object be deployed at all          render      the objects it asks for
--   adopt       what a live workload keeps                  rollout     which groups may restart now
--   plan        all of it put together for one run          status      how the cluster is
--   volumes     claims that nobody needs any more           teardown    the end of a cluster

local check = require "druid.check"
local events = require "druid.events"
local groups = require "druid.groups"
local leader = require "druid.leader"
local names = require "druid.names"
local observed = require "druid.observed"
local plan = require "druid.plan"
local pods = require "druid.pods"
local render = require "druid.render"
local replicas = require "druid.replicas"
local rollout = require "druid.rollout"
local status = require "druid.status"
local tables = require "lib.tables"
local teardown = require "druid.teardown"
local volumes = require "druid.volumes"
local world = require "druid.world"

local M = {}

M.watches = {
  primaries = { { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid" } },
  { apiVersion = "apps/v1", kind = "StatefulSet", labels = "app=druid", map = "owner" },
  { apiVersion = "apps/v1", kind = "Deployment", labels = "app=druid", map = "owner" },
  { apiVersion = "v1", kind = "Service", labels = "app=druid", map = "owner" },
  { apiVersion = "v1", kind = "ConfigMap", labels = "app=druid", map = "owner" },
  { apiVersion = "policy/v1", kind = "PodDisruptionBudget", labels = "app=druid", map = "owner",
    optional = true },
  { apiVersion = "networking.k8s.io/v1", kind = "Ingress", labels = "app=druid", map = "owner",
    optional = true },
  -- All autoscalers: one that somebody else made may set the size of a group, too.
  { apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler", map = "owner", optional = true },
  { apiVersion = "v1", kind = "Pod", labels = "app=druid", map = { label = "druid_cr" },
    fields = { "metadata.labels", "status.phase", "status.reason", "status.conditions",
      "status.initContainerStatuses", "status.containerStatuses" } },
  { apiVersion = "v1", kind = "PersistentVolumeClaim", labels = "app=druid",
    map = { label = "druid_cr" } },
}

M.rights = {
  ["druid.apache.org/v1alpha1/Druid"] = { "status", "finalizer", "event" },
  ["apps/v1/StatefulSet"] = { "apply", "patch", "delete", "read" },
  ["apps/v1/Deployment"] = { "apply", "patch", "delete", "read" },
  ["v1/Service"] = { "apply", "delete" },
  ["v1/ConfigMap"] = { "apply", "delete", "read" },
  ["policy/v1/PodDisruptionBudget"] = { "apply", "delete" },
  ["networking.k8s.io/v1/Ingress"] = { "apply", "delete" },
  ["autoscaling/v2/HorizontalPodAutoscaler"] = { "apply", "delete" },
  -- Claims of a StatefulSet have no owner; druid.volumes proves whose they are, the gate that they are free.
  ["v1/PersistentVolumeClaim"] = { "apply", "patch", "delete", "delete-any" },
  http = true,
}

M.extra_config_again_ms = 60000   -- ConfigMaps of spec.extraCommonConfig are not watched

-- The story -------------------------------------------------------------------------------------

function M.run(ctx, kube_door, http_door)
  if not ctx.object then
    return nil   -- Gone. Kubernetes collects what it owned.
  end
  local cluster = world.cluster(ctx.object)
  local old = cluster.object.status or {}

  if cluster.object.metadata.deletionTimestamp then
    return teardown.run(ctx, kube_door, cluster, old)
  end
  if M.is_paused(cluster) then
    return M.stop(ctx, cluster, old, "Paused", "Paused by the annotation " .. names.ignored)
  end
  local problem = M.problem(ctx, cluster, old)
  if problem then
    return M.stop(ctx, cluster, old, "InvalidSpec", "Invalid: " .. problem, problem)
  end
  local kept, err = M.keep_finalizer(ctx, cluster)
  if not kept then
    return nil, err
  end
  local extra, missing = world.extra_config(kube_door, cluster)
  if not extra then
    M.stop(ctx, cluster, old, "MissingConfigMap", missing.field .. ": " .. missing.message, missing.message)
    return nil, missing
  end

  local wanted = render.cluster(cluster, extra)
  local live = M.look(ctx, kube_door, cluster, wanted, old)
  local entries = plan.entries(cluster, wanted, live)
  local direction = M.direction(ctx, http_door, cluster, wanted, entries, old)
  local steps = plan.decide(cluster, wanted, live, entries, direction)

  local done = { created = {}, updated = {}, deleted = {}, errors = {}, kept = {} }
  if M.write(ctx, wanted, steps, done) then
    M.remove(ctx, kube_door, cluster, wanted, steps, done)
  end
  return M.report(ctx, kube_door, cluster, old, steps, done)
end

-- The parts of the story, in the order of their appearance ----------------------------------------

function M.is_paused(cluster)
  return tables.dig(cluster.object.metadata, "annotations", names.ignored) == "true"
end

-- What is wrong with the object, as text; nil when it can be deployed. An object that has passed is
-- not judged again by the same policy.
function M.problem(ctx, cluster, old)
  if old.observedGeneration == cluster.generation and old.policyVersion == ctx.policy_version then
    return nil
  end
  local problems = check.problems(cluster.object)
  if #problems == 0 then
    return nil
  end
  local text = check.sentence(problems[1])
  if #problems > 1 then
    text = text .. string.format(" (and %d more)", #problems - 1)
  end
  return text
end

-- Ends a run before anything is touched. problem: what is wrong, or nil when nothing is.
function M.stop(ctx, cluster, old, reason, message, problem)
  local new = status.stopped(cluster, old, reason, message, problem ~= nil, clock.now())
  local written, err = M.write_status(ctx, old, new)
  if not written then
    return nil, err
  end
  if problem then
    local event = events.once(old, "Degraded", "DruidOperatorInvalidSpec", message)
    if event then
      ctx.event(event)
    end
    return { terminal = message }
  end
  return nil
end

-- The finalizer is there before the first object, so that volumes are never forgotten; and it goes
-- when the volumes are to be kept.
function M.keep_finalizer(ctx, cluster)
  local has = false
  for _, name in ipairs(cluster.object.metadata.finalizers or {}) do
    has = has or name == names.finalizer
  end
  local keep, _, err = not cluster.spec.disablePVCDeletionFinalizer, nil, nil
  if has and not keep then
    _, err = ctx.finalizer_remove(names.finalizer)
  elseif keep and not has then
    _, err = ctx.finalizer_add(names.finalizer)
  end
  return err == nil, err
end

-- What is there now, in the form that druid.plan wants.
function M.look(ctx, kube_door, cluster, wanted, old)
  local autoscaled = world.autoscaled(kube_door, cluster)
  local found = { live = {}, autoscaled = autoscaled, disowned = {}, before = {} }
  for _, group in ipairs(old.groups or {}) do
    found.before[group.workload] = group
  end
  local common = world.config(kube_door, cluster, wanted.common.metadata.name)
  found.common = common and common.data
  for _, part in ipairs(wanted.groups) do
    local group = part.group
    local live = { workload = world.workload(kube_door, cluster, group), claims = {} }
    local config = world.config(kube_door, cluster, part.config.metadata.name)
    live.config = config and config.data
    for _, claim in ipairs(part.claims) do
      live.claims[claim.metadata.name] = world.claim(kube_door, cluster, claim.metadata.name)
    end
    found.live[group.name] = live
    local key = group.kind .. "/" .. group.name
    local unsaid = autoscaled[key] or group.node.replicas == nil
    if unsaid and live.workload then
      -- A failure here only means that the count is kept as it is for now.
      found.disowned[key] = replicas.disown(ctx, kube_door, live.workload) or false
    end
  end
  return found
end

-- Upgrade or downgrade: decided when images change, and remembered in the status until they are in.
function M.direction(ctx, http_door, cluster, wanted, entries, old)
  local changes = plan.image_changes(entries)
  local direction = rollout.direction(changes)
  if not direction then
    return nil
  end
  local before = old.rollout
  if before and before.from == direction.from and before.to == direction.to then
    direction.downgrade, direction.why = before.order:find("^downgrade") ~= nil, before.order
  else
    if not direction.known and not ctx.previewing then
      direction = rollout.direction(changes, leader.version(http_door, cluster, wanted.groups))
    end
    direction.why = direction.why .. ": " .. M.order_text(entries, direction.downgrade)
  end
  return direction
end

function M.order_text(entries, downgrade)
  local keys = {}
  for _, entry in ipairs(rollout.sort(entries, downgrade)) do
    if entry.state.exists and entry.changed then
      keys[#keys + 1] = entry.key
    end
  end
  return table.concat(keys, ", ")
end

-- Notes the answers of apply_all. objects[i] belongs to owners[i] (an entry, or nil for the cluster).
local function note_answers(answers, objects, owners, done)
  local all_written = true
  for i, answer in ipairs(answers) do
    local object, entry = objects[i], owners[i]
    local what = { kind = object.kind, name = object.metadata.name }
    if answer.err then
      all_written = false
      done.failure = done.failure or answer.err
      if answer.err.code ~= "conflict" then
        local text = what.kind .. " " .. what.name .. ": " .. answer.err.message
        if entry then
          entry.failed = entry.failed or text
        else
          done.errors[#done.errors + 1] = text
        end
      end
      if entry then
        entry.held = true
      end
    elseif answer.change == "created" then
      table.insert(done.created, what)
    elseif answer.change == "updated" then
      table.insert(done.updated, what)
    end
    if entry and answer.object and answer.change ~= "same" and what.kind == entry.group.kind then
      entry.state = observed.state(json.copy(answer.object), entry.group.name)
    end
  end
  return all_written
end

-- Writes the plan: ConfigMaps and Services of all groups side by side, then their workloads. A group
-- whose first part failed does not get its second; the others do. False when anything failed.
function M.write(ctx, wanted, steps, done)
  for _, stamp in ipairs(steps.stamps) do
    local _, err = ctx.patch(stamp.target,
      { metadata = { annotations = { [names.config_hash] = stamp.value } } }, { type = "merge" })
    if err then
      done.failure = err
      return false
    end
  end
  local first, first_of, second, second_of = {}, {}, {}, {}
  if steps.common then
    first[1], first_of[1] = wanted.common, false
  end
  for _, entry in ipairs(steps.groups) do
    local before, after = plan.objects(entry)
    for _, object in ipairs(before) do
      first[#first + 1], first_of[#first + 1] = object, entry
    end
    entry.second = after
  end
  local answers = ctx.apply_all(first, { whole = { "data", "spec.selector" } })
  local written = note_answers(answers, first, first_of, done)
  if #done.errors > 0 or (steps.common and answers[1].err) then
    return false   -- No pod may start without the common configuration.
  end
  for _, entry in ipairs(steps.groups) do
    for _, object in ipairs(entry.held and {} or entry.second) do
      second[#second + 1], second_of[#second + 1] = object, entry
    end
  end
  return note_answers(ctx.apply_all(second), second, second_of, done) and written
end

-- Deletes what is no longer asked for.
function M.remove(ctx, kube_door, cluster, wanted, steps, done)
  local list
  list, done.kept = plan.removals(cluster, wanted, world.owned(kube_door, cluster), steps.groups, world.kinds)
  for _, object in ipairs(list) do
    local _, err = ctx.delete(object, { reason = "not in spec.nodes any more" })
    if err then
      done.failure = done.failure or err
      table.insert(done.errors, object.kind .. " " .. object.name .. ": " .. err.message)
    else
      table.insert(done.deleted, object)
    end
  end
end

-- Names for the lists in the status, and what troubles the pods of groups that are not ready.
local function survey(kube_door, cluster, steps)
  local lists = { pods = {}, persistentVolumeClaims = {} }
  for _, kind in ipairs(world.kinds) do
    lists[kind.list] = {}
    for _, object in ipairs(kube_door.list({ apiVersion = kind.apiVersion, kind = kind.kind,
                                             namespace = cluster.namespace, owner = cluster.uid })) do
      table.insert(lists[kind.list], object.metadata.name)
    end
  end
  for _, entry in ipairs(steps.groups) do
    for _, pod in ipairs(world.pods(kube_door, cluster, entry.group, entry.live)) do
      table.insert(lists.pods, pod.metadata.name)
      if not entry.state.settled and not entry.trouble then
        entry.trouble = pods.trouble(pod)
      end
    end
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
  return lists
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

-- Marks claims of ordinals that were scaled away, and deletes them when nobody wanted them back.
-- Gives the seconds until the next is due, or nil.
function M.orphans(ctx, kube_door, cluster, steps, done)
  if cluster.spec.deleteOrphanPvc == false then
    return nil
  end
  local sets, any = {}, false
  for _, entry in ipairs(steps.groups) do
    if entry.group.kind == "StatefulSet" and entry.workload.spec.volumeClaimTemplates then
      sets[entry.group.name], any = entry.live, true
    end
  end
  if not any then
    return nil
  end
  local now = clock.now()
  local claims = world.labelled(kube_door, cluster, "PersistentVolumeClaim")
  local orphans = volumes.orphans(cluster, claims, sets, now)
  local failed
  for _, claim in ipairs(orphans.mark) do
    _, failed = ctx.patch(claim, volumes.mark_patch(now), { type = "merge" })
    done.failure = done.failure or failed
  end
  for _, claim in ipairs(orphans.unmark) do
    _, failed = ctx.patch(claim, volumes.unmark_patch(), { type = "merge" })
    done.failure = done.failure or failed
  end
  for _, claim in ipairs(orphans.delete) do
    _, failed = ctx.delete(claim, { reason = "beyond the replicas of its StatefulSet, spec.deleteOrphanPvc" })
    done.failure = done.failure or failed
    if not failed then
      table.insert(done.deleted, { kind = "PersistentVolumeClaim", name = claim.metadata.name })
    end
  end
  return orphans.wait_s
end

local function sooner(first, second)
  if not first or not second then
    return first or second
  end
  return math.min(first, second)
end

-- Writes the status, tells what happened, and says when to look again.
function M.report(ctx, kube_door, cluster, old, steps, done)
  local orphan_wait = nil
  if steps.count.keep == #steps.groups and #done.updated == 0 and not done.failure then
    orphan_wait = M.orphans(ctx, kube_door, cluster, steps, done)
  end
  local now = clock.now()
  local direction = steps.direction
  local new = status.compose(cluster, old, {
    entries = steps.groups, errors = done.errors, kept = done.kept,
    lists = survey(kube_door, cluster, steps), policy_version = ctx.policy_version,
    rollout = direction and { from = direction.from, to = direction.to, order = direction.why } or nil,
  }, now)
  local put_off_ms = status.put_off(old, new, now)
  local again_ms = put_off_ms > 0 and put_off_ms or nil
  if put_off_ms == 0 then
    local written, err = M.write_status(ctx, old, new)
    if not written then
      return nil, err
    end
  end
  for _, event in ipairs(events.of_run(done, old, new)) do
    if put_off_ms == 0 or #done.created + #done.updated + #done.deleted > 0 then
      ctx.event(event)
    end
  end
  if done.failure then
    return nil, done.failure
  end
  local deadline = status.next_deadline(new, now)
  again_ms = sooner(again_ms, deadline and deadline * 1000)
  again_ms = sooner(again_ms, orphan_wait and orphan_wait * 1000)
  if cluster.spec.extraCommonConfig and #cluster.spec.extraCommonConfig > 0 then
    again_ms = sooner(again_ms, M.extra_config_again_ms)
  end
  return again_ms and { requeue_ms = again_ms } or nil
end

-- The contract ------------------------------------------------------------------------------------

function M.reconcile(ctx)
  return M.run(ctx, kube, http)
end

-- The objects of a Druid object, as for a new cluster.
function M.render(object)
  local plain = json.copy(object)
  local problems = check.problems(plain)
  if #problems > 0 then
    return nil, { code = "invalid", message = check.sentence(problems[1]) }
  end
  return render.objects(groups.cluster(plain))
end

function M.check(object)
  return check.problems(json.copy(object))
end

function M.summary(object)
  return status.summary(object)
end

return M
