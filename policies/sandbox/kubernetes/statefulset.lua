-- The StatefulSet controller: ordinals, revisions, claims, ordered and parallel management, rolling
-- updates from the top down. Follows the real controller step by step; `plan` is pure.
local pods = require "kubernetes.pod"
local revision = require "kubernetes.revision"

local M = {}

M.LOOK_AGAIN_MS = 50   -- for a claim that is still being deleted

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
  ["v1/PersistentVolumeClaim"] = { "create", "patch" },
}

local function replicas_of(set)
  return set.spec.replicas or 1
end

local function first_of(set)
  return set.spec.ordinals and set.spec.ordinals.start or 0
end

local function last_of(set)
  return first_of(set) + replicas_of(set) - 1
end

-- The lowest ordinal that is updated.
local function partition_of(set)
  local rolling = set.spec.updateStrategy and set.spec.updateStrategy.rollingUpdate
  return first_of(set) + (rolling and rolling.partition or 0)
end

local function unavailable_s(set, pod)
  return pods.seconds_until_available(pod, set.spec.minReadySeconds)
end

local function is_available(set, pod)
  return unavailable_s(set, pod) == 0
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
  for ordinal = first_of(set), last_of(set) do
    local pod = slots[ordinal]
    if not pod then
      todo.create[#todo.create + 1] = ordinal
      healthy = false
    elseif pods.is_failed(pod) and not pods.is_deleting(pod) then
      todo.delete[#todo.delete + 1] = pod
      healthy = false
    elseif pods.is_deleting(pod) or not is_available(set, pod) then
      healthy = false
    end
    if ordered and not healthy then return todo end
  end
  for _, pod in ipairs(condemned) do
    if not pods.is_deleting(pod) then todo.delete[#todo.delete + 1] = pod end
    if ordered then return todo end
  end
  if not is_rolling(set) or #condemned > 0 then return todo end
  for ordinal = last_of(set), partition_of(set), -1 do
    local pod = slots[ordinal]
    if not pod or pods.is_deleting(pod) then return todo end
    if revision_of(pod) ~= update_name then
      todo.delete[#todo.delete + 1] = pod
      return todo
    end
    if not is_available(set, pod) then return todo end
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
      if is_available(set, pod) then status.availableReplicas = status.availableReplicas + 1 end
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
  pod.metadata.generateName = set.metadata.name .. "-"
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

-- Whom the claims of an ordinal go with: the pod that is scaled away, the set, or nobody.
function M.claim_owners(set, pod, condemned)
  local policy = set.spec.persistentVolumeClaimRetentionPolicy or {}
  if condemned and policy.whenScaled == "Delete" and pod then return json.array{ pods.owner_reference(pod) } end
  if policy.whenDeleted == "Delete" and not (condemned and policy.whenScaled == "Delete") then
    return json.array{ pods.owner_reference(set) }
  end
  return json.array{}
end

-- Puts that right on the claims that there are.
local function own_claims(ctx, set, pod, condemned)
  local ordinal = pods.ordinal(pod.metadata.name, set.metadata.name)
  local wanted = M.claim_owners(set, pod, condemned)
  for _, claim in ipairs(claims_of(set, ordinal)) do
    local meta = claim.object.metadata
    local live = kube.get{ apiVersion = "v1", kind = "PersistentVolumeClaim", namespace = meta.namespace, name = meta.name }
    local owner = live and pods.controller_of(live)
    local foreign = owner and owner.uid ~= set.metadata.uid and owner.kind ~= "Pod"
    if live and not foreign and (owner and owner.uid) ~= (wanted[1] and wanted[1].uid) then
      local done, err = ctx.patch(live, { metadata = { ownerReferences = wanted, uid = live.metadata.uid } })
      if not done and err.code ~= "not_found" then return nil, err end
    end
  end
  return true
end

local function create_claims(ctx, set, ordinal)
  for _, claim in ipairs(claims_of(set, ordinal)) do
    local meta = claim.object.metadata
    local live = kube.get{ apiVersion = "v1", kind = "PersistentVolumeClaim", namespace = meta.namespace, name = meta.name }
    if live and pods.is_deleting(live) then
      return nil, { code = "claim_goes", message = "pvc " .. meta.name .. " is being deleted" }
    end
    if not live then
      local owners = M.claim_owners(set, nil, false)
      if #owners > 0 then meta.ownerReferences = owners end
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
  if pods.is_deleting(set) and what ~= "use" then -- the real one makes it again, to see it collected
    local status = set.status or {}
    return { update = { metadata = { name = status.updateRevision } },
      current = { metadata = { name = status.currentRevision } }, list = {} }
  end
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
  local ordinal = first_of(set)
  while true do
    local name = set.metadata.name .. "-" .. ordinal
    local pod = not seen[name]
      and kube.get{ apiVersion = "v1", kind = "Pod", namespace = set.metadata.namespace, name = name }
    if pod and not pods.controller_of(pod) and pods.matches(set.spec.selector, pod.metadata.labels or {}) then
      list[#list + 1] = pod
    elseif not pod and not seen[name] and ordinal > last_of(set) then
      return list
    end
    ordinal = ordinal + 1
  end
end

-- Whether somebody has the name of one of the set's pods, who may become its pod.
local function has_stranger(set)
  for ordinal = first_of(set), last_of(set) do
    local pod = kube.get{ apiVersion = "v1", kind = "Pod", namespace = set.metadata.namespace,
      name = set.metadata.name .. "-" .. ordinal }
    if pod and not pods.controller_of(pod) and not pods.is_deleting(pod) then return true end
  end
  return false
end

-- Adopts what matches and belongs to nobody; gives slots by ordinal, the condemned from the top, and all.
-- What does not match any more is released.
local function claim_pods(ctx, set)
  local slots, condemned, all = {}, {}, {}
  for _, pod in ipairs(candidates(set)) do
    local owner = pods.controller_of(pod)
    local ordinal = pods.ordinal(pod.metadata.name, set.metadata.name)
    if not owner and ordinal and not pods.is_deleting(pod) and not pods.is_deleting(set) then
      local adopted = ctx.patch(pod, { metadata = { ownerReferences = { pods.owner_reference(set) }, uid = pod.metadata.uid } })
      pod, owner = adopted or pod, adopted and pods.controller_of(adopted)
    end
    local matches = pods.matches(set.spec.selector, pod.metadata.labels or {})
    if owner and owner.uid == set.metadata.uid and not matches and not pods.is_deleting(set) then
      ctx.patch(pod, { metadata = { ownerReferences = json.array{}, uid = pod.metadata.uid } })
    elseif owner and owner.uid == set.metadata.uid and ordinal then
      all[#all + 1] = pod
      if ordinal >= first_of(set) and ordinal <= last_of(set) then slots[ordinal] = pod else condemned[#condemned + 1] = pod end
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

local function act(ctx, set, todo, found, slots, condemned)
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
  for _, list in ipairs{ slots, condemned } do
    for _, pod in pairs(list) do
      local done, err = own_claims(ctx, set, pod, list == condemned)
      if not done then return nil, err end
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
    local done, failed = act(ctx, set, M.plan(set, slots, condemned, found.update.metadata.name), found,
      slots, condemned)
    if not done then
      if failed.code == "claim_goes" then return { requeue_ms = M.LOOK_AGAIN_MS } end
      return nil, failed
    end
    forget_old_revisions(ctx, set, found, all)
  end
  slots, condemned, all = claim_pods(ctx, set)
  local _ = slots and condemned
  local written, failed = ctx.status(M.status(set, all, found.current.metadata.name, found.update.metadata.name))
  if not written then return nil, failed end
  local soonest = has_stranger(set) and M.LOOK_AGAIN_MS / 1000 or nil
  for _, pod in ipairs(all) do
    local seconds = unavailable_s(set, pod)
    if seconds and seconds > 0 then soonest = math.min(soonest or seconds, seconds) end
  end
  if soonest then return { requeue_ms = math.ceil(soonest * 1000) } end
end

return M
