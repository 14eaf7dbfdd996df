local w = require "world"

local function stands(name, count) return w.stands("StatefulSet", name, count) end
local function scale(count) return { spec = { replicas = count } } end
local CLAIMS = { w.claim_template("data") }

local function life(policy)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 3, podManagementPolicy = policy,
      volumeClaimTemplates = CLAIMS })), stands("web", 3))
    w.step(ctx, "scale to 1", w.patch(ctx, "StatefulSet", "web", scale(1)), stands("web", 1))
    w.step(ctx, "scale to 2", w.patch(ctx, "StatefulSet", "web", scale(2)), stands("web", 2))
    w.step(ctx, "scale to 0", w.patch(ctx, "StatefulSet", "web", scale(0)), stands("web", 0))
    w.step(ctx, "delete", w.delete(ctx, "StatefulSet", "web"), w.gone("StatefulSet", "web"))
  end
end

local function history(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { revisionHistoryLimit = 1 })), stands("web", 1))
  for i = 2, 4 do
    w.step(ctx, "image " .. i, w.patch(ctx, "StatefulSet", "web", w.image("web", "i:" .. i)), stands("web", 1))
  end
end

local function orphans(ctx)
  local set = w.set("web", { replicas = 2, volumeClaimTemplates = CLAIMS })
  w.step(ctx, "create", w.create(ctx, set), stands("web", 2))
  w.step(ctx, "delete, orphans stay", w.delete(ctx, "StatefulSet", "web", "Orphan"), w.gone("StatefulSet", "web"))
  w.step(ctx, "the same again", w.create(ctx, set), stands("web", 2))
  w.step(ctx, "delete again", w.delete(ctx, "StatefulSet", "web", "Orphan"), w.gone("StatefulSet", "web"))
  local other = json.copy(set)
  other.spec.template.spec.containers[1].image = "i:2"
  w.step(ctx, "another template", w.create(ctx, other), stands("web", 2))
end

local function pods(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 3 })), stands("web", 3))
  w.step(ctx, "a pod is deleted", w.delete(ctx, "Pod", "web-1"), stands("web", 3))
  w.step(ctx, "a pod fails", w.patch(ctx, "Pod", "web-0", { status = { phase = "Failed" } }, { subresource = "status" }))
  w.step(ctx, "rest", function() end, stands("web", 3))
  w.step(ctx, "a pod is released", w.patch(ctx, "Pod", "web-2", { metadata = { labels = { app = "other" } } }))
  w.step(ctx, "and comes back", w.patch(ctx, "Pod", "web-2", { metadata = { labels = { app = "web" } } }), stands("web", 3))
end

local function ordinals(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 2, ordinals = { start = 3 } })), stands("web", 2))
  w.step(ctx, "from 4", w.patch(ctx, "StatefulSet", "web", { spec = { ordinals = { start = 4 } } }), stands("web", 2))
end

return {
  title = "StatefulSets as the real controller-manager plays them",
  { "StatefulSet, OrderedReady: created, scaled, deleted", life("OrderedReady") },
  { "StatefulSet, Parallel: created, scaled, deleted", life("Parallel") },
  { "StatefulSet: history of revisions", history },
  { "StatefulSet: orphaned and made again", orphans },
  { "StatefulSet: pods deleted, failed, released", pods },
  { "StatefulSet: ordinals", ordinals },
}
