local w = require "world"

local function ready(name)
  return function()
    local pod = w.read("Pod", name)
    return pod and w.is_ready(pod)
  end
end

local function life(ctx)
  w.step(ctx, "create", w.create(ctx, w.pod("one")), ready("one"))
  w.step(ctx, "delete", w.delete(ctx, "Pod", "one"), w.gone("Pod", "one"))
end

local function held(ctx)
  local pod = w.pod("one")
  pod.metadata.finalizers = { "a.example/x" }
  w.step(ctx, "create", w.create(ctx, pod), ready("one"))
  w.step(ctx, "delete", w.delete(ctx, "Pod", "one"))
  w.step(ctx, "the finalizer goes", w.patch(ctx, "Pod", "one", { metadata = { finalizers = json.null } }), w.gone("Pod", "one"))
end

local function unscheduled(ctx)
  local pod = w.pod("one")
  pod.spec.nodeSelector = { ["kubernetes.io/hostname"] = "nobody" }
  w.step(ctx, "create", w.create(ctx, pod))
  w.step(ctx, "delete", w.delete(ctx, "Pod", "one"), w.gone("Pod", "one"))
end

local function failed(ctx)
  w.step(ctx, "create", w.create(ctx, w.pod("one")), ready("one"))
  w.step(ctx, "it fails", w.patch(ctx, "Pod", "one", { status = { phase = "Failed" } }, { subresource = "status" }))
  w.step(ctx, "delete", w.delete(ctx, "Pod", "one"), w.gone("Pod", "one"))
end

return {
  title = "pods that are deleted",
  { "pods: deleted", life },
  { "pods: deleted with a finalizer", held },
  { "pods: deleted without a node", unscheduled },
  { "pods: deleted after they failed", failed },
}
