-- The StatefulSet controller: ordinals, revisions, claims, ordered and parallel management, rolling
-- updates from the top down. Follows the real controller step by step; `plan` is pure.
local pods = require "kubernetes.pod"
local revision = require "kubernetes.revision"

local M = {}

M.watches = {
  primaries = { { apiVersion = "apps/v1", kind = "StatefulSet" } },
  { apiVersion = "v1", kind = "Pod", map = "owner" },
  { apiVersion = "apps/v1", kind = "ControllerRevision", map = "owner" },
  { apiVersion = "v1", kind = "PersistentVolumeClaim", map = "none", fields = { "metadata.labels" } },
}
M.rights = {
  ["apps/v1/StatefulSet"] = { "status", "event" },
  ["v1/Pod"] = { "create", "patch", "delete" },
  ["apps/v1/ControllerRevision"] = { "create", "patch", "delete" },
  ["v1/PersistentVolumeClaim"] = { "create" },
}

local function replicas_of(set)
  return set.spec.replicas or 1
end

local function partition_of(set)
  local rolling = set.spec.updateStrategy and set.spec.updateStrategy.rollingUpdate
  return rolling and rolling.partition or 0
end

local function is_rolling(set)
  return not set.spec.updateStrategy or set.spec.updateStrategy.type ~= "OnDelete"
end

local function revision_of(pod)
  return pod.metadata.labels and pod.metadata.labels["controller-revision-hash"]
end

-- What to do next: { create = {ordinals}, delete = {pods} }. `slots` maps ordinal -> pod.
function M.plan(set, slots, condemned, update_name)
  local todo = { create = {}, delete = {} }
  local ordered = set.spec.podManagementPolicy ~= "Parallel"
  local healthy = true
  for ordinal = 0, replicas_of(set) - 1 do
    local pod = slots[ordinal]
    if not pod then
      todo.create[#todo.create + 1] = ordinal
      healthy = false
    elseif pods.is_failed(pod) and not pods.is_deleting(pod) then
      todo.delete[#todo.delete + 1] = pod
      healthy = false
    elseif pods.is_deleting(pod) or not pods.is_ready(pod) then
      healthy = false
    end
    if ordered and not healthy then return todo end
  end
  for _, pod in ipairs(condemned) do
    if not pods.is_deleting(pod) then todo.delete[#todo.delete + 1] = pod end
    if ordered then return todo end
  end
  if not is_rolling(set) or #condemned > 0 then return todo end
  for ordinal = replicas_of(set) - 1, partition_of(set), -1 do
    local pod = slots[ordinal]
    if not pod or pods.is_deleting(pod) then return todo end
    if revision_of(pod) ~= update_name then
      todo.delete[#todo.delete + 1] = pod
      return todo
    end
    if not pods.is_ready(pod) then return todo end
  end
  return todo
end

function M.status(set, all, current_name, update_name)
  local status = {
    observedGeneration = set.metadata.generation, replicas = 0, readyReplicas = 0, availableReplicas = 0,
    currentReplicas = 0, updatedReplicas = 0, currentRevision = current_name, updateRevision = update_name,
    collisionCount = 0,
  }
  for _, pod in ipairs(all) do
    status.replicas = status.replicas + 1
    if pods.is_ready(pod) then
      status.readyReplicas = status.readyReplicas + 1
      status.availableReplicas = status.availableReplicas + 1
    end
    if not pods.is_deleting(pod) then
      if revision_of(pod) == current_name then status.currentReplicas = status.currentReplicas + 1 end
      if revision_of(pod) == update_name then status.updatedReplicas = status.updatedReplicas + 1 end
    end
  end
  local wanted = replicas_of(set)
  if is_rolling(set) and status.updatedReplicas == wanted and status.readyReplicas == wanted
    and status.replicas == wanted then
    status.currentRevision = update_name
    status.currentReplicas = status.updatedReplicas
  end
  return status
end

local function claims_of(set, ordinal)
  local claims = {}
  for _, template in ipairs(set.spec.volumeClaimTemplates or {}) do
    local labels = json.copy(template.metadata.labels or json.object{})
    for key, value in pairs(set.spec.selector.matchLabels or {}) do labels[key] = value end
    claims[#claims + 1] = {
      volume = template.metadata.name,
      object = {
        apiVersion = "v1", kind = "PersistentVolumeClaim",
        metadata = {
          namespace = set.metadata.namespace, labels = labels, annotations = template.metadata.annotations,
          name = template.metadata.name .. "-" .. set.metadata.name .. "-" .. ordinal,
        },
        spec = json.copy(template.spec),
      },
    }
  end
  return claims
end

function M.pod(set, ordinal, from)
  local name = set.metadata.name .. "-" .. ordinal
  local pod = pods.from_template(from.data.spec.template, set, name, {
    ["statefulset.kubernetes.io/pod-name"] = name,
    ["apps.kubernetes.io/pod-index"] = tostring(ordinal),
    ["controller-revision-hash"] = from.metadata.name,
  })
  pod.spec["$patch"] = nil
  pod.spec.hostname = name
  if set.spec.serviceName and set.spec.serviceName ~= "" then pod.spec.subdomain = set.spec.serviceName end
  local volumes, taken = {}, {}
  for _, claim in ipairs(claims_of(set, ordinal)) do
    taken[claim.volume] = true
    volumes[#volumes + 1] = { name = claim.volume, persistentVolumeClaim = { claimName = claim.object.metadata.name } }
  end
  for _, volume in ipairs(pod.spec.volumes or {}) do
    if not taken[volume.name] then volumes[#volumes + 1] = volume end
  end
  if #volumes > 0 then pod.spec.volumes = volumes end
  return pod
end

local function create_claims(ctx, set, ordinal)
  for _, claim in ipairs(claims_of(set, ordinal)) do
    local meta = claim.object.metadata
    local live = kube.get{ apiVersion = "v1", kind = "PersistentVolumeClaim", namespace = meta.namespace, name = meta.name }
    if live and pods.is_deleting(live) then
      return nil, { code = "conflict", message = "pvc " .. meta.name .. " is being deleted" }
    end
    if not live then
      local _, err = ctx.create(claim.object)
      if err and err.code ~= "exists" then return nil, err end
    end
  end
  return true
end

-- The revisions of the set. One that has none is new, and adopts those that a former set left to nobody.
local function own_revisions(ctx, set)
  local filter = { apiVersion = "apps/v1", kind = "ControllerRevision", namespace = set.metadata.namespace,
    owner = set.metadata.uid }
  local list = kube.list(filter)
  if #list > 0 or pods.is_deleting(set) then return list end
  filter.owner = nil
  local adopted = {}
  for _, one in ipairs(kube.list(filter)) do
    if not pods.controller_of(one) and pods.matches(set.spec.selector, one.metadata.labels or {}) then
      local mine, err = ctx.patch(one,
        { metadata = { ownerReferences = { pods.owner_reference(set) }, uid = one.metadata.uid } })
      if not mine then return nil, err end
      adopted[#adopted + 1] = mine
    end
  end
  return adopted
end

-- The revision that the template asks for and the one that is current, both existing.
local function revisions_of(ctx, set)
  local data = revision.data(set)
  local list, failed = own_revisions(ctx, set)
  if not list then return nil, failed end
  list = revision.sorted(list)
  local what, update, number = revision.choose(list, data)
  local err
  if what == "create" then
    update, err = ctx.create(revision.object(set, data, number))
  elseif what == "raise" then
    update, err = ctx.patch(update, { revision = number })
  end
  if not update then return nil, err end
  local current = update
  for _, candidate in ipairs(list) do
    if set.status and candidate.metadata.name == set.status.currentRevision then current = candidate end
  end
  return { update = update, current = current, list = list }
end

-- The pods that may belong to the set: those it owns, and by their names those that nobody owns. All pods
-- of the namespace would have to be looked at otherwise, for each of its sets.
local function candidates(set)
  local list, seen = {}, {}
  for _, pod in ipairs(kube.list{ apiVersion = "v1", kind = "Pod", namespace = set.metadata.namespace,
    owner = set.metadata.uid }) do
    list[#list + 1] = pod
    seen[pod.metadata.name] = true
  end
  local ordinal = 0
  while true do
    local name = set.metadata.name .. "-" .. ordinal
    local pod = not seen[name]
      and kube.get{ apiVersion = "v1", kind = "Pod", namespace = set.metadata.namespace, name = name }
    if pod and not pods.controller_of(pod) and pods.matches(set.spec.selector, pod.metadata.labels or {}) then
      list[#list + 1] = pod
    elseif not pod and not seen[name] and ordinal >= replicas_of(set) then
      return list
    end
    ordinal = ordinal + 1
  end
end

-- Adopts what matches and belongs to nobody; gives slots by ordinal, the condemned from the top, and all.
local function claim_pods(ctx, set)
  local slots, condemned, all = {}, {}, {}
  for _, pod in ipairs(candidates(set)) do
    local owner = pods.controller_of(pod)
    local ordinal = pods.ordinal(pod.metadata.name, set.metadata.name)
    if not owner and ordinal and not pods.is_deleting(pod) and not pods.is_deleting(set) then
      local adopted = ctx.patch(pod, { metadata = { ownerReferences = { pods.owner_reference(set) }, uid = pod.metadata.uid } })
      pod, owner = adopted or pod, adopted and pods.controller_of(adopted)
    end
    if owner and owner.uid == set.metadata.uid and ordinal then
      all[#all + 1] = pod
      if ordinal < replicas_of(set) then slots[ordinal] = pod else condemned[#condemned + 1] = pod end
    end
  end
  table.sort(condemned, function(a, b)
    return pods.ordinal(a.metadata.name, set.metadata.name) > pods.ordinal(b.metadata.name, set.metadata.name)
  end)
  return slots, condemned, all
end

local function forget_old_revisions(ctx, set, found, all)
  local live = { [found.update.metadata.name] = true, [found.current.metadata.name] = true }
  for _, pod in ipairs(all) do live[revision_of(pod) or ""] = true end
  local old = {}
  for _, candidate in ipairs(found.list) do
    if not live[candidate.metadata.name] then old[#old + 1] = candidate end
  end
  for i = 1, #old - (set.spec.revisionHistoryLimit or 10) do ctx.delete(old[i], { reason = "revision history limit" }) end
end

local function act(ctx, set, todo, found)
  for _, ordinal in ipairs(todo.create) do
    local done, err = create_claims(ctx, set, ordinal)
    if not done then return nil, err end
    local from = (is_rolling(set) and ordinal < partition_of(set)) and found.current or found.update
    local _, failed = ctx.create(M.pod(set, ordinal, from))
    if failed and failed.code ~= "exists" then
      ctx.event{ type = "Warning", reason = "FailedCreate", action = "Create",
        message = "create Pod " .. set.metadata.name .. "-" .. ordinal .. " failed: " .. failed.message }
      return nil, failed
    end
  end
  for _, pod in ipairs(todo.delete) do
    local done, err = ctx.delete(pod, { reason = "statefulset" })
    if not done then return nil, err end
  end
  return true
end

function M.reconcile(ctx)
  local set = ctx.object
  if not set then return end
  local found, err = revisions_of(ctx, set)
  if not found then return nil, err end
  local slots, condemned, all = claim_pods(ctx, set)
  if not pods.is_deleting(set) then
    local done, failed = act(ctx, set, M.plan(set, slots, condemned, found.update.metadata.name), found)
    if not done then return nil, failed end
    forget_old_revisions(ctx, set, found, all)
  end
  slots, condemned, all = claim_pods(ctx, set)
  local _ = slots and condemned
  local written, failed = ctx.status(M.status(set, all, found.current.metadata.name, found.update.metadata.name))
  if not written then return nil, failed end
end

return M
