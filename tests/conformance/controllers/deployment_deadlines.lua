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

local function progressing(status, reason)
  return function()
    local deployment = w.read("Deployment", "web")
    for _, condition in ipairs(deployment.status.conditions or {}) do
      if condition.type == "Progressing" then
        return condition.status == status and condition.reason == reason, condition.reason
      end
    end
  end
end

local function deadline(ctx)
  make(ctx, 2, rolling(1, 0), { progressDeadlineSeconds = 8 })
  w.step(ctx, "a template that never gets ready", patch(ctx, w.image("web", "i:bad", true)),
    progressing("False", "ProgressDeadlineExceeded"))
  w.step(ctx, "something else", patch(ctx, { metadata = { labels = { a = "b" } } }))
  w.step(ctx, "back", patch(ctx, w.image("web", "i:1")), stands(2))
end

local function never(ctx)
  local unready = { replicas = 1, progressDeadlineSeconds = 8, template = w.template("web", "i:bad", true) }
  w.step(ctx, "a first template that never gets ready", w.create(ctx, w.deployment("web", unready)),
    progressing("False", "ProgressDeadlineExceeded"))
  w.step(ctx, "another", patch(ctx, w.image("web", "i:2")), stands(1))
end

local function patient(ctx)
  local function available()
    return stands(2)() and w.read("Deployment", "web").status.availableReplicas == 2
  end
  local spec = { replicas = 2, strategy = rolling(1, 0), minReadySeconds = 5 }
  w.step(ctx, "create", w.create(ctx, w.deployment("web", spec)), available)
  w.step(ctx, "image 2", patch(ctx, w.image("web", "i:2")), available)
end

return {
  title = "Deployments that do not get on, as the real controller-manager plays them",
  { "Deployment: its deadline passes", deadline },
  { "Deployment: the deadline of the first", never },
  { "Deployment: minReadySeconds", patient },
}
