local w = require "world"
local M = { title = "Historicals are replaced one by one, by an operator that is killed at each step, and their set is let go" }

local NAME = "druid-tiny-historicals"

local function state()
  local set = w.read("apps/v1", "StatefulSet", NAME)
  local old, away, uids = 0, 3, {}
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. NAME)) do
    uids[pod.metadata.name] = pod.metadata.uid
    local ready = w.condition(pod, "Ready")
    if not pod.metadata.deletionTimestamp and ready and ready.status == "True" then away = away - 1 end
    if pod.metadata.labels["controller-revision-hash"] ~= set.status.updateRevision then old = old + 1 end
  end
  return set, old, away, uids
end

function M.run(ctx)
  w.deploy(ctx, nil, function(druid) druid.spec.nodes.historicals.replicas = 3 end)
  local first, _, _, before = state()
  w.check(ctx.patch(w.druid(), { spec = { podAnnotations = { round = "two" } } }))
  local held, order, seen = false, {}, {}
  w.wait(ctx, "all Historicals are replaced", 400, function()
    local set, old, away, uids = state()
    if away > 1 then error(away .. " Historicals are away at once") end
    held = held or set.spec.updateStrategy.type == "OnDelete"
    for name, uid in pairs(before) do
      if not seen[name] and uids[name] ~= uid then
        seen[name] = true
        order[#order + 1] = name
        w.operator("kill")
        w.operator("start")
      end
    end
    return old == 0 and away == 0 and set.metadata.generation > first.metadata.generation
      and set.spec.updateStrategy.type == "RollingUpdate" and set.status.observedGeneration == set.metadata.generation
  end)
  if not held then error("the set was never held") end
  w.equal(order, { NAME .. "-2", NAME .. "-1", NAME .. "-0" }, "order of the pods")
  w.wait(ctx, "the rollout is over", 400, function() return w.is_ready() end)
  local set = w.read("apps/v1", "StatefulSet", NAME)
  if (set.metadata.annotations or {})["nemeton.dev/step"] then error("the annotation is left") end
  w.equal((set.spec.updateStrategy.rollingUpdate or {}).partition, 0, "the partition")
end

return M
