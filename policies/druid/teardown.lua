-- Takes a cluster down: the story of a Druid object that is being deleted.
--
-- The finalizer is there to delete the volume claims of the cluster, after its workloads and pods; and, where that is
-- asked for (middleManagerDrainStrategy.whenDeleted: drain), to have workers end their tasks before, until a deadline.
-- It never stands in the way for good: an invalid object is torn down like any other; setting
-- spec.disablePVCDeletionFinalizer to true, even now, releases it with the volumes kept; and after spec.deletionDeadline
-- (1h, after the drains that were asked for) it ends with what can go. Volumes that pods may use then, on a node that is
-- lost or of somebody else, are left and named. Nothing is ever forced.

local condition = require "lib.condition"
local durations = require "lib.duration"
local events = require "druid.events"
local leaver = require "druid.rollout.leaver"
local lib_names = require "lib.names"
local middlemanager = require "druid.middlemanager"
local names = require "druid.names"
local observed = require "druid.observed"
local status = require "druid.status"
local stepper = require "druid.rollout.stepper"
local tables = require "lib.tables"
local volumes = require "druid.volumes"
local world = require "druid.world"

local M = {}

M.check_again_ms = 1000   -- pods that end wake nobody
M.refused_again_ms = 15000
M.deadline_s = 3600
M.let_go_s = 120          -- a Druid that does not answer is told no longer that its pods go on

local function has_finalizer(object, wanted)
  for _, name in ipairs(object.metadata.finalizers or {}) do
    if name == wanted then
      return true
    end
  end
  return false
end

-- When the deletion ends with what can go by then.
function M.deadline(cluster, now)
  local drain_s = 0
  for _, group in ipairs(cluster.groups) do
    local config = middlemanager.types[group.type or ""] and group.kind == "StatefulSet"
      and middlemanager.config(cluster, group)
    if config and config.when_deleted == "drain" then
      drain_s = math.max(drain_s, config.drain_s)
    end
  end
  return (clock.parse(cluster.object.metadata.deletionTimestamp or "") or now) + drain_s
    + (durations.seconds(tables.text(cluster.spec.deletionDeadline)) or M.deadline_s)
end

-- No answer that would be the same later, too.
local function passes(err)
  return not volumes.is_used(err) and err.code ~= "forbidden" and err.code ~= "invalid"
end

-- Deletes each of a list that is not being deleted yet. Gives how many are still there, the first error, and what is
-- not let go: list of { name =, why = }. A claim that is protected stays until its pod is gone; that is no error.
local function delete_all(ctx, list, reason)
  local left, failed, refused = 0, nil, {}
  for _, object in ipairs(list) do
    left = left + 1
    if not object.metadata.deletionTimestamp then
      local _, err = ctx.delete(object, { reason = reason })
      if err and not passes(err) then
        refused[#refused + 1] = { name = object.metadata.name, why = err.message }
      end
      failed = failed or (err and not volumes.is_used(err) and err or nil)
    end
  end
  return left, failed, refused
end

-- again_ms: when to look again, where that is not soon.
local function report(ctx, cluster, old, message, failed, again_ms)
  local new = status.stopped(cluster, old, "Deleting", message, failed ~= nil, clock.now())
  local done, err = ctx.status(new)
  if failed then
    return nil, failed
  elseif not done and err then
    return nil, err
  end
  return { requeue_ms = again_ms or M.check_again_ms }
end

local function workloads(kube, cluster)
  local owned, list = world.owned(kube, cluster), {}
  for _, kind in ipairs({ "StatefulSet", "Deployment" }) do
    for _, object in ipairs(owned[kind]) do
      list[#list + 1] = object
    end
  end
  return list
end

-- Gives back one set that stays: its workers take tasks, its Historicals get segments, and its declared strategy is in
-- force. True, or false while Druid has to be told; nil, err.
local function give_back(ctx, kube, cluster, set, druid)
  local told, err = true, nil
  if druid then
    told, err = leaver.take_back(ctx, kube, druid, cluster, set)
  end
  if told == nil then
    return nil, err
  elseif not observed.annotation(set, names.step) then
    return told
  end
  local entry = { key = set.metadata.name, group = { kind = "StatefulSet" }, type = (set.metadata.labels or {}).component,
    declared = cluster.spec.updateStrategy }
  for _, group in ipairs(cluster.groups) do
    if group.name == set.metadata.name then
      entry.group, entry.declared = group, group.node.updateStrategy or entry.declared
    end
  end
  entry.declared = tables.filled(entry.declared or {})
  local back, failed = stepper.give_back(ctx, kube, druid, cluster, entry, set)
  if back == nil then
    return nil, failed
  end
  return told and back
end

-- Workloads of the cluster that have no owner any more: Kubernetes has taken it from them, for they stay.
local function orphaned(kube, cluster, kind)
  local list = {}
  for _, object in ipairs(world.labelled(kube, cluster, kind, "apps/v1")) do
    if #(object.metadata.ownerReferences or {}) == 0 and tables.dig(object.metadata, "annotations", names.template_hash) then
      list[#list + 1] = object
    end
  end
  return list
end

-- `kubectl delete --cascade=orphan` asks for everything to stay. Its finalizer is gone as soon as Kubernetes has done its
-- part, which may be before anybody here has seen it.
local function all_stays(kube, cluster)
  return has_finalizer(cluster.object, "orphan") or #orphaned(kube, cluster, "StatefulSet") > 0
    or #orphaned(kube, cluster, "Deployment") > 0
end

-- Sets that stay get back what was taken from them for an update, or to empty their pods; druid: nil when that can not
-- be told any more. Words to wait for, or nil; and an error.
function M.let_go(ctx, kube, cluster, druid)
  local words
  for _, set in ipairs(tables.concat(world.owned(kube, cluster).StatefulSet, orphaned(kube, cluster, "StatefulSet"))) do
    local back, err = give_back(ctx, kube, cluster, set, druid)
    if back == nil then
      return nil, err
    end
    words = words or not back and "Druid is told that the pods of " .. set.metadata.name .. " go on" or nil
  end
  return words
end

-- Lets all go, for as long as it may take.
local function let_all_go(ctx, kube, cluster, druid)
  local begun = clock.parse(cluster.object.metadata.deletionTimestamp or "") or clock.now()
  return M.let_go(ctx, kube, cluster, not ctx.previewing and clock.now() - begun < M.let_go_s and druid or nil)
end

function M.run(ctx, kube, cluster, old, druid)
  if not has_finalizer(cluster.object, names.finalizer) then
    -- Nobody waits for us: what Kubernetes has not taken from its owner yet is given back all the same.
    if all_stays(kube, cluster) then
      let_all_go(ctx, kube, cluster, druid)
    end
    return nil
  end
  local stays = all_stays(kube, cluster)
  local waits = druid and not stays and leaver.before_deletion(ctx, kube, druid, cluster, clock.now())
  if waits then
    if old.message == nil or not old.message:find("^Deleting") then
      ctx.event(events.event("Normal", "DruidOperatorFinalizerTriggered", "Workers end their tasks before the cluster is "
        .. "deleted: " .. waits))
    end
    local _, err = report(ctx, cluster, old, "Deleting: " .. waits)
    if err then
      return nil, err
    end
    return { requeue_ms = leaver.again_ms }
  end
  if cluster.spec.disablePVCDeletionFinalizer or stays then
    local words, err
    if stays then
      words, err = let_all_go(ctx, kube, cluster, druid)
    end
    if err then
      return nil, err
    elseif words then
      local _, lost = report(ctx, cluster, old, "Deleting: " .. words)
      return not lost and { requeue_ms = leaver.again_ms } or nil, lost
    end
    local _, failed = ctx.finalizer_remove(names.finalizer)
    return nil, failed
  end
  if old.message == nil or not old.message:find("^Deleting") then
    ctx.event(events.event("Normal", "DruidOperatorFinalizerTriggered",
      "Deleting the pods of the cluster, then its volumes"))
  end
  local now = clock.now()
  local deadline = M.deadline(cluster, now)
  local late = now >= deadline
  local left, err = delete_all(ctx, workloads(kube, cluster), "the Druid object is being deleted")
  if left > 0 and (not late or err and passes(err)) then
    return report(ctx, cluster, old, err and "Deleting: " .. err.message or "Deleting the workloads", err)
  end
  local pods = world.labelled(kube, cluster, "Pod")
  if #pods > 0 and not late then
    return report(ctx, cluster, old, "Deleting: waits for the pods to end: " .. M.names(pods) .. M.until_words(deadline))
  end
  local claims = volumes.of_cluster(cluster, world.labelled(kube, cluster, "PersistentVolumeClaim"))
  local refused
  left, err, refused = delete_all(ctx, claims, "the Druid object is being deleted, with its volumes")
  if err and (not late or passes(err)) then
    M.tell(ctx, old, err.message)
    return report(ctx, cluster, old, "Deleting: " .. err.message
      .. " (set spec.disablePVCDeletionFinalizer to true to keep the volumes)", err)
  end
  local remaining = volumes.of_cluster(cluster, world.labelled(kube, cluster, "PersistentVolumeClaim"))
  if left > 0 and #remaining > 0 and not late then
    if refused[1] then
      M.tell(ctx, old, refused[1].why)
    end
    return report(ctx, cluster, old, "Deleting: waits for the volumes to be released"
      .. (refused[1] and ": " .. refused[1].why or "") .. M.until_words(deadline), nil, refused[1] and M.refused_again_ms)
  end
  if refused[1] then
    ctx.event(events.event("Warning", "DruidVolumesLeft", M.left_words(cluster, refused)))
  else
    ctx.event(events.event("Normal", "DruidFinalizerSuccess", "The cluster and its volumes are deleted"))
  end
  local _, failed = ctx.finalizer_remove(names.finalizer)
  return nil, failed
end

-- What keeps volumes from going is told when it is new.
function M.tell(ctx, old, words)
  local told = condition.find(old.conditions, "Progressing")
  if not (told and told.message or ""):find(words, 1, true) then
    ctx.event(events.event("Warning", "DruidFinalizerFailed", words))
  end
end

function M.names(objects)
  local list = {}
  for i, object in ipairs(objects) do
    list[i] = object.metadata.name
  end
  table.sort(list)
  return lib_names.list(list, 3)
end

function M.until_words(deadline)
  return string.format(" (until %s, spec.deletionDeadline; then volumes that are in use are left. "
    .. "spec.disablePVCDeletionFinalizer: true keeps all of them and ends it now)", clock.rfc3339(deadline))
end

function M.left_words(cluster, refused)
  local list = {}
  for i, row in ipairs(refused) do
    list[i] = row.name
  end
  return lib_names.cut(string.format("The deletion is over at its deadline, and volumes are left: %s (%s). When nobody uses "
    .. "them any more: kubectl -n %s delete pvc %s", lib_names.list(list), refused[1].why, cluster.namespace,
    table.concat(list, " ")), 1000)
end

return M
