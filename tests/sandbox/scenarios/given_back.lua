local w = require "world"
local M = { title = "whatever ends a drain, every worker takes tasks again, every Historical gets segments, and sets are let go" }

local WORKERS, COLD = "druid-tiny-middlemanagers", "druid-tiny-cold"
local DEAF = "- {method: POST, path: /druid/worker/v1/enable, answer: 500}\n"
  .. "- {method: POST, path: /druid/indexer/v1/worker/, answer: 500}\n"

-- Workers that are there and get no tasks.
local function disabled()
  local list = json.array{}
  for name, worker in pairs(w.model("workers")) do
    local pod = w.read("v1", "Pod", name)
    if pod and pod.metadata.uid == worker.uid and worker.disabled then list[#list + 1] = name end
  end
  return list
end

local function decommissioned()
  return (w.model("dynamic").coordinator or {}).decommissioningNodes or json.array{}
end

local function set_of(name)
  return w.read("apps/v1", "StatefulSet", name or WORKERS)
end

local function annotated(name)
  local annotations = set_of(name).metadata.annotations or {}
  return annotations["nemeton.dev/step"] or annotations["nemeton.dev/leaving"]
end

local function edit(ctx, node, key)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [key or "middlemanagers"] = node } } }))
end

local function steer(ctx, word)
  w.check(ctx.patch(w.druid(), { metadata = { annotations = { ["nemeton.dev/rollout"] = word or json.null } } }))
end

local function drain(ctx, round)
  edit(ctx, { podAnnotations = { round = round } })
  w.wait(ctx, "a worker is disabled for round " .. round, 300, function()
    return #disabled() == 1, json.encode{ w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups, disabled() }
  end)
end

local function all_work(ctx, what, more)
  w.wait(ctx, what .. ": all workers take tasks", 300, function()
    return #disabled() == 0 and (not more or more()), json.encode(disabled())
  end)
end

-- Nobody hears it at first, and the operator dies meanwhile.
local function taken_back(ctx)
  drain(ctx, "two")
  w.write_model(ctx, "faults", DEAF)
  edit(ctx, { podAnnotations = { round = "one" } })
  ctx.sleep(30000)
  w.operator("kill")
  ctx.sleep(500)
  w.operator("start")
  ctx.sleep(30000)
  w.equal(#disabled(), 1, "workers that have heard nothing yet")
  w.write_model(ctx, "faults", "[]\n")
  all_work(ctx, "taken back", function() return not annotated() and w.is_ready() end)
end

local function by_hand(ctx)
  drain(ctx, "three")
  w.write_model(ctx, "faults", DEAF)
  edit(ctx, { updateStrategy = { type = "OnDelete" } })
  ctx.sleep(30000)
  w.write_model(ctx, "faults", "[]\n")
  all_work(ctx, "rolled by hand from now on", function() return not annotated() end)
  w.equal(set_of().spec.updateStrategy.type, "OnDelete", "the strategy")
  edit(ctx, { updateStrategy = { type = "RollingUpdate" }, podAnnotations = { round = "one" } })
  w.wait(ctx, "all is as it was", 300, function() return w.is_ready() end)
end

local function paused(ctx)
  edit(ctx, { replicas = 1 })
  edit(ctx, { replicas = 1 }, "historicals")
  w.wait(ctx, "pods are emptied", 200, function() return #disabled() == 1 and #decommissioned() == 1 end)
  steer(ctx, "pause")
  all_work(ctx, "paused", function() return #decommissioned() == 0 end)
  w.equal(set_of().spec.replicas, 2, "workers while it is paused")
  if w.patience == 1 then   -- where it may be heard of too late, the Historical may be empty before; tasks go on
    w.equal(set_of("druid-tiny-historicals").spec.replicas, 2, "Historicals while it is paused")
  end
  edit(ctx, { replicas = 2 })
  edit(ctx, { replicas = 2 }, "historicals")
  steer(ctx, nil)
  w.wait(ctx, "nothing gets smaller", 200, function() return w.is_ready() and not annotated() end)
end

-- What one of its name gets that comes later.
local function removed(ctx)
  edit(ctx, json.null, "cold")
  w.wait(ctx, "the group is gone, and its name is free", 900, function()
    return set_of(COLD) == nil and #decommissioned() == 0, json.encode(decommissioned())
  end)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
end

-- kubectl delete --cascade=orphan, in the middle of an update.
local function left_alone(ctx)
  drain(ctx, "four")
  w.check(ctx.delete(w.druid(), { propagation = "Orphan" }))
  w.wait(ctx, "the object is gone", 300, function() return w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny") == nil end)
  w.equal(disabled(), json.array{}, "workers that are left disabled")
  w.equal({ set_of().spec.updateStrategy.type, annotated() }, { "RollingUpdate" }, "the set that stays")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- tasks take their time, and nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.middlemanagers.replicas = 2
    druid.spec.nodes.middlemanagers.podAnnotations = { round = "one" }
    druid.spec.nodes.historicals.replicas = 2
    druid.spec.nodes.cold = json.copy(druid.spec.nodes.historicals)
    druid.spec.nodes.cold.replicas = 1
  end)
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
  w.submit(ctx, { a = { "index_parallel", 90000 }, b = { "index_parallel", 90000 }, c = { "noop", 90000 } })
  w.wait_for_tasks(ctx, "RUNNING", 3, 120)
  taken_back(ctx)
  by_hand(ctx)
  paused(ctx)
  removed(ctx)
  left_alone(ctx)
  w.equal(w.task_states().FAILED, 0, "tasks that failed")
end

return M
