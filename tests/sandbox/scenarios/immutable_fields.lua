local w = require "world"
local former = require "former"
local M = { title = "a field that can never change is changed by a new set around the same pods, and volumes grow" }

local SET = "druid-tiny-historicals"

local function with_volume(druid)
  local node = druid.spec.nodes.historicals
  node.replicas = 2
  node.volumeClaimTemplates = { { metadata = { name = "cache" }, spec = { accessModes = { "ReadWriteOnce" },
    storageClassName = "standard", resources = { requests = { storage = "1Gi" } } } } }
  node.volumeMounts = { { name = "cache", mountPath = "/druid/cache" } }
end

local function pods()
  local uids = {}
  for i, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. SET)) do
    uids[i] = pod.metadata.name .. " " .. pod.metadata.uid
  end
  return table.concat(uids, ", ")
end

local function claim_sizes()
  local sizes = {}
  for i, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "nodeSpecUniqueStr=" .. SET)) do
    sizes[i] = claim.spec.resources.requests.storage
  end
  return table.concat(sizes, " ")
end

-- The count of pods that an autoscaler has set is kept.
local function autoscaled(ctx)
  former.create(ctx, { apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler",
    metadata = { namespace = w.namespace, name = "theirs" }, spec = { minReplicas = 2, maxReplicas = 5,
      scaleTargetRef = { apiVersion = "apps/v1", kind = "StatefulSet", name = SET } } })
  ctx.sleep(3000)
  w.check(ctx.patch(w.target("apps/v1", "StatefulSet", SET), { spec = { replicas = 3 } }))
  w.wait(ctx, "there are three", 120, function()
    local set = w.read("apps/v1", "StatefulSet", SET)
    return set.status.readyReplicas == 3 and w.is_ready()
  end)
  local before, uid = pods(), w.read("apps/v1", "StatefulSet", SET).metadata.uid
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { podManagementPolicy = "Parallel" } } } }))
  w.wait(ctx, "the set is made anew under its autoscaler", 60, function()
    local set = w.read("apps/v1", "StatefulSet", SET)
    return set and set.metadata.uid ~= uid and set.spec.podManagementPolicy == "Parallel" and w.is_ready()
  end)
  w.equal(w.read("apps/v1", "StatefulSet", SET).spec.replicas, 3, "the count that the autoscaler had set")
  w.equal(pods(), before, "the pods of the set under its autoscaler")
end

-- What somebody else tells the set about its volumes stays, and is named.
local function left_to_kubernetes(ctx)
  local function policy()
    return w.read("apps/v1", "StatefulSet", SET).spec.persistentVolumeClaimRetentionPolicy
  end
  local function set(value)
    w.check(ctx.patch(w.target("apps/v1", "StatefulSet", SET), { spec = { persistentVolumeClaimRetentionPolicy = {
      whenDeleted = value } } }))
  end
  local function told()
    return w.condition(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny"), "VolumesLeftToKubernetes")
  end
  if not policy() then return end   -- before Kubernetes 1.27
  set("Delete")
  w.wait(ctx, "a condition says that Kubernetes deletes volumes itself", 60, told)
  ctx.sleep(3000)
  w.equal(policy().whenDeleted, "Delete", "what somebody set")
  set("Retain")
  w.wait(ctx, "the condition is gone", 60, function() return not told() end)
end

function M.run(ctx)
  local druid = w.deploy(ctx, nil, with_volume)
  local before, uid = pods(), w.read("apps/v1", "StatefulSet", SET).metadata.uid
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { podManagementPolicy = "OrderedReady" } } } }))
  w.wait(ctx, "the set has its new pod management", 60, function()
    local set = w.read("apps/v1", "StatefulSet", SET)
    return set and set.spec.podManagementPolicy == "OrderedReady" and w.is_ready()
  end)
  w.equal(w.read("apps/v1", "StatefulSet", SET).metadata.uid ~= uid, true, "another set")
  w.equal(pods(), before, "the pods of the set")
  autoscaled(ctx)
  before = pods()
  local templates = json.copy(druid.spec.nodes.historicals.volumeClaimTemplates)
  templates[1].spec.resources.requests.storage = "2Gi"
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { volumeClaimTemplates = templates } } } }))
  ctx.sleep(5000)
  w.equal(claim_sizes(), "1Gi 1Gi 1Gi", "the claims while nobody asked for growth")
  w.check(ctx.patch(w.druid(), { spec = { scalePvcSts = true } }))
  w.wait(ctx, "claims and template have grown", 60, function()
    local set = w.read("apps/v1", "StatefulSet", SET)
    return claim_sizes() == "2Gi 2Gi 2Gi" and set and w.is_ready()
      and set.spec.volumeClaimTemplates[1].spec.resources.requests.storage == "2Gi"
  end)
  w.equal(pods(), before, "the pods of the set after their volumes have grown")
  left_to_kubernetes(ctx)
  local function kept()
    return w.condition(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny"), "FieldsKept")
  end
  w.equal(kept() == nil, true, "nothing is kept")
  templates[1].spec.resources.requests.storage = "1Gi"
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { volumeClaimTemplates = templates } } } }))
  w.wait(ctx, "a condition says that volumes cannot shrink", 60, function()
    return kept() and kept().status == "True" and kept().reason == "VolumesCannotShrink"
  end)
  w.equal(claim_sizes(), "2Gi 2Gi 2Gi", "the claims that were to shrink")
end

return M
