local w = require "world"
local M = { title = "adds a group, scales one and removes one without touching the others" }

function M.run(ctx)
  local druid = w.deploy(ctx)
  local historical = w.group_of(druid, "historical")
  local broker = w.group_of(druid, "broker")
  local before = {}
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    before[set.metadata.name] = json.encode(set.spec.template)
  end
  local extra = json.copy(druid.spec.nodes[historical.key])
  w.check(ctx.patch(w.druid(), { spec = { nodes = { cold = extra, [broker.key] = { replicas = 3 } } } }))
  w.wait(ctx, "the new group is there and the broker has three pods", 120, function()
    local cold = w.read("apps/v1", "StatefulSet", "druid-tiny-cold")
    local brokers = w.read("apps/v1", "StatefulSet", broker.name)
    return cold and cold.status and cold.status.readyReplicas == cold.spec.replicas
      and brokers.status.readyReplicas == 3 and w.is_ready()
  end)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { cold = json.null, [broker.key] = { replicas = 1 } } } }))
  w.wait(ctx, "the group is gone and the broker has one pod", 120, function()
    local brokers = w.list("v1", "Pod", "nodeSpecUniqueStr=" .. broker.name)
    return not w.read("apps/v1", "StatefulSet", "druid-tiny-cold") and not w.read("v1", "Service", "druid-tiny-cold")
      and not w.read("v1", "ConfigMap", "druid-tiny-cold-config") and #brokers == 1 and w.is_ready()
  end)
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    w.equal(json.encode(set.spec.template), before[set.metadata.name], "template of " .. set.metadata.name)
  end
end

return M
