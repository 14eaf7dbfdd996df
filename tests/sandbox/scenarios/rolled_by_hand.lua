local w = require "world"
local M = { title = "a set that is not left to its user any more is rolled by the operator again, one pod after the other" }

local WORKERS, HOT = "druid-tiny-middlemanagers", "druid-tiny-historicals"

local function set_of(name) return w.read("apps/v1", "StatefulSet", name) end

local function strategy_of(name)
  local set = set_of(name)
  local annotations = set.metadata.annotations or {}
  return set.spec.updateStrategy.type, annotations["nemeton.dev/step"] ~= nil, annotations["nemeton.dev/by-hand"]
end

local function uids_of(name)
  local uids = {}
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. name)) do uids[pod.metadata.name] = pod.metadata.uid end
  return uids
end

local function away(name)
  local count = 2
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. name)) do
    local ready = w.condition(pod, "Ready")
    if not pod.metadata.deletionTimestamp and ready and ready.status == "True" then count = count - 1 end
  end
  return count
end

local function disabled()
  local count = 0
  for name, worker in pairs(w.model("workers")) do
    local pod = w.read("v1", "Pod", name)
    if pod and pod.metadata.uid == worker.uid and worker.disabled then count = count + 1 end
  end
  return count
end

local function edit(ctx, key, node)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [key] = node } } }))
end

local function phase_of(key)
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups or {}) do
    if group.name == key then return group.phase end
  end
end

local function wait_for_strategy(ctx, what, name, kind, held, by_hand)
  w.wait(ctx, what, 120, function()
    local a, b, c = strategy_of(name)
    return a == kind and b == held and c == by_hand, json.encode{ a, b, c or "" }
  end)
end

-- In the middle of a drain: nobody loses a task.
local function workers(ctx)
  w.submit(ctx, { a = { "noop", 90000 }, b = { "noop", 90000 } })
  w.wait_for_tasks(ctx, "RUNNING", 2, 120)
  local before = uids_of(WORKERS)
  edit(ctx, "middlemanagers", { podAnnotations = { round = "two" } })
  w.wait(ctx, "a worker is disabled", 300, function() return disabled() == 1 end)
  edit(ctx, "middlemanagers", { updateStrategy = { type = "OnDelete" } })
  wait_for_strategy(ctx, "the workers are left to their user", WORKERS, "OnDelete", false, "true")
  w.equal(disabled(), 0, "workers that get no tasks")
  edit(ctx, "middlemanagers", { updateStrategy = json.null })
  wait_for_strategy(ctx, "the workers are held again", WORKERS, "OnDelete", true, nil)
  w.wait(ctx, "a worker is disabled again", 300, function() return disabled() == 1 end)
  ctx.sleep(60000)
  w.equal(uids_of(WORKERS), before, "the pods")
  edit(ctx, "middlemanagers", { podAnnotations = { round = "one" } })
  wait_for_strategy(ctx, "the workers are let go", WORKERS, "RollingUpdate", false, nil)
  w.wait(ctx, "all is as it was", 300, function() return w.is_ready() and disabled() == 0 end)
  w.equal(uids_of(WORKERS), before, "the pods")
end

-- Half of them rolled by hand, the rest by the operator, one at a time.
local function historicals(ctx)
  edit(ctx, "historicals", { updateStrategy = { type = "OnDelete" } })
  wait_for_strategy(ctx, "the Historicals are left to their user", HOT, "OnDelete", false, "true")
  edit(ctx, "historicals", { podAnnotations = { round = "two" } })
  w.wait(ctx, "they wait for hands", 120, function() return phase_of("historicals") == "WaitingForHands" end)
  local before = uids_of(HOT)
  edit(ctx, "historicals", { updateStrategy = json.null })
  w.wait(ctx, "all Historicals are replaced", 600, function()
    if away(HOT) > 1 then error("two Historicals are away at once") end
    local now, left = uids_of(HOT), 0
    for name, uid in pairs(before) do left = left + (now[name] == uid and 1 or 0) end
    return left == 0 and away(HOT) == 0 and strategy_of(HOT) == "RollingUpdate" and w.is_ready()
  end)
  wait_for_strategy(ctx, "the Historicals are let go", HOT, "RollingUpdate", false, nil)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
end

-- The Druid object says nothing, and never did: the hands of the one who changed the set are not fought.
local function own_hands(ctx)
  w.check(ctx.patch(w.target("apps/v1", "StatefulSet", HOT),
    { spec = { updateStrategy = { type = "OnDelete", rollingUpdate = json.null } } }))
  ctx.sleep(180000)   -- they are watched apart: this one has to be known before the next
  edit(ctx, "historicals", { podAnnotations = { round = "three" } })
  w.wait(ctx, "they wait for hands", 120, function() return phase_of("historicals") == "WaitingForHands" end)
  ctx.sleep(60000)
  w.equal({ strategy_of(HOT) }, { "OnDelete", false }, "the strategy of the set")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- minutes are minutes, and nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    for _, key in ipairs{ "middlemanagers", "historicals" } do
      druid.spec.nodes[key].replicas, druid.spec.nodes[key].podAnnotations = 2, { round = "one" }
    end
  end)
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
  workers(ctx)
  historicals(ctx)
  own_hands(ctx)
  w.equal(w.task_states().FAILED, 0, "tasks that failed")
end

return M
