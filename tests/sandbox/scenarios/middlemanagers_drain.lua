local w = require "world"
local M = { title = "MiddleManagers are updated under tasks, by an operator that is killed all the time, and no task is lost" }

local MAP = "tiny-druid-model"
local NAME = "druid-tiny-middlemanagers"

local function kept(subject)
  local map = w.read("v1", "ConfigMap", MAP)
  return map and map.data and map.data[subject] and yaml.decode(map.data[subject]) or {}
end

local function states()
  local count = { PENDING = 0, RUNNING = 0, SUCCESS = 0, FAILED = 0 }
  for _, task in pairs(kept("tasks")) do count[task.state] = count[task.state] + 1 end
  return count
end

local function task(kind, seconds)
  return { type = kind, ds = "wiki", state = "PENDING", createdMs = clock.now_ms(), runMs = seconds * 1000, payload = "{}" }
end

local function submit(ctx, list)
  local tasks = kept("tasks")
  for id, one in pairs(list) do tasks[id] = one end
  w.check(ctx.patch(w.target("v1", "ConfigMap", MAP), { data = { tasks = (yaml.encode(tasks)) } }))
end

local function drain()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  return druid and druid.status and druid.status.middleManagerDrain
end

local function disabled()
  local list = {}
  for pod, worker in pairs(kept("workers")) do
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
  submit(ctx, { long1 = task("index_parallel", 3000), long2 = task("index_parallel", 3000), long3 = task("noop", 3000) })
  w.wait(ctx, "the long tasks run", 120, function() return states().RUNNING == 3 end)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = "three" } } } } }))
  w.wait(ctx, "a worker is disabled", 120, function() return #disabled() == 1 and drain() end)
  w.operator("kill")
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = "two" } } } } }))
  w.operator("start")
  w.wait(ctx, "all workers are enabled, and the set is let go", 300, function()
    local set = w.read("apps/v1", "StatefulSet", NAME)
    return #disabled() == 0 and set.spec.updateStrategy.type == "RollingUpdate" and w.is_ready()
  end)
  w.equal(states().FAILED, 0, "tasks that failed")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- tasks take their time, and nobody plays Druid on a real cluster
  w.check(ctx.create{ apiVersion = "v1", kind = "ConfigMap", data = { settings = "version: \"\"\n" },
    metadata = { namespace = w.namespace, name = MAP, labels = { druid_cr = "tiny" } } })
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.middlemanagers.replicas = 3
  end)
  submit(ctx, { a = task("noop", 60), b = task("index_parallel", 90), c = task("index_kafka", 120), d = task("noop", 150) })
  w.wait(ctx, "the tasks run", 120, function() return states().RUNNING == 4 end)
  roll(ctx)
  w.wait(ctx, "the tasks are done", 600, function() return states().SUCCESS == 4, json.encode(states()) end)
  take_back(ctx)
end

return M
