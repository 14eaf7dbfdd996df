local w = require "world"
local M = { title = "deleting the cluster removes all of it, its volumes, and nobody else's" }

-- A claim that looks like one of a scaled away ordinal, and has a controller of its own.
local function somebody_elses(ctx)
  w.check(ctx.create{ apiVersion = "v1", kind = "ConfigMap", metadata = { name = "backup", namespace = w.namespace } })
  local set = w.read("apps/v1", "StatefulSet", "druid-tiny-historicals")
  local labels = json.copy(set.spec.selector.matchLabels)
  w.check(ctx.create{
    apiVersion = "v1", kind = "PersistentVolumeClaim",
    metadata = { name = "data-druid-tiny-historicals-7", namespace = w.namespace, labels = labels,
      ownerReferences = { { apiVersion = "v1", kind = "ConfigMap", name = "backup", controller = true,
        uid = w.read("v1", "ConfigMap", "backup").metadata.uid } } },
    spec = { accessModes = { "ReadWriteOnce" }, storageClassName = "standard",
      resources = { requests = { storage = "1Gi" } } },
  })
  w.check(ctx.patch(w.druid(), { spec = { volumeRetention = { whenScaled = "Delete", after = "1s" } } }))
  ctx.sleep(8000)
  local claim = w.check(w.read("v1", "PersistentVolumeClaim", "data-druid-tiny-historicals-7"), "somebody else's claim")
  w.equal(claim.metadata.labels, labels, "labels of somebody else's claim")
end

function M.run(ctx)
  w.deploy(ctx, nil, function(druid)
    local historical = w.group_of(druid, "historical")
    druid.spec.nodes[historical.key].volumeClaimTemplates = { {
      metadata = { name = "data" },
      spec = { accessModes = { "ReadWriteOnce" }, storageClassName = "standard",
        resources = { requests = { storage = "1Gi" } } },
    } }
  end)
  w.check(#w.list("v1", "PersistentVolumeClaim", "druid_cr=tiny") > 0, "there are claims")
  w.check(ctx.create{
    apiVersion = "v1", kind = "PersistentVolumeClaim",
    metadata = { name = "foreign", namespace = w.namespace, labels = { app = "druid" } },
    spec = { accessModes = { "ReadWriteOnce" }, storageClassName = "standard",
      resources = { requests = { storage = "1Gi" } } },
  })
  w.check(ctx.create{
    apiVersion = "v1", kind = "ConfigMap", data = { a = "b" },
    metadata = { name = "foreign", namespace = w.namespace, labels = { app = "druid", druid_cr = "tiny" } },
  })
  somebody_elses(ctx)
  w.check(ctx.delete(w.druid(), { propagation = "Background" }))
  w.wait(ctx, "everything is gone", 180, function()
    local left = #w.list("apps/v1", "StatefulSet") + #w.list("v1", "Service", "druid_cr=tiny")
      + #w.list("v1", "Pod") + #w.list("v1", "PersistentVolumeClaim", "druid_cr=tiny") - 1
    local maps = #w.list("v1", "ConfigMap", "druid_cr=tiny")
    return not w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny") and left == 0 and maps == 1,
      left .. " objects and " .. maps .. " ConfigMaps left"
  end)
  w.check(w.read("v1", "PersistentVolumeClaim", "foreign"), "the foreign claim is still there")
  w.check(w.read("v1", "PersistentVolumeClaim", "data-druid-tiny-historicals-7"), "somebody else's claim is still there")
  w.check(w.read("v1", "ConfigMap", "foreign"), "the foreign ConfigMap is still there")
end

return M
