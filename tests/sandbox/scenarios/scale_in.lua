local w = require "world"
local M = { title = "workers and Historicals are emptied before they are scaled away or removed, and come back as before" }

local function decommissioning()
  return #((w.model("dynamic").coordinator or {}).decommissioningNodes or {})
end

local function pods(group)
  return #w.list("v1", "Pod", "nodeSpecUniqueStr=druid-tiny-" .. group)
end

local function set(ctx, group, replicas)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [group] = { replicas = replicas } } } }))
end

local function historicals(ctx)
  set(ctx, "historicals", 2)
  w.wait(ctx, "the Coordinator is told", 200, function()
    return decommissioning() == 1, select(2, w.is_ready())
  end)
  w.wait(ctx, "that is told, with what it holds and a deadline", 60, function()
    local leaving = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.historicalsLeaving or json.array{}
    local one = leaving[1] or {}
    return one.name == "druid-tiny-historicals-2" and one.size and one.size > 0 and one.deadline ~= nil, json.encode(leaving)
  end)
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  w.wait(ctx, "the Historical is gone, and its name is free", 600, function()
    local ready, why = w.is_ready()
    return pods("historicals") == 2 and decommissioning() == 0 and ready, why
  end)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
end

local function workers(ctx)
  local list = {}
  for i = 1, 6 do list["task" .. i] = { "index_parallel", 60 + i * 10 } end
  w.submit(ctx, list, true)
  w.wait_for_tasks(ctx, "RUNNING", 6, 120)
  set(ctx, "middlemanagers", 1)
  ctx.sleep(8000)
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  w.wait(ctx, "two workers are gone", 900, function()
    local ready, why = w.is_ready()
    return pods("middlemanagers") == 1 and ready, why
  end)
  w.wait_for_tasks(ctx, "SUCCESS", 6, 300)
end

local function is_disabled()
  local name = "druid-tiny-middlemanagers-1"
  local worker, pod = w.model("workers")[name], w.read("v1", "Pod", name)
  return worker and pod and worker.uid == pod.metadata.uid and worker.disabled
end

-- A scale-in that is taken back leaves nobody disabled.
local function take_back(ctx)
  set(ctx, "middlemanagers", 2)
  w.wait(ctx, "a worker is back", 200, function() return pods("middlemanagers") == 2 and w.is_ready() end)
  local list = {}
  for i = 1, 4 do list["more" .. i] = { "index_parallel", 3000 } end
  w.submit(ctx, list, true)
  w.wait_for_tasks(ctx, "RUNNING", 4, 120)
  set(ctx, "middlemanagers", 1)
  w.wait(ctx, "the worker is disabled", 120, is_disabled)
  w.wait(ctx, "that is told, with a deadline", 60, function()
    local drain = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.middleManagerDrain
    local worker = drain and drain.workers[1] or {}
    return worker.name == "druid-tiny-middlemanagers-1" and worker.deadline and worker.enabled == false and worker.tasks == 2,
      json.encode(drain or json.object{})
  end)
  set(ctx, "middlemanagers", 2)
  w.wait(ctx, "it is enabled again", 120, function() return not is_disabled() and w.is_ready() end)
  w.equal(w.task_states().FAILED, 0, "tasks that failed")
end

local function removed_group(ctx)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { cold = json.null } } }))
  w.wait(ctx, "the group is gone, empty", 900, function()
    local ready, why = w.is_ready()
    return pods("cold") == 0 and w.read("apps/v1", "StatefulSet", "druid-tiny-cold") == nil and ready, why
  end)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
end

-- A cluster that is deleted waits for its tasks, where that is asked for; and never longer than it says.
local function deleted(ctx, seconds)
  local function workers_now()
    local uids = {}
    for i, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=druid-tiny-middlemanagers")) do uids[i] = pod.metadata.uid end
    return table.concat(uids, " ")
  end
  w.check(ctx.patch(w.druid(), { spec = { disablePVCDeletionFinalizer = true, middleManagerDrainStrategy = { drainTimeout = "10m",
    whenDeleted = "drain" } } }))
  w.wait(ctx, "that is seen", 60, function() return w.is_ready() end)
  w.submit(ctx, { last = { "noop", seconds } }, true)
  w.wait_for_tasks(ctx, "RUNNING", 1, 120)
  local begun, before = clock.now(), workers_now()
  w.check(ctx.delete(w.druid()))
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  local least, most = math.min(seconds, 600) - 30, math.min(seconds, 600) + 120
  w.wait(ctx, "the cluster is gone", most, function()
    if clock.now() - begun < least then w.equal(workers_now(), before, "the workers while their task runs") end
    return w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny") == nil
  end)
  w.equal(clock.now() - begun >= least, true, "the time until the cluster is gone is that of its task")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- tasks take their time, and nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.historicals.replicas = 3
    druid.spec.nodes.middlemanagers.replicas = 3
    druid.spec.nodes.cold = json.copy(druid.spec.nodes.historicals)
    druid.spec.nodes.cold.replicas = 1
  end)
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
  historicals(ctx)
  workers(ctx)
  take_back(ctx)
  removed_group(ctx)
  deleted(ctx, w.patience > 1 and 3000 or 240)   -- the longer one is given up after ten minutes
end

return M
