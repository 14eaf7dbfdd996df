-- The garbage collector: what belonged to somebody who is gone goes too. An object is collected when
-- all of its owners are gone (another uid under the name counts as gone) or wait for it; one of which some
-- are left loses the others. Foreground deletion waits for the dependents that block it, orphaning
-- releases all.
local pods = require "kubernetes.pod"
local customs = require "customs"

local M = {}

M.LOOK_AGAIN_MS = 50   -- at an owner that waits for its dependents

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

-- The cache finds objects by their controller. Those that belong to an owner in another way: uid → name of
-- the object → where it is. All objects are looked at when the world begins, so nothing is lost with it.
local loose = {}

local function note_loose(object)
  for _, reference in ipairs(object.metadata.ownerReferences or {}) do
    if not reference.controller then
      local list = loose[reference.uid] or {}
      loose[reference.uid] = list
      list[object.kind .. "/" .. object.metadata.name] = { apiVersion = object.apiVersion, kind = object.kind,
        namespace = object.metadata.namespace, name = object.metadata.name }
    end
  end
end

local function reference_to(object, uid)
  for _, reference in ipairs(object.metadata.ownerReferences or {}) do
    if reference.uid == uid then return reference end
  end
  return nil
end

local function dependents(uid, namespace)
  local list, seen = {}, {}
  for name in pairs(known) do
    local kind = known[name]
    for _, object in ipairs(kube.list{ apiVersion = kind.apiVersion, kind = kind.kind, namespace = namespace, owner = uid }) do
      list[#list + 1] = object
      seen[object.metadata.uid] = true
    end
  end
  for _, target in pairs(loose[uid] or {}) do
    local object = kube.get(target)
    if object and reference_to(object, uid) and not seen[object.metadata.uid] then list[#list + 1] = object end
  end
  return list
end

local function has_finalizer(object, name)
  for _, finalizer in ipairs(object.metadata.finalizers or {}) do
    if finalizer == name then return true end
  end
  return false
end

-- What an owner is: "gone", "waits" (for its dependents to go first) or "there"; nil and an error. The second
-- answer of one that is there says whether a watch will tell when that changes.
local function owner_state(object, reference)
  local watched = known[reference.apiVersion .. "/" .. reference.kind]
  local target = { apiVersion = reference.apiVersion, kind = reference.kind, name = reference.name,
    namespace = object.metadata.namespace }
  local owner, err = watched and kube.get(target), nil
  if not owner or owner.metadata.uid ~= reference.uid then owner, err = kube.read(target) end
  if not owner and err.code ~= "not_found" then return nil, err end
  if not owner or owner.metadata.uid ~= reference.uid then return "gone" end
  if pods.is_deleting(owner) and has_finalizer(owner, "foregroundDeletion") then return "waits" end
  return "there", watched ~= nil
end

-- Deletes the object in the way that it asks for itself, or that the owner waits for.
local function delete(ctx, object, waits)
  local propagation = has_finalizer(object, "orphan") and "Orphan"
    or (has_finalizer(object, "foregroundDeletion")
      or (waits and #dependents(object.metadata.uid, object.metadata.namespace) > 0)) and "Foreground"
    or "Background"
  local done, err = ctx.delete(object, { reason = "its owners are gone", propagation = propagation })
  if not done and err.code ~= "not_found" then return nil, err end
  return true
end

local function keep_owners(ctx, object, kept)
  local _, err = ctx.patch(object, { metadata = { ownerReferences = kept, uid = object.metadata.uid } })
  if err and err.code ~= "not_found" then return nil, err end
  return true
end

-- Deletes an object that nobody owns any more, or takes those owners from it that are gone. True, nil and
-- whether no watch will tell when that changes; or nil, err.
local function attempt(ctx, object)
  local owners = object.metadata.ownerReferences or {}
  if #owners == 0 or pods.is_deleting(object) then return true end
  local kept, waits, unwatched = json.array{}, false, false
  for _, reference in ipairs(owners) do
    local state, detail = owner_state(object, reference)
    if not state then return nil, detail end
    if state == "there" then
      kept[#kept + 1] = reference
      unwatched = unwatched or not detail
    end
    waits = waits or state == "waits"
  end
  if #kept == #owners then return true, nil, unwatched end
  if #kept > 0 then return keep_owners(ctx, object, kept) end
  return delete(ctx, object, waits)
end

local function release(ctx, owner, list)
  for _, object in ipairs(list) do
    local kept = json.array{}
    for _, reference in ipairs(object.metadata.ownerReferences) do
      if reference.uid ~= owner.metadata.uid then kept[#kept + 1] = reference end
    end
    local done, err = keep_owners(ctx, object, kept)
    if not done then return nil, err end
  end
  return ctx.finalizer_remove("orphan")
end

local function finish_deletion(ctx, object)
  local list = dependents(object.metadata.uid, object.metadata.namespace)
  if has_finalizer(object, "orphan") then return release(ctx, object, list) end
  if not has_finalizer(object, "foregroundDeletion") then return true end
  local blocked = false
  for _, dependent in ipairs(list) do
    local done, err = attempt(ctx, dependent)
    if not done then return nil, err end
    blocked = blocked or reference_to(dependent, object.metadata.uid).blockOwnerDeletion == true
  end
  if not blocked then return ctx.finalizer_remove("foregroundDeletion") end
  return true, nil, M.LOOK_AGAIN_MS
end

-- The uid under each name, as last looked at: when another one is there, nobody hears that the former went.
local last_uid = {}

-- What belonged to an object that is gone.
local function collect(ctx, uid)
  local failed -- a claim cannot be deleted while a pod uses it, which may be next
  for _, dependent in ipairs(dependents(uid, ctx.key.namespace)) do
    local done, err = attempt(ctx, dependent)
    if not done then failed = err end
  end
  if failed then return nil, failed end
  loose[uid] = nil
  return true
end

function M.reconcile(ctx)
  local object = ctx.object
  local place = table.concat({ ctx.key.apiVersion, ctx.key.kind, ctx.key.namespace, ctx.key.name }, " ")
  local before = last_uid[place]
  if before and before ~= (object and object.metadata.uid) and before ~= ctx.key.uid then
    local done, err = collect(ctx, before)
    if not done then return nil, err end
  end
  last_uid[place] = object and object.metadata.uid or nil
  if not object then
    if ctx.key.uid == "" then return end
    local done, err = collect(ctx, ctx.key.uid)
    if not done then return nil, err end
    return
  end
  note_loose(object)
  if pods.is_deleting(object) then
    local done, err, again_ms = finish_deletion(ctx, object)
    if not done then return nil, err end
    return again_ms and { requeue_ms = again_ms } or nil
  end
  local done, err, unwatched = attempt(ctx, object)
  if not done then return nil, err end
  return unwatched and { requeue_ms = 5000 } or nil
end

return M
