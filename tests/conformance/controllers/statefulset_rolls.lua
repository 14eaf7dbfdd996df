local w = require "world"

local function stands(name, count) return w.stands("StatefulSet", name, count) end
local function scale(count) return { spec = { replicas = count } } end

local function update(policy)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 3, podManagementPolicy = policy })), stands("web", 3))
    w.step(ctx, "image 2", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:2")), stands("web", 3))
    w.step(ctx, "image 1 again", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:1")), stands("web", 3))
    w.step(ctx, "something else", w.patch(ctx, "StatefulSet", "web", { metadata = { labels = { a = "b" } } }))
    w.step(ctx, "delete", w.delete(ctx, "StatefulSet", "web", "Foreground"), w.gone("StatefulSet", "web"))
  end
end

local function partitions(ctx)
  local function partition(number)
    return { spec = { updateStrategy = { type = "RollingUpdate", rollingUpdate = { partition = number } } } }
  end
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 3, updateStrategy = partition(2).spec.updateStrategy })),
    stands("web", 3))
  w.step(ctx, "image 2", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:2")), w.counts("web", 3))
  w.step(ctx, "an old pod is deleted", w.delete(ctx, "Pod", "web-0"))
  w.step(ctx, "a new pod is deleted", w.delete(ctx, "Pod", "web-2"))
  w.step(ctx, "partition 1", w.patch(ctx, "StatefulSet", "web", partition(1)))
  w.step(ctx, "scale to 4", w.patch(ctx, "StatefulSet", "web", scale(4)), w.counts("web", 4))
  w.step(ctx, "partition 0", w.patch(ctx, "StatefulSet", "web", partition(0)), stands("web", 4))
end

local function on_delete(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 2, updateStrategy = { type = "OnDelete" } })), stands("web", 2))
  w.step(ctx, "image 2", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:2")))
  w.step(ctx, "a pod is deleted", w.delete(ctx, "Pod", "web-1"))
  w.step(ctx, "the other is deleted", w.delete(ctx, "Pod", "web-0"), stands("web", 2))
  w.step(ctx, "rolling after all", w.patch(ctx, "StatefulSet", "web", { spec = { updateStrategy = { type = "RollingUpdate" } } }))
end

local function broken(policy)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 3, podManagementPolicy = policy })), stands("web", 3))
    w.step(ctx, "a revision that never gets ready", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:bad", true)))
    w.step(ctx, "back", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:1")))
    if policy == "OrderedReady" then -- it does not heal by itself
      w.step(ctx, "the broken pod is deleted", w.delete(ctx, "Pod", "web-2"))
    end
    w.step(ctx, "rest", function() end, stands("web", 3))
  end
end

local function broken_first(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 2, template = w.template("web", "i:1", true) })))
  w.step(ctx, "repaired", w.patch(ctx, "StatefulSet", "web", w.image("web", "i:2")))
  w.step(ctx, "scale to 3", w.patch(ctx, "StatefulSet", "web", scale(3)))
  w.step(ctx, "the broken pod is deleted", w.delete(ctx, "Pod", "web-0"), stands("web", 3))
end

local function patient(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 2, minReadySeconds = 4 })), w.available("web", 2))
  w.step(ctx, "image 2", function()
    w.patch(ctx, "StatefulSet", "web", w.image("web", "i:2"))()
    ctx.sleep(1000)
  end, w.available("web", 2))
end

return {
  title = "updates of StatefulSets as the real controller-manager plays them",
  { "StatefulSet, OrderedReady: updated and back", update("OrderedReady") },
  { "StatefulSet, Parallel: updated and back", update("Parallel") },
  { "StatefulSet: partitions", partitions },
  { "StatefulSet: OnDelete", on_delete },
  { "StatefulSet, OrderedReady: a broken revision", broken("OrderedReady") },
  { "StatefulSet, Parallel: a broken revision", broken("Parallel") },
  { "StatefulSet: broken from the first", broken_first },
  { "StatefulSet: minReadySeconds", patient },
}
