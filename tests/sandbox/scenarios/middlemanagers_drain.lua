local w = require "world"
local M = { title = "MiddleManagers are updated under tasks, by an operator that is killed all the time, and no task is lost" }

local NAME = "druid-tiny-middlemanagers"

local function drain()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  return druid and druid.status and druid.status.middleManagerDrain
end

local function disabled()
  local list = {}
  for pod, worker in pairs(w.model("workers")) do
    if worker.disabled then list[#list + 1] = pod end
  end
  return list
end

local function roll(ctx)
  local seen, workers = {}, {}
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = "two" } } } } }))
  w.wait(ctx, "the workers are updated", 2000, function()
    local said = drain()
    if said and not seen[said.podName .. said.phase] then
      seen[said.podName .. said.phase], workers[said.podName] = true, true
      w.operator("kill")
      ctx.sleep(300)
      w.operator("start")
    end
    return not said and w.is_ready()
  end)
  local count = 0
  for _ in pairs(workers) do count = count + 1 end
  w.equal(count, 3, "workers that were emptied")
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. NAME)) do
    w.equal((pod.metadata.annotations or {}).round, "two", pod.metadata.name)
  end
end

-- A change that is taken back while a worker waits for its task.
local function take_back(ctx)
  w.submit(ctx, { long1 = { "index_parallel", 3000 }, long2 = { "index_parallel", 3000 }, long3 = { "noop", 3000 } })
  w.wait_for_tasks(ctx, "RUNNING", 3, 120)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = "three" } } } } }))
  w.wait(ctx, "a worker is disabled", 120, function() return #disabled() == 1 and drain() end)
  w.operator("kill")
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = "two" } } } } }))
  w.operator("start")
  w.wait(ctx, "all workers are enabled, and the set is let go", 300, function()
    local set = w.read("apps/v1", "StatefulSet", NAME)
    return #disabled() == 0 and set.spec.updateStrategy.type == "RollingUpdate" and w.is_ready()
  end)
  w.equal(w.task_states().FAILED, 0, "tasks that failed")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- tasks take their time, and nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.middlemanagers.replicas = 3
  end)
  w.submit(ctx, { a = { "noop", 60 }, b = { "index_parallel", 90 }, c = { "index_kafka", 120 }, d = { "noop", 150 } })
  w.wait_for_tasks(ctx, "RUNNING", 4, 120)
  roll(ctx)
  w.wait_for_tasks(ctx, "SUCCESS", 4, 600)
  take_back(ctx)
end

return M
