local w = require "world"

local function stands(name, count) return w.stands("StatefulSet", name, count) end

local function retention(scaled, deleted, propagation)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, w.set("web", { replicas = 2, volumeClaimTemplates = { w.claim_template("data") },
      persistentVolumeClaimRetentionPolicy = { whenScaled = scaled, whenDeleted = deleted } })), stands("web", 2))
    w.step(ctx, "scale to 1", w.patch(ctx, "StatefulSet", "web", { spec = { replicas = 1 } }), stands("web", 1))
    w.step(ctx, "scale to 2", w.patch(ctx, "StatefulSet", "web", { spec = { replicas = 2 } }), stands("web", 2))
    if propagation ~= "Orphan" then
      w.step(ctx, "scale to 0", w.patch(ctx, "StatefulSet", "web", { spec = { replicas = 0 } }), stands("web", 0))
    end
    w.step(ctx, "delete", w.delete(ctx, "StatefulSet", "web", propagation), w.gone("StatefulSet", "web"))
  end
end

local function changed(ctx)
  w.step(ctx, "create", w.create(ctx, w.set("web", { volumeClaimTemplates = { w.claim_template("data") } })), stands("web", 1))
  w.step(ctx, "delete with the set", w.patch(ctx, "StatefulSet", "web",
    { spec = { persistentVolumeClaimRetentionPolicy = { whenDeleted = "Delete" } } }))
  w.step(ctx, "keep", w.patch(ctx, "StatefulSet", "web",
    { spec = { persistentVolumeClaimRetentionPolicy = { whenDeleted = "Retain" } } }))
end

return {
  title = "claims of StatefulSets are kept or go, as the real controller-manager plays it",
  { "retention: kept", retention("Retain", "Retain") },
  { "retention: deleted with the set", retention("Retain", "Delete") },
  { "retention: deleted when scaled away", retention("Delete", "Retain") },
  { "retention: always deleted", retention("Delete", "Delete") },
  { "retention: the set leaves orphans", retention("Retain", "Delete", "Orphan") },
  { "retention: policy changed", changed },
}
