local w = require "world"
local M = { title = "Brokers that an autoscaler sizes are updated pod by pod, and nobody else sets their number" }

local NAME = "druid-tiny-brokers"

local function set_of() return w.read("apps/v1", "StatefulSet", NAME) end

-- As the autoscaler does it.
local function scale(ctx, count)
  w.check(ctx.patch(w.target("apps/v1", "StatefulSet", NAME), { spec = { replicas = count } }))
end

-- Pods that are ready with the new template, and all that are ready.
local function count(round)
  local new, ready = 0, 0
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. NAME)) do
    local condition = w.condition(pod, "Ready")
    if not pod.metadata.deletionTimestamp and condition and condition.status == "True" then
      ready = ready + 1
      new = new + ((pod.metadata.annotations or {}).round == round and 1 or 0)
    end
  end
  return new, ready
end

-- Watches until `done`; nobody but the autoscaler may have changed the number.
local function follow(ctx, what, wanted, least, done)
  w.wait(ctx, what, 600, function()
    local set = set_of()
    w.equal(set.spec.replicas, wanted, what .. ": the replicas, and what the autoscaler said")
    local new, ready = count("two")
    if ready < least then error(what .. ": only " .. ready .. " are ready") end
    return done(new, ready, set), new .. " of " .. ready
  end)
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    local node = druid.spec.nodes.brokers
    node.replicas, node.podAnnotations = 2, { round = "one" }
    node.hpAutoscaler = { minReplicas = 2, maxReplicas = 6, metrics = { { type = "Resource",
      resource = { name = "cpu", target = { type = "Utilization", averageUtilization = 60 } } } } }
  end)
  scale(ctx, 4)
  w.wait(ctx, "there are four", 120, function()
    local _, ready = count("two")
    return ready == 4 and w.is_ready()
  end)

  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = { round = "two" } } } } }))
  follow(ctx, "one is away", 4, 3, function(_, ready) return ready == 3 end)
  -- More of them while it is, and then fewer.
  scale(ctx, 6)
  follow(ctx, "two more come up", 6, 3, function(new, ready) return new >= 3 and ready == 6 end)
  scale(ctx, 3)
  follow(ctx, "three of them are left, all new", 3, 2, function(new, ready, set)
    return new == 3 and ready == 3 and set.spec.updateStrategy.type == "RollingUpdate" and w.is_ready()
  end)
  w.equal(#w.list("v1", "Pod", "nodeSpecUniqueStr=" .. NAME), 3, "the pods")
  local calm = set_of().metadata.generation
  ctx.sleep(w.mode == "virtual" and 120000 or 3000)
  local set = set_of()
  w.equal({ set.spec.replicas, set.metadata.generation }, { 3, calm }, "the set afterwards: nobody fights")
end

return M
