local w = require "world"

local function bound(name)
  return function()
    local claim = w.read("PersistentVolumeClaim", name)
    return claim and claim.status and claim.status.phase == "Bound"
  end
end
local function ready(name)
  return function()
    local pod = w.read("Pod", name)
    return pod and w.is_ready(pod)
  end
end

local function life(ctx)
  w.step(ctx, "create", w.create(ctx, w.claim("data")), bound("data"))
  w.step(ctx, "delete", w.delete(ctx, "PersistentVolumeClaim", "data"), w.gone("PersistentVolumeClaim", "data"))
end

local function protected(ctx)
  w.step(ctx, "create", w.create(ctx, w.claim("data")), bound("data"))
  w.step(ctx, "a pod", w.create(ctx, w.pod("user", "data")), ready("user"))
  w.step(ctx, "the claim is deleted", w.delete(ctx, "PersistentVolumeClaim", "data"))
  w.step(ctx, "the pod is deleted", w.delete(ctx, "Pod", "user"), w.gone("PersistentVolumeClaim", "data"))
end

local function unscheduled(ctx)
  local pod = w.pod("user", "data")
  pod.spec.nodeSelector = { ["kubernetes.io/hostname"] = "nobody" }
  w.step(ctx, "create", w.create(ctx, w.claim("data")), bound("data"))
  w.step(ctx, "a pod without a node", w.create(ctx, pod))
  w.step(ctx, "the claim is deleted", w.delete(ctx, "PersistentVolumeClaim", "data"), w.gone("PersistentVolumeClaim", "data"))
end

local function finished(ctx)
  w.step(ctx, "create", w.create(ctx, w.claim("data")), bound("data"))
  w.step(ctx, "a pod", w.create(ctx, w.pod("user", "data")), ready("user"))
  w.step(ctx, "it ends", w.patch(ctx, "Pod", "user", { status = { phase = "Succeeded" } }, { subresource = "status" }))
  w.step(ctx, "the claim is deleted", w.delete(ctx, "PersistentVolumeClaim", "data"))
end

local function of_a_set(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { volumeClaimTemplates = { w.claim_template("data") } })),
    w.stands("StatefulSet", "web", 1))
  w.step(ctx, "the claim is deleted", w.delete(ctx, "PersistentVolumeClaim", "data-web-0"))
  w.step(ctx, "the pod is deleted", w.delete(ctx, "Pod", "web-0"), w.stands("StatefulSet", "web", 1))
end

return {
  title = "claims and their volumes as the real controllers treat them",
  { "claims: bound and deleted", life },
  { "claims: protected while a pod uses them", protected },
  { "claims: a pod without a node protects nothing", unscheduled },
  { "claims: a pod that has ended", finished },
  { "claims: of a StatefulSet, deleted under it", of_a_set },
}
