local w = require "world"
local M = { title = "deploys six groups side by side and says so" }

function M.run(ctx)
  local druid = w.deploy(ctx)
  local sets = w.list("apps/v1", "StatefulSet")
  w.equal(#sets, 6, "StatefulSets")
  w.equal(#w.list("v1", "Service", "druid_cr=tiny"), 6, "Services")
  local configs = 0
  for _, config in ipairs(w.list("v1", "ConfigMap", "druid_cr=tiny")) do   -- but that of the model, once it was asked
    configs = configs + (config.metadata.name == "tiny-druid-model" and 0 or 1)
  end
  w.equal(configs, 7, "ConfigMaps")
  for _, set in ipairs(sets) do
    w.equal(set.status.readyReplicas, set.spec.replicas, set.metadata.name)
    w.equal(set.metadata.ownerReferences[1].uid, druid.metadata.uid, "owner of " .. set.metadata.name)
    w.equal(set.metadata.generation, 1, "writes to " .. set.metadata.name)
  end
  local created = w.wait(ctx, "the event that names what was created", 10, function()
    local list = w.events("DruidOperatorCreateSuccess")
    return #list > 0 and list
  end)
  -- A run that fails half way has told what it made; without faults there is one.
  w.check(#created <= (w.patience == 1 and 1 or 3), #created .. " CreateSuccess events")
  w.equal(druid.status.druidNodeStatus.druidNodeConditionType, "DruidClusterReady", "legacy status")
  w.equal(#druid.status.statefulSets, 6, "legacy list")
  w.equal(w.condition(druid, "Degraded").status, "False", "Degraded")
  w.equal(w.condition(druid, "Progressing").status, "False", "Progressing")
end

return M
