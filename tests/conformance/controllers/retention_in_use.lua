local w = require "world"

local function stands(name, count) return w.stands("StatefulSet", name, count) end

-- Claims that go with their set in any case.
local function set_and_claims()
  return w.set("web", { replicas = 2, podManagementPolicy = "Parallel", volumeClaimTemplates = { w.claim_template("data") },
    persistentVolumeClaimRetentionPolicy = { whenScaled = "Delete", whenDeleted = "Delete" } })
end

local function in_use(propagation)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, set_and_claims()), stands("web", 2))
    w.step(ctx, "delete", w.delete(ctx, "StatefulSet", "web", propagation), w.gone("PersistentVolumeClaim", "data-web-1"))
  end
end

local function held(ctx)
  w.step(ctx, "create", w.create(ctx, set_and_claims()), stands("web", 2))
  w.step(ctx, "a pod is held", w.patch(ctx, "Pod", "web-1", { metadata = { finalizers = { "a.example/x" } } }))
  w.step(ctx, "delete", w.delete(ctx, "StatefulSet", "web"), w.gone("PersistentVolumeClaim", "data-web-0"))
  w.step(ctx, "it is let go", w.patch(ctx, "Pod", "web-1", { metadata = { finalizers = json.null } }),
    w.gone("PersistentVolumeClaim", "data-web-1"))
end

-- Another set of its name waits until what the former one had is gone.
local function made_again(ctx)
  w.step(ctx, "create", w.create(ctx, set_and_claims()), stands("web", 2))
  local first = w.read("StatefulSet", "web").metadata.uid
  w.step(ctx, "delete and create", function()
    w.delete(ctx, "StatefulSet", "web")()
    w.create(ctx, set_and_claims())()
  end, function()
    local set = w.read("StatefulSet", "web")
    return set and set.metadata.uid ~= first and stands("web", 2)()
  end)
end

return {
  title = "claims that go with their StatefulSet while pods use them, as the real controller-manager plays it",
  { "retention: the set goes while pods use its claims", in_use() },
  { "retention: the set goes while pods use its claims, foreground", in_use("Foreground") },
  { "retention: the set goes while a pod is held", held },
  { "retention: the set goes and is made again", made_again },
}
