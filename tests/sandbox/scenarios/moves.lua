local w = require "world"
local M = { title = "a group is renamed, and another changes its kind: new pods are ready before the old go, volumes stay" }

local function ready(labels)
  local count = 0
  for _, pod in ipairs(w.list("v1", "Pod", labels)) do
    local condition = w.condition(pod, "Ready")
    if condition and condition.status == "True" and not pod.metadata.deletionTimestamp then count = count + 1 end
  end
  return count
end

local function never_fewer(labels, least)
  local count = ready(labels)
  if count < least then error(count .. " pods of " .. labels .. " are ready") end
end

-- From one kind to the other and back.
local function change_kind(ctx, kind, other)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { kind = kind } } } }))
  w.wait(ctx, "the brokers are a " .. kind, 120, function()
    never_fewer("component=broker", 2)
    return w.read("apps/v1", kind, "druid-tiny-brokers") and not w.read("apps/v1", other, "druid-tiny-brokers") and w.is_ready()
  end)
  w.equal(w.read("v1", "Service", "druid-tiny-brokers") ~= nil, true, "the Service of the brokers")
end

function M.run(ctx)
  local druid = w.deploy(ctx, nil, function(druid)
    druid.spec.nodes.brokers.replicas = 2
    local node = druid.spec.nodes.historicals
    node.volumeClaimTemplates = { { metadata = { name = "cache" }, spec = { accessModes = { "ReadWriteOnce" },
      resources = { requests = { storage = "1Gi" } } } } }
    node.volumeMounts = { { name = "cache", mountPath = "/druid/cache" } }
  end)
  change_kind(ctx, "Deployment", "StatefulSet")
  change_kind(ctx, "StatefulSet", "Deployment")
  local claim = "cache-druid-tiny-historicals-0"
  local uid = w.check(w.read("v1", "PersistentVolumeClaim", claim), claim).metadata.uid
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = json.null, cold = druid.spec.nodes.historicals } } }))
  w.wait(ctx, "the group has its new name", 300, function()
    never_fewer("component=historical", 1)
    return w.read("apps/v1", "StatefulSet", "druid-tiny-cold") and not w.read("apps/v1", "StatefulSet", "druid-tiny-historicals")
      and w.is_ready()
  end)
  ctx.sleep(3000)
  w.equal(w.check(w.read("v1", "PersistentVolumeClaim", claim), claim).metadata.uid, uid, "the volume under the old name")
  w.equal(w.read("v1", "ConfigMap", "druid-tiny-historicals-config") == nil, true, "what the old pods needed is gone")
end

return M
