-- Whole runs that replace pods, against a small world of tables with a Druid that answers.

local new_world = require("druid.init_world_test").new
local questions = require "druid.rollout.questions"

local function node(node_type, replicas)
  return { nodeType = node_type, ["druid.port"] = 8080, replicas = replicas,
    ["runtime.properties"] = "druid.service=druid/" .. node_type, nodeConfigMountPath = "/conf/" .. node_type }
end

local function cluster()
  return { image = "apache/druid:33.0.0", ["common.runtime.properties"] = "a=b",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { workers = node("middleManager", 2), overlords = node("overlord", 1) } }
end

-- A Druid: tasks and flags by worker. Gives what is asked of it as text, too.
local function new_druid(world)
  local druid = { tasks = {}, off = {}, said = {} }
  local function worker_of(url)
    for _, object in pairs(world.objects) do
      local ip = object.kind == "Pod" and object.status.podIP
      if ip and url:find("//" .. ip .. ":", 1, true) then
        return object.metadata.name
      end
    end
    return nil
  end
  local function list()
    local workers = json.array({})
    for _, object in pairs(world.objects) do
      if object.kind == "Pod" and object.metadata.name:find("workers", 1, true) then
        local name = object.metadata.name
        workers[#workers + 1] = { worker = { host = name .. ":8080", version = druid.off[name] and "" or "0" },
          runningTasks = druid.tasks[name] or json.array({}) }
      end
    end
    return workers
  end
  world.http = { request = function(request)
    local name, path = worker_of(request.url), request.url:match("^%a+://[^/]+(/.*)$")
    local body
    if path == "/druid/indexer/v1/leader" then
      body = "http://druid-demo-overlords-0:8080"
    elseif path == "/druid/indexer/v1/workers" then
      body = list()
    elseif path == "/druid/worker/v1/enabled" then
      body = { [name .. ":8080"] = not druid.off[name] }
    elseif path == "/druid/worker/v1/tasks" then
      body = druid.tasks[name] or json.array({})
    elseif path == "/druid/worker/v1/enable" and druid.deaf then
      return { status = 500, headers = {}, body = "" }
    elseif path == "/druid/worker/v1/disable" or path == "/druid/worker/v1/enable" then
      druid.off[name] = path:find("disable") ~= nil
      druid.said[#druid.said + 1] = path:match("(%a+)$") .. " " .. name:match("%d+$")
      body = { ok = "yes" }
    end
    return body and { status = 200, headers = {}, body = json.encode(body) } or { status = 404, headers = {}, body = "" }
  end }
  return druid
end

local function group(world, name)
  for _, one in ipairs(world.primary.status.groups) do
    if one.name == name then return one end
  end
end

return {
  ["a worker with a task is disabled and kept; the idle one goes first"] = function(t)
    local world = new_world(cluster())
    local druid = new_druid(world)
    world.bring_up()
    druid.tasks["druid-demo-workers-1"] = { "index_parallel_x" }
    world.edit(function(spec) spec.nodes.workers["runtime.properties"] = "x=y" end)
    world.run()
    world.settle()
    local log = world.run()
    t.equal(druid.said, { "disable 0" }, log)
    t.ok(not log:find("delete"), log)
    t.equal(group(world, "workers").phase, "Rolling")
    local drain = world.primary.status.middleManagerDrain
    t.equal(drain.podName, "druid-demo-workers-0")
    t.equal(drain.phase, "Draining")
    t.equal(drain.oldPodUID ~= nil, true)
    t.ok(table.concat(world.events, "\n"):find("MiddleManagerDraining: druid%-demo%-workers%-0 gets no new tasks"))
    world.run()
    t.equal(druid.said, { "disable 0" })
    t.equal(#world.events, 0)
  end,
  ["a spec that is taken back enables the worker and lets the set go"] = function(t)
    local world = new_world(cluster())
    local druid = new_druid(world)
    world.bring_up()
    local before = world.primary.spec.nodes.workers["runtime.properties"]
    local set = world.objects["StatefulSet/druid-demo-workers"]
    local revision = set.status.updateRevision
    world.edit(function(spec) spec.nodes.workers["runtime.properties"] = "x=y" end)
    world.run()
    world.settle()
    world.run()
    world.edit(function(spec) spec.nodes.workers["runtime.properties"] = before end)
    world.run()
    set = world.objects["StatefulSet/druid-demo-workers"]
    set.status.updateRevision = revision
    druid.deaf = true   -- it does not hear that it shall work again, at first
    world.settle()
    world.run()
    t.equal(druid.said, { "disable 1" })
    t.ok(set.metadata.annotations["nemeton.dev/step"]:find('"enable"', 1, true))
    druid.deaf = false
    world.settle()
    world.run()
    t.equal(druid.said, { "disable 1", "enable 1" })
    world.settle()
    world.run()
    t.equal(world.events, { "MiddleManagerEnabled: druid-demo-workers-1 takes tasks again",
      table.unpack(world.events, 2) })
    t.equal(set.metadata.annotations["nemeton.dev/step"], nil)
  end,
  ["a set that its user rolls from now on is let go when its workers take tasks again"] = function(t)
    local world = new_world(cluster())
    local druid = new_druid(world)
    world.bring_up()
    world.edit(function(spec) spec.nodes.workers["runtime.properties"] = "x=y" end)
    world.run()
    world.settle()
    world.run()
    t.equal(druid.said, { "disable 1" })
    druid.deaf = true
    world.edit(function(spec) spec.nodes.workers.updateStrategy = { type = "OnDelete" } end)
    world.run()
    local function step_of() return world.objects["StatefulSet/druid-demo-workers"].metadata.annotations["nemeton.dev/step"] end
    t.ok(step_of():find('"enable"', 1, true), step_of())
    druid.deaf = false
    for _ = 1, 3 do
      if step_of() then
        world.settle()
        world.run()
      end
    end
    t.equal(druid.said, { "disable 1", "enable 1" })
    t.equal(step_of(), nil)
    local function set() return world.objects["StatefulSet/druid-demo-workers"] end
    set().status.observedGeneration = set().metadata.generation
    world.run()
    t.equal({ set().spec.updateStrategy.type, group(world, "workers").phase }, { "OnDelete", "WaitingForHands" })
    world.edit(function(spec) spec.nodes.workers.updateStrategy = nil end)
    world.run()
    t.equal({ set().spec.updateStrategy.type, step_of() ~= nil, set().metadata.annotations["nemeton.dev/by-hand"] },
      { "OnDelete", true }, "it is held again, before anybody can roll it")
    t.equal(druid.said, { "disable 1", "enable 1", "disable 1" })
    t.ok(group(world, "workers").waitsFor:find("gets no new tasks", 1, true), group(world, "workers").waitsFor)
  end,
  ["what its user left half-way is rolled by us also where it is alone: in its turn, and not in a pause"] = function(t)
    local spec = cluster()
    spec.nodes.routers, spec.nodes.brokers = node("router", 1), node("broker", 1)
    for _, key in ipairs({ "routers", "brokers" }) do
      spec.nodes[key].updateStrategy = { type = "OnDelete" }
    end
    local world = new_world(spec)
    local druid = new_druid(world)
    world.bring_up()
    local function strategy(key)
      local set = world.objects["StatefulSet/druid-demo-" .. key]
      return (set.spec.updateStrategy or { type = "RollingUpdate" }).type .. " "
        .. tostring(set.metadata.annotations["nemeton.dev/step"] ~= nil)
    end
    world.edit(function(one)
      one.nodes.routers.podAnnotations, one.nodes.brokers.podAnnotations = { round = "two" }, { round = "two" }
    end)
    world.run()
    local function seen()
      for _, key in ipairs({ "brokers", "routers" }) do
        local set = world.objects["StatefulSet/druid-demo-" .. key]
        set.status.observedGeneration, set.status.updatedReplicas = set.metadata.generation, 0
      end
    end
    seen()
    world.run()
    t.equal({ group(world, "brokers").phase, group(world, "routers").phase }, { "WaitingForHands", "WaitingForHands" })
    world.primary.metadata.annotations = { ["nemeton.dev/rollout"] = "pause" }
    world.edit(function(one) one.nodes.routers.updateStrategy, one.nodes.brokers.updateStrategy = nil, nil end)
    local log = world.run()
    seen()
    log = log .. world.run()
    t.equal({ strategy("brokers"), strategy("routers"), log:find("delete Pod", 1, true) }, { "OnDelete true", "OnDelete true" })
    world.primary.metadata.annotations = nil
    world.edit(function() end)
    log = world.run()
    t.ok(log:find("delete Pod/druid-demo-brokers-0", 1, true), log)
    t.ok(not log:find("delete Pod/druid-demo-routers-0", 1, true), log)
    t.equal({ strategy("brokers"), strategy("routers"), #druid.said }, { "OnDelete true", "OnDelete true", 0 })
  end,
  ["a set whose strategy somebody changed by hand is theirs, and one that is complete is let go at once"] = function(t)
    local world = new_world(cluster())
    new_druid(world)
    world.bring_up()
    local function set() return world.objects["StatefulSet/druid-demo-workers"] end
    set().spec.updateStrategy = { type = "OnDelete" }
    world.edit(function() end)
    world.run()
    t.equal({ set().spec.updateStrategy.type, set().metadata.annotations["nemeton.dev/step"] }, { "OnDelete" })
    set().metadata.annotations["nemeton.dev/by-hand"] = "true"
    world.edit(function() end)
    local log = world.run()
    t.ok(log:find("patch StatefulSet/druid-demo-workers", 1, true), log)
    t.equal({ set().spec.updateStrategy.type, set().metadata.annotations["nemeton.dev/step"] }, { "RollingUpdate" })
  end,
  ["workers whose tasks cannot be restored are emptied, and it is said; others are replaced"] = function(t)
    local function updated(change)
      local spec = cluster()
      local workers = spec.nodes.workers
      spec.services[1].spec.clusterIP, workers.terminationGracePeriodSeconds = "None", 330
      workers.middleManagerDrainStrategy = { strategy = "restore" }
      workers.volumeClaimTemplates = { { metadata = { name = "data" }, spec = { accessModes = { "ReadWriteOnce" },
        resources = { requests = { storage = "1Gi" } } } } }
      workers.volumeMounts = { { name = "data", mountPath = "/data" } }
      workers["runtime.properties"] = "druid.indexer.task.restoreTasksOnRestart=true\ndruid.indexer.task.baseTaskDir=/data/task"
      change(workers)
      local world = new_world(spec)
      local druid = new_druid(world)
      world.bring_up()
      world.edit(function(one) one.nodes.workers.podAnnotations = { round = "two" } end)
      world.run()
      world.settle()
      local log = world.run()
      local gone = log:find("delete Pod/druid-demo-workers-1", 1, true) ~= nil
      return table.concat(druid.said, ", "), gone, group(world, "workers").note
    end
    t.equal({ updated(function() end) }, { "", true })
    local said, gone, note = updated(function(workers) workers.volumeMounts[1].mountPath = "/elsewhere" end)
    t.equal({ said, gone }, { "disable 1", false })
    t.ok(note:find("/data/task is on no volume; its workers are emptied instead", 1, true), note)
    said, gone, note = updated(function(workers) workers.image = "ours/druid:blue" end)
    t.equal({ said, gone }, { "", true })
    t.ok(note:find("whether the host name stays is not known", 1, true), note)
  end,
  ["a corrected spec goes through a set that nobody leads, though pods of the bad one are ready"] = function(t)
    local patience, leader = questions.leaderless_s, "http://druid-demo-overlords-0:8080"
    local world = new_world({ image = "apache/druid:33.0.0", ["common.runtime.properties"] = "a=b",
      services = { { spec = { type = "ClusterIP" } } }, nodes = { overlords = node("overlord", 2) } })
    world.http = { request = function(request)
      local body = request.url:find("/leader$") and leader
      return body and { status = 200, headers = {}, body = body } or { status = 404, headers = {}, body = "" }
    end }
    local function change(value)
      world.edit(function(spec) spec.nodes.overlords["runtime.properties"] = value end)
      world.run()
    end
    local function go_on(runs)
      local all = {}
      for i = 1, runs do
        world.settle()
        all[i] = world.run()
      end
      return table.concat(all, "\n")
    end
    world.bring_up()
    change("bad=1")
    t.ok(go_on(1):find("delete Pod/druid-demo-overlords-1", 1, true))
    leader = ""   -- the new one cannot be elected, and takes the old one with it
    local log = go_on(3)
    t.ok(not log:find("delete ", 1, true), log)
    t.equal(group(world, "overlords").phase, "Rolling")
    change("good=1")
    log = go_on(2)
    t.ok(not log:find("delete ", 1, true), log)   -- somebody may be elected yet
    questions.leaderless_s = 0
    log = go_on(1)
    t.ok(log:find("delete Pod/druid-demo-overlords-1", 1, true), log)
    questions.leaderless_s, leader = patience, "http://druid-demo-overlords-1:8080"
    log = go_on(5)
    t.ok(log:find("delete Pod/druid-demo-overlords-0", 1, true), log)
    t.equal(group(world, "overlords").phase, "Ready")
    t.equal(world.objects["StatefulSet/druid-demo-overlords"].metadata.annotations["nemeton.dev/step"], nil)
  end,
}
