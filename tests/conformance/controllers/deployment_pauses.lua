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

local function paused(ctx)
  make(ctx, 2, rolling(1, 0))
  w.step(ctx, "pause", patch(ctx, { spec = { paused = true } }))
  w.step(ctx, "image 2", patch(ctx, w.image("web", "i:2")))
  w.step(ctx, "scale to 3", patch(ctx, scale(3)), w.counts("web", 3))
  w.step(ctx, "resume", patch(ctx, { spec = { paused = json.null } }), stands(3))
end

local function paused_midway(ctx)
  make(ctx, 3, rolling(1, 1))
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)))
  w.step(ctx, "pause", patch(ctx, { spec = { paused = true } }))
  w.step(ctx, "a better template", patch(ctx, w.image("web", "i:3")))
  w.step(ctx, "resume", patch(ctx, { spec = { paused = json.null } }), stands(3))
end

local function rollback(ctx)
  make(ctx, 2, rolling(1, 0))
  for _, number in ipairs{ 2, 1, 3, 1 } do
    w.step(ctx, "image " .. number, patch(ctx, w.image("web", "i:" .. number)), stands(2))
  end
end

return {
  title = "Deployments that are paused and that go back, as the real controller-manager plays them",
  { "Deployment: paused and resumed", paused },
  { "Deployment: paused midway", paused_midway },
  { "Deployment: rolled back", rollback },
}
