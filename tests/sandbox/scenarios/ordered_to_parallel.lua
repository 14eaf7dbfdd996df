local w = require "world"
local M = { title = "an ordered set that waits for a pod which never gets ready is made Parallel around it, and the others come" }

local SET = "druid-tiny-brokers"

local function ordered(druid)
  local node = druid.spec.nodes.brokers
  node.replicas, node.podManagementPolicy = 3, "OrderedReady"
  node.podAnnotations = { ["sandbox.nemeton.dev/ready-seconds"] = "never" }
end

local function pods()
  local list = w.list("v1", "Pod", "nodeSpecUniqueStr=" .. SET)
  return #list, list[1] and list[1].metadata.uid
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- pods there are ready
  local druid = w.cluster()
  ordered(druid)
  w.check(ctx.create(druid))
  w.wait(ctx, "the first pod is there", 60, function() return pods() == 1 end)
  ctx.sleep(20000)
  local count, pod = pods()
  local set = w.read("apps/v1", "StatefulSet", SET)
  w.equal(count, 1, "pods of the ordered set")
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podManagementPolicy = "Parallel" } } } }))
  w.wait(ctx, "all pods are there", 60, function() return pods() == 3 end)
  local live = w.read("apps/v1", "StatefulSet", SET)
  w.equal({ live.spec.podManagementPolicy, live.metadata.uid ~= set.metadata.uid }, { "Parallel", true }, "the set")
  w.equal(w.read("v1", "Pod", SET .. "-0").metadata.uid, pod, "the first pod")
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = {
    ["sandbox.nemeton.dev/ready-seconds"] = "2" } } } } }))
  w.wait(ctx, "a corrected spec gets the cluster Ready", 600, function() return w.is_ready() end)
end

return M
