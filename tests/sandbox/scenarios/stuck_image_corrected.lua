local w = require "world"
local M = { title = "an image that is not there is named, and the corrected one goes through, ordered or parallel, with no hand" }

local function degraded()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local condition = druid and w.condition(druid, "Degraded")
  return condition and condition.status == "True" and condition.reason == "Stuck" and condition.message
end

local function one(ctx, management)
  w.deploy(ctx, nil, function(druid)
    druid.spec.podManagementPolicy = management
    druid.spec.nodes.historicals.replicas = 2
    druid.spec.nodes.brokers.replicas = 2
    for _, node in pairs(druid.spec.nodes) do node.podManagementPolicy = nil end
  end)
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:missing" } }))
  local message = w.wait(ctx, "the update is told to be stuck", 300, degraded)
  if not message:find("historicals is stuck: druid%-tiny%-historicals%-1: ErrImagePull") then error(message) end
  local away = 0
  for _, pod in ipairs(w.list("v1", "Pod", "component=historical")) do
    local ready = w.condition(pod, "Ready")
    if not ready or ready.status ~= "True" then away = away + 1 end
  end
  w.equal(away, 1, "Historicals that are away")
  for _, pod in ipairs(w.list("v1", "Pod", "component=broker")) do
    if pod.spec.containers[1].image:find("missing") then error("the update went on to the brokers") end
  end
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.1" } }))
  w.wait(ctx, "the corrected image is everywhere", 600, function() return w.is_ready() end)
  for _, pod in ipairs(w.list("v1", "Pod", "druid_cr=tiny")) do
    w.equal(pod.spec.containers[1].image, "apache/druid:33.0.1", pod.metadata.name)
  end
  w.check(ctx.delete(w.druid()))
  w.wait(ctx, "the cluster is gone", 120, function() return w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny") == nil end)
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- it takes its time, and simulated nodes take any image
  one(ctx, "OrderedReady")
  one(ctx, "Parallel")
end

return M
