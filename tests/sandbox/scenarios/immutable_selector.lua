-- The former operator put pod labels into selectors, which can never change.
local f = require "former"
local w = require "world"
local M = { title = "a pod label that a selector holds is changed: new workloads around the same pods, then an update" }

local BROKERS, HISTORICALS = "druid-labels-brokers", "druid-labels-historicals"

local function ready_pods(name)
  local list = {}
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. name)) do
    local ready = w.condition(pod, "Ready")
    if ready and ready.status == "True" and not pod.metadata.deletionTimestamp then list[#list + 1] = pod end
  end
  return list
end

-- The label in each template that a workload has had, sorted.
local function templates(kind, name, template_of)
  local list = {}
  for _, one in ipairs(w.list("apps/v1", kind)) do
    local labels = template_of(one).metadata.labels
    if labels.nodeSpecUniqueStr == name then list[#list + 1] = labels.cost end
  end
  table.sort(list)
  return list
end

local function is_done(workload, cost)
  return workload ~= nil and workload.spec.selector.matchLabels.cost == nil
    and workload.spec.template.metadata.labels.cost == cost
end

function M.run(ctx)
  w.operator("stop-all")
  local one = f.restore(ctx, "labels")[1]
  f.wait_for_pods(ctx, one)
  w.operator("start")
  w.wait(ctx, "the cluster is taken over", 120, function() return f.is_ready(one) end)
  local old_pod, old_set = ready_pods(BROKERS)[1], w.read("apps/v1", "StatefulSet", BROKERS)
  w.equal(old_set.spec.selector.matchLabels.cost, "18", "the selector as it was taken over")
  w.check(ctx.patch(one.target, { spec = { nodes = { brokers = { podLabels = { cost = "19" } },
    historicals = { podLabels = { cost = "20" } } } } }))
  w.wait(ctx, "selectors and labels are as they should be", 300, function()
    if #ready_pods(HISTORICALS) == 0 then error("no historical is ready: the old pods have to serve until the new ones can") end
    local set = w.read("apps/v1", "StatefulSet", BROKERS)
    local pod = w.read("v1", "Pod", BROKERS .. "-0")
    if pod and pod.metadata.labels.cost == "18" then
      w.equal(pod.metadata.uid, old_pod.metadata.uid, "the pod while the set is made anew")
    end
    return is_done(set, "19") and is_done(w.read("apps/v1", "Deployment", HISTORICALS), "20") and f.is_ready(one)
  end)
  -- Made around the pods that are there by the very template that they have, and only then changed, once: any other
  -- template would roll the pods out of turn, and again.
  w.equal(templates("ControllerRevision", BROKERS, function(object) return object.data.spec.template end), { "18", "19" },
    "revisions of " .. BROKERS)
  w.equal(templates("ReplicaSet", HISTORICALS, function(object) return object.spec.template end), { "17", "20" },
    "revisions of " .. HISTORICALS)
  for name, cost in pairs({ [BROKERS] = "19", [HISTORICALS] = "20" }) do
    local pods = ready_pods(name)
    w.equal(#pods, 1, "pods of " .. name)
    w.equal(pods[1].metadata.labels.cost, cost, "the label of " .. name)
  end
  w.wait(ctx, "nothing is noted any more", 30, function()
    for _, name in ipairs({ BROKERS, HISTORICALS }) do
      local config = w.read("v1", "ConfigMap", name .. "-config")
      if (config.metadata.annotations or {})["nemeton.dev/made-anew"] then return false, name end
    end
    return true
  end)
end

return M
