-- The garbage collector: what belonged to somebody who is gone goes too. An object is collected when
-- all of its owners are gone (another uid under the name counts as gone); foreground deletion waits for
-- the dependents, orphaning releases them.
local pods = require "kubernetes.pod"
local customs = require "customs"

local M = {}

M.KINDS = {
  { apiVersion = "v1", kind = "Pod" }, { apiVersion = "v1", kind = "Service" },
  { apiVersion = "v1", kind = "ConfigMap" }, { apiVersion = "v1", kind = "Secret" },
  { apiVersion = "v1", kind = "PersistentVolumeClaim" }, { apiVersion = "apps/v1", kind = "StatefulSet" },
  { apiVersion = "apps/v1", kind = "Deployment" }, { apiVersion = "apps/v1", kind = "ReplicaSet" },
  { apiVersion = "apps/v1", kind = "ControllerRevision" }, { apiVersion = "networking.k8s.io/v1", kind = "Ingress" },
  { apiVersion = "policy/v1", kind = "PodDisruptionBudget" },
  { apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler" },
}

local known = {}

local function watches()
  local list = { primaries = {} }
  for _, source in ipairs{ M.KINDS, customs } do
    for _, kind in ipairs(source) do
      list.primaries[#list.primaries + 1] = { apiVersion = kind.apiVersion, kind = kind.kind, fields = { "metadata.finalizers" } }
      known[kind.apiVersion .. "/" .. kind.kind] = kind
    end
  end
  return list
end

local function rights()
  local map = {}
  for name in pairs(known) do map[name] = { "delete-any", "patch", "finalizer", "read" } end
  map["*"] = { "read" } -- owners may be of any kind
  return map
end

M.watches = watches()
M.rights = rights()

-- Whether an owner is gone: true, false, or nil and an error; the second answer of false says whether
-- a watch will tell when that changes.
local function owner_gone(object, reference)
  local watched = known[reference.apiVersion .. "/" .. reference.kind]
  local target = { apiVersion = reference.apiVersion, kind = reference.kind, name = reference.name,
    namespace = object.metadata.namespace }
  if watched then
    local cached = kube.get(target)
    if cached and cached.metadata.uid == reference.uid then return false, true end
  end
  local live, err = kube.read(target)
  if live then return live.metadata.uid ~= reference.uid, watched ~= nil end
  if err.code == "not_found" then return true end
  return nil, err
end

local function dependents(uid, namespace)
  local list = {}
  for name in pairs(known) do
    local kind = known[name]
    for _, object in ipairs(kube.list{ apiVersion = kind.apiVersion, kind = kind.kind, namespace = namespace, owner = uid }) do
      list[#list + 1] = object
    end
  end
  return list
end

local function has_finalizer(object, name)
  for _, finalizer in ipairs(object.metadata.finalizers or {}) do
    if finalizer == name then return true end
  end
  return false
end

local function collect(ctx, list, reason)
  for _, object in ipairs(list) do
    if not pods.is_deleting(object) then
      local done, err = ctx.delete(object, { reason = reason })
      if not done and err.code ~= "conflict" then return nil, err end
    end
  end
  return true
end

local function release(ctx, owner, list)
  for _, object in ipairs(list) do
    local kept = json.array{}
    for _, reference in ipairs(object.metadata.ownerReferences) do
      if reference.uid ~= owner.metadata.uid then kept[#kept + 1] = reference end
    end
    local _, err = ctx.patch(object, { metadata = { ownerReferences = kept, uid = object.metadata.uid } })
    if err and err.code ~= "not_found" then return nil, err end
  end
  return ctx.finalizer_remove("orphan")
end

local function finish_deletion(ctx, object)
  local list = dependents(object.metadata.uid, object.metadata.namespace)
  if has_finalizer(object, "orphan") then return release(ctx, object, list) end
  if not has_finalizer(object, "foregroundDeletion") then return true end
  if #list == 0 then return ctx.finalizer_remove("foregroundDeletion") end
  local done, err = collect(ctx, list, "foreground deletion of " .. object.metadata.name)
  if not done then return nil, err end
  return true, nil, 200
end

function M.reconcile(ctx)
  local object = ctx.object
  if not object then
    if ctx.key.uid == "" then return end
    local done, err = collect(ctx, dependents(ctx.key.uid, ctx.key.namespace), "its owner is gone")
    if not done then return nil, err end
    return
  end
  if pods.is_deleting(object) then
    local done, err, again_ms = finish_deletion(ctx, object)
    if not done then return nil, err end
    return again_ms and { requeue_ms = again_ms } or nil
  end
  local owners = object.metadata.ownerReferences or {}
  if #owners == 0 then return end
  local all_watched = true
  for _, reference in ipairs(owners) do
    local gone, detail = owner_gone(object, reference)
    if gone == nil then return nil, detail end
    if not gone then
      all_watched = all_watched and detail
      return not all_watched and { requeue_ms = 5000 } or nil
    end
  end
  local done, err = collect(ctx, { object }, "its owner is gone")
  if not done then return nil, err end
end

return M
