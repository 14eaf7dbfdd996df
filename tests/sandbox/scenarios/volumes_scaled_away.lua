local w = require "world"
local M = { title = "a volume that was scaled away is kept for its time, taken back when it is wanted again, and goes after it" }

local CLAIM = "data-druid-tiny-routers-"

local function claim(ordinal)
  return w.read("v1", "PersistentVolumeClaim", CLAIM .. ordinal)
end

local function scale(ctx, replicas)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { routers = { replicas = replicas } } } }))
  w.wait(ctx, replicas .. " routers", 120, function()
    return #w.list("v1", "Pod", "nodeSpecUniqueStr=druid-tiny-routers") == replicas and w.is_ready()
  end)
end

local function is_marked(ordinal)
  return (claim(ordinal).metadata.annotations or {})["nemeton.dev/orphan-since"] ~= nil
end

function M.run(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.nodes.routers.replicas = 2
    druid.spec.nodes.routers.volumeClaimTemplates = { {
      metadata = { name = "data" },
      spec = { accessModes = { "ReadWriteOnce" }, storageClassName = "standard",
        resources = { requests = { storage = "1Gi" } } },
    } }
    druid.spec.nodes.routers.volumeRetention = { whenScaled = "Delete", after = "20s" }
  end)
  local kept, lent = w.check(claim(0)).metadata.uid, w.check(claim(1)).metadata.uid
  scale(ctx, 1)
  w.wait(ctx, "the claim is marked", 30, function() return is_marked(1) end)
  scale(ctx, 2)
  w.wait(ctx, "the mark goes", 30, function() return not is_marked(1) end)
  ctx.sleep(30000)
  w.equal(w.check(claim(1)).metadata.uid, lent, "the claim that is wanted again")

  scale(ctx, 1)
  w.wait(ctx, "it is marked again", 30, function() return is_marked(1) end)
  ctx.sleep(5000)
  w.check(claim(1), "it is there during its time")
  w.wait(ctx, "it goes after its time", 90, function() return not claim(1) end)
  w.equal(w.check(claim(0)).metadata.uid, kept, "the claim of the pod that stays")
  w.check(w.is_ready())
end

return M
