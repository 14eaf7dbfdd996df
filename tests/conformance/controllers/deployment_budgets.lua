local w = require "world"

local function stands(count) return w.stands("Deployment", "web", count) end
local function patch(ctx, body) return w.patch(ctx, "Deployment", "web", body) end

local function rolling(surge, unavailable)
  return { type = "RollingUpdate", rollingUpdate = { maxSurge = surge, maxUnavailable = unavailable } }
end

local function make(ctx, replicas, strategy, changes)
  local spec = { replicas = replicas, strategy = strategy }
  for key, value in pairs(changes or {}) do spec[key] = value end
  w.step(ctx, "create", w.create(ctx, w.deployment("web", spec)), stands(replicas))
end

local function budget(replicas, surge, unavailable)
  return function(ctx)
    make(ctx, replicas, rolling(surge, unavailable))
    w.step(ctx, "image 2", patch(ctx, w.image("web", "i:2")), stands(replicas))
  end
end

return {
  title = "what may be missing and too much while a Deployment rolls, as the real controller-manager plays it",
  { "Deployment: one more at a time", budget(3, 1, 0) },
  { "Deployment: one less at a time", budget(3, 0, 1) },
  { "Deployment: one more and one less", budget(4, 1, 1) },
  { "Deployment: a quarter, as if nothing was said", budget(4, "25%", "25%") },
  { "Deployment: percents that are rounded", budget(3, "34%", "50%") },
  { "Deployment: percents of nothing", budget(2, "0%", "1%") },
  { "Deployment: all at once beside the old ones", budget(2, "100%", 0) },
  { "Deployment: all at once without the old ones", budget(2, 0, "100%") },
}
