local w = require "world"
local M = { title = "volumes that are scaled away are marked, told and deleted; what an autoscaler or a pod may need stays" }

local SET = "druid-tiny-brokers"

local function with_volumes(druid)
  local node = druid.spec.nodes.brokers
  node.replicas = 3
  node.volumeClaimTemplates = { { metadata = { name = "heap" }, spec = { accessModes = { "ReadWriteOnce" },
    resources = { requests = { storage = "1Gi" } } } } }
  node.volumeMounts = { { name = "heap", mountPath = "/druid/heap" } }
  druid.spec.volumeRetention = { whenScaled = "Delete", after = "1m" }
end

-- Ordinals of the claims that are there, those that are marked with a star.
local function claims()
  local list = {}
  for _, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "nodeSpecUniqueStr=" .. SET)) do
    local marked = (claim.metadata.labels or {}).toBeDeleted
    if not claim.metadata.deletionTimestamp then
      list[#list + 1] = claim.metadata.name:match("%d+$") .. (marked and "*" or "")
    end
  end
  return table.concat(list, " ")
end

local function autoscaler(most)
  return { apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler", metadata = { namespace = w.namespace,
    name = "theirs" }, spec = { minReplicas = 1, maxReplicas = most,
      scaleTargetRef = { apiVersion = "apps/v1", kind = "StatefulSet", name = SET } } }
end

-- The most that it asks for changes; nobody is woken by that, so something else changes, too.
local function allow(ctx, most)
  w.check(ctx.patch(w.target("autoscaling/v2", "HorizontalPodAutoscaler", "theirs"), { spec = { maxReplicas = most } }))
  ctx.sleep(w.patience > 1 and 180000 or 1000)   -- it is known by then
  w.check(ctx.patch(w.druid(), { spec = { workloadAnnotations = { most = tostring(most) } } }))
end

local function scale(ctx, count)
  w.check(ctx.patch(w.target("apps/v1", "StatefulSet", SET), { spec = { replicas = count } }))
  w.wait(ctx, "there are " .. count, 120, function()
    return #w.list("v1", "Pod", "nodeSpecUniqueStr=" .. SET) == count and w.is_ready()
  end)
end

local function still_ready(what)
  local ready, why = w.is_ready()
  if not ready then error(what .. ": " .. why, 2) end
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- minutes are minutes
  w.deploy(ctx, nil, with_volumes)
  w.check(ctx.create(autoscaler(3)))
  ctx.sleep(3000)
  scale(ctx, 1)
  ctx.sleep(150000)
  w.equal(claims(), "0 1 2", "the claims that an autoscaler may ask for again")
  w.equal(#w.events("DruidVolumesGo"), 0, "what was announced")
  still_ready("with an autoscaler")

  allow(ctx, 2)
  w.wait(ctx, "the claim beyond its maximum is marked", 60, function()
    return claims() == "0 1 2*" or w.patience > 1 and claims() == "0 1", claims()   -- or gone by then
  end)
  w.wait(ctx, "it is announced, once", 60, function() return #w.events("DruidVolumesGo") == 1 end)
  w.wait(ctx, "and is deleted", 120, function() return claims() == "0 1", claims() end)

  -- Somebody else reads the next one.
  w.check(ctx.create{ apiVersion = "v1", kind = "Pod", metadata = { namespace = w.namespace, name = "reader" },
    spec = { containers = { { name = "main", image = "reader:1" } }, volumes = { { name = "v",
      persistentVolumeClaim = { claimName = "heap-" .. SET .. "-1" } } } } })
  allow(ctx, 1)
  w.wait(ctx, "it is told that the claim stays", 200, function() return #w.events("DruidVolumeStays") > 0 end)
  for _ = 1, 20 do
    ctx.sleep(60000)
    still_ready("while somebody uses a claim")
  end
  w.equal(claims(), "0 1*", "the claim that is used")
  local told = #w.events("DruidVolumeStays")
  w.equal(told <= (w.patience > 1 and 2 or 1) or told, true, "how often it was told")   -- again where an answer was lost
  w.check(ctx.delete(w.target("v1", "Pod", "reader")))
  w.wait(ctx, "the claim is deleted when nobody uses it", 900, function() return claims() == "0", claims() end)
  still_ready("at the end")
end

return M
