-- Volumes: claims are bound to a volume of their own at once, protected while a pod on a node uses
-- them, grow where a driver's resizer is played, and the volume goes with its claim.
local pods = require "kubernetes.pod"
local quantity = require "lib.quantity"

local M = {}

M.LOOK_AGAIN_MS = 100   -- at a claim that is deleted while a pod uses it

-- Provisioners inside of the real controller-manager, that cannot grow what they have made: it waits for somebody else.
local NO_RESIZER = { ["kubernetes.io/host-path"] = true, ["kubernetes.io/no-provisioner"] = true }

local PROTECTION = "kubernetes.io/pvc-protection"
local OWN = "kubernetes.io/pv-controller"

M.watches = {
  primaries = { { apiVersion = "v1", kind = "PersistentVolumeClaim" } },
  -- Pods wake no claim: among a thousand of each that would be a million runs.
  { apiVersion = "v1", kind = "Pod", map = "none", fields = { "spec.nodeName", "spec.volumes" } },
  { apiVersion = "v1", kind = "PersistentVolume", map = "none", fields = { "spec.claimRef" } },
  { apiVersion = "storage.k8s.io/v1", kind = "StorageClass", map = "none", fields = { "provisioner" } },
}
M.rights = {
  ["v1/PersistentVolumeClaim"] = { "status", "patch", "finalizer", "event" },
  ["v1/PersistentVolume"] = { "create", "delete-any", "patch", "status" },
}

-- Whether a pod that has a node uses the claim. Pods without one do not count, as in the real protection.
function M.in_use(claim_name, list)
  for _, pod in ipairs(list) do
    if pod.spec and pod.spec.nodeName then
      for _, volume in ipairs(pod.spec.volumes or {}) do
        if volume.persistentVolumeClaim and volume.persistentVolumeClaim.claimName == claim_name then return true end
      end
    end
  end
  return false
end

local function volume_name(uid)
  return "pvc-" .. uid
end

local function can_grow(claim)
  local class = kube.get{ apiVersion = "storage.k8s.io/v1", kind = "StorageClass", name = claim.spec.storageClassName or "" }
  return not (class and NO_RESIZER[class.provisioner])
end

local function bind(ctx, claim)
  local name = volume_name(claim.metadata.uid)
  local _, err = ctx.create{
    apiVersion = "v1", kind = "PersistentVolume", metadata = { name = name, finalizers = { OWN } },
    spec = {
      capacity = { storage = claim.spec.resources.requests.storage }, accessModes = claim.spec.accessModes,
      persistentVolumeReclaimPolicy = "Delete", storageClassName = claim.spec.storageClassName,
      hostPath = { path = "/var/lib/sandbox/" .. name },
      claimRef = { apiVersion = "v1", kind = "PersistentVolumeClaim", namespace = claim.metadata.namespace,
        name = claim.metadata.name, uid = claim.metadata.uid },
    },
  }
  if err and err.code ~= "exists" then return nil, err end
  if claim.spec.volumeName ~= name then
    _, err = ctx.patch(claim, { spec = { volumeName = name } })
    if err then return nil, err end
  end
  _, err = ctx.status({ phase = "Bound" }, { apiVersion = "v1", kind = "PersistentVolume", name = name })
  if err and err.code ~= "not_found" then return nil, err end
  _, err = ctx.status{ phase = "Bound", accessModes = claim.spec.accessModes,
    capacity = { storage = claim.spec.resources.requests.storage } }
  if err then return nil, err end
end

function M.reconcile(ctx)
  local claim = ctx.object
  if not claim then
    if ctx.key.uid ~= "" then
      local volume = { apiVersion = "v1", kind = "PersistentVolume", name = volume_name(ctx.key.uid) }
      local done, err = ctx.delete(volume, { reason = "its claim is gone" })
      if not done then return nil, err end
      done, err = ctx.patch(volume, { metadata = { finalizers = json.null } })
      if not done and err.code ~= "not_found" then return nil, err end
    end
    return
  end
  if not pods.is_deleting(claim) then
    if not claim.status or claim.status.phase ~= "Bound" then return bind(ctx, claim) end
    local size, wanted = claim.status.capacity and claim.status.capacity.storage, claim.spec.resources.requests.storage
    if size == wanted then return end
    if can_grow(claim) then return bind(ctx, claim) end
    if quantity.less(size, wanted) then
      ctx.event{ type = "Normal", reason = "ExternalExpanding", action = "Expand",
        message = "waiting for an external controller to expand this PVC" }
    end
    return
  end
  local list = kube.list{ apiVersion = "v1", kind = "Pod", namespace = claim.metadata.namespace }
  if M.in_use(claim.metadata.name, list) then return { requeue_ms = M.LOOK_AGAIN_MS } end
  local _, err = ctx.finalizer_remove(PROTECTION)
  if err then return nil, err end
end

return M
