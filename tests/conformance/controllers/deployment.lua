local w = require "world"

local function stands(name, count) return w.stands("Deployment", name, count) end
local function patch(ctx, body) return w.patch(ctx, "Deployment", "web", body) end
local function rolling(surge, unavailable)
  return { type = "RollingUpdate", rollingUpdate = { maxSurge = surge, maxUnavailable = unavailable } }
end

local function life(ctx)
  w.step(ctx, "create", w.create(ctx, w.deployment("web", { replicas = 2 })), stands("web", 2))
  w.step(ctx, "scale to 3", patch(ctx, { spec = { replicas = 3 } }), stands("web", 3))
  w.step(ctx, "scale to 0", patch(ctx, { spec = { replicas = 0 } }), stands("web", 0))
  w.step(ctx, "scale to 1", patch(ctx, { spec = { replicas = 1 } }), stands("web", 1))
  w.step(ctx, "delete", w.delete(ctx, "Deployment", "web"), w.counts("web", 0))
end

local function update(strategy)
  return function(ctx)
    w.step(ctx, "create", w.create(ctx, w.deployment("web", { replicas = 3, strategy = strategy })), stands("web", 3))
    w.step(ctx, "image 2", patch(ctx, w.image("web", "i:2")), stands("web", 3))
    w.step(ctx, "image 1 again", patch(ctx, w.image("web", "i:1")), stands("web", 3))
    w.step(ctx, "delete", w.delete(ctx, "Deployment", "web", "Foreground"), w.gone("Deployment", "web"))
  end
end

local function broken(ctx)
  w.step(ctx, "create", w.create(ctx, w.deployment("web", { replicas = 2, strategy = rolling(1, 0) })), stands("web", 2))
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)))
  w.step(ctx, "back", patch(ctx, w.image("web", "i:1")), stands("web", 2))
end

local function history(ctx)
  w.step(ctx, "create", w.create(ctx, w.deployment("web", { revisionHistoryLimit = 1 })), stands("web", 1))
  for i = 2, 4 do
    w.step(ctx, "image " .. i, patch(ctx, w.image("web", "i:" .. i)), stands("web", 1))
  end
end

local function orphans(ctx)
  local deployment = w.deployment("web", { replicas = 1 })
  w.step(ctx, "create", w.create(ctx, deployment), stands("web", 1))
  w.step(ctx, "delete, orphans stay", w.delete(ctx, "Deployment", "web", "Orphan"), w.gone("Deployment", "web"))
  w.step(ctx, "the same again", w.create(ctx, deployment), stands("web", 1))
end

local function pods(ctx)
  w.step(ctx, "create", w.create(ctx, w.deployment("web", { replicas = 2 })), stands("web", 2))
  w.step(ctx, "a pod is deleted", function() w.check(ctx.delete(w.pods("web")[1])) end, stands("web", 2))
end

return {
  title = "Deployments as the real controller-manager plays them",
  { "Deployment: created, scaled, deleted", life },
  { "Deployment: Recreate", update({ type = "Recreate" }) },
  { "Deployment: a broken template", broken },
  { "Deployment: history", history },
  { "Deployment: orphaned and made again", orphans },
  { "Deployment: a pod deleted", pods },
}
