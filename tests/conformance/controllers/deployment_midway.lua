local w = require "world"

local function stands(count) return w.stands("Deployment", "web", count) end
local function patch(ctx, body) return w.patch(ctx, "Deployment", "web", body) end
local function scale(count) return { spec = { replicas = count } } end

local function rolling(surge, unavailable)
  return { type = "RollingUpdate", rollingUpdate = { maxSurge = surge, maxUnavailable = unavailable } }
end

local function make(ctx, replicas, strategy, changes)
  local spec = { replicas = replicas, strategy = strategy }
  for key, value in pairs(changes or {}) do spec[key] = value end
  w.step(ctx, "create", w.create(ctx, w.deployment("web", spec)), stands(replicas))
end

local function scaled_midway(ctx)
  make(ctx, 4, rolling(2, 1))
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)))
  w.step(ctx, "scale to 9", patch(ctx, scale(9)))
  w.step(ctx, "scale to 3", patch(ctx, scale(3)))
  w.step(ctx, "back", patch(ctx, w.image("web", "i:1")), stands(3))
end

local function turned_midway(ctx)
  make(ctx, 3, rolling(1, 1))
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)))
  w.step(ctx, "another that does not", patch(ctx, w.image("web", "i:worse", true)))
  w.step(ctx, "one that does", patch(ctx, w.image("web", "i:2")), stands(3))
end

local function recreate_broken(ctx)
  make(ctx, 2, { type = "Recreate" })
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)))
  w.step(ctx, "scale to 3", patch(ctx, scale(3)))
  w.step(ctx, "back", patch(ctx, w.image("web", "i:1")), stands(3))
end

return {
  title = "Deployments that are changed while they roll, as the real controller-manager plays them",
  { "Deployment: scaled midway", scaled_midway },
  { "Deployment: changed midway", turned_midway },
  { "Deployment, Recreate: a broken template", recreate_broken },
}
