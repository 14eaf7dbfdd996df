local w = require "world"
local M = { title = "a deleted cluster ends at its deadline: volumes that are in use are left and named, nothing is forced" }

local HOLD = "example.com/node-is-lost"

local function with_volumes(druid)
  druid.spec.deletionDeadline = "2m"
  for _, key in ipairs{ "historicals", "brokers" } do
    local node = druid.spec.nodes[key]
    node.replicas = 2
    node.volumeClaimTemplates = { { metadata = { name = "kept" }, spec = { accessModes = { "ReadWriteOnce" },
      storageClassName = "standard", resources = { requests = { storage = "1Gi" } } } } }
    node.volumeMounts = { { name = "kept", mountPath = "/druid/kept" } }
  end
end

local function claims()
  local list = {}
  for i, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "druid_cr=tiny")) do
    list[i] = claim.metadata.name:gsub("^kept%-druid%-tiny%-", "") .. (claim.metadata.deletionTimestamp and " going" or "")
  end
  return table.concat(list, ", ")
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- minutes are minutes
  w.deploy(ctx, nil, with_volumes)
  -- A pod that never ends, as one on a node that is gone; and somebody who reads a volume.
  local lost = w.target("v1", "Pod", "druid-tiny-historicals-0")
  w.check(ctx.patch(lost, { metadata = { finalizers = { HOLD } } }))
  w.check(ctx.create{ apiVersion = "v1", kind = "Pod", metadata = { namespace = w.namespace, name = "reader" },
    spec = { containers = { { name = "main", image = "reader:1" } }, volumes = { { name = "v",
      persistentVolumeClaim = { claimName = "kept-druid-tiny-brokers-1" } } } } })
  ctx.sleep(3000)
  local begun = clock.now()
  w.check(ctx.delete(w.druid(), { propagation = "Background" }))
  w.wait(ctx, "the cluster is gone", 300, function()
    local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
    local progress = druid and w.condition(druid, "Progressing")
    return not druid, progress and progress.message
  end)
  w.equal(clock.now() - begun >= 119 or clock.now() - begun, true, "seconds until it is gone")
  w.wait(ctx, "what can go has gone", 60, function() return claims() == "brokers-1, historicals-0", claims() end)
  local pod = w.read("v1", "Pod", "druid-tiny-historicals-0")
  w.equal(pod ~= nil and pod.metadata.finalizers, { HOLD }, "the pod that does not end")
  local told = w.wait(ctx, "an event says which volumes are left", 60, function() return w.events("DruidVolumesLeft")[1] end)
  for _, name in ipairs{ "kept-druid-tiny-brokers-1", "kept-druid-tiny-historicals-0" } do
    w.check(told.note:find(name, 1, true), told.note)
  end
  w.check(ctx.patch(lost, { metadata = { finalizers = json.null } }))
end

return M
