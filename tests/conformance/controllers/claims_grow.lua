local w = require "world"

local CLASS = { apiVersion = "storage.k8s.io/v1", kind = "StorageClass", name = w.namespace .. "-grows" }

local function bound()
  local claim = w.read("PersistentVolumeClaim", "data")
  return claim and claim.status and claim.status.phase == "Bound"
end
local function ready()
  local pod = w.read("Pod", "user")
  return pod and w.is_ready(pod)
end
local function size(text)
  return function(ctx)
    return w.patch(ctx, "PersistentVolumeClaim", "data", { spec = { resources = { requests = { storage = text } } } })
  end
end

-- A class that may grow, of a provisioner that nobody can make grow: what a cluster without a driver does.
local function make(ctx, used)
  local class = { apiVersion = CLASS.apiVersion, kind = CLASS.kind, metadata = { name = CLASS.name },
    provisioner = "kubernetes.io/host-path", allowVolumeExpansion = true }
  local claim = w.claim("data")
  claim.spec.storageClassName = CLASS.name
  w.step(ctx, "create", function()
    w.check(ctx.create(class))
    w.create(ctx, claim)()
  end, bound)
  if used then w.step(ctx, "a pod", w.create(ctx, w.pod("user", "data")), ready) end
end

local function grown(used)
  return function(ctx)
    make(ctx, used)
    w.step(ctx, "grow", size("2Gi")(ctx))
    w.step(ctx, "grow more", size("3Gi")(ctx))
    w.step(ctx, "grow less", size("2Gi")(ctx))
    if used then w.step(ctx, "the pod is deleted", w.delete(ctx, "Pod", "user"), w.gone("Pod", "user")) end
    w.step(ctx, "delete", w.delete(ctx, "PersistentVolumeClaim", "data"), w.gone("PersistentVolumeClaim", "data"))
    w.check(ctx.delete(CLASS))
  end
end

return {
  title = "claims that are to grow, as the real controllers treat them where no driver can grow volumes",
  { "claims: growing without a driver", grown(false) },
  { "claims: growing without a driver, in use", grown(true) },
}
