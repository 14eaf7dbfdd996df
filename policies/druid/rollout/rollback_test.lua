-- Whole runs that pause, abort and take back an update, against a small world of tables.

local condition = require "lib.condition"
local new_world = require("druid.init_world_test").new

local function node(node_type)
  return { nodeType = node_type, ["druid.port"] = 8080, replicas = 1,
    ["runtime.properties"] = "good=1", nodeConfigMountPath = "/conf/" .. node_type }
end

local function cluster()
  return { image = "apache/druid:33.0.0", druidTimeout = "0s", ["common.runtime.properties"] = "a=b",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { brokers = node("broker"), routers = node("router"), coordinators = node("coordinator") } }
end

local function long_ago()
  return clock.rfc3339(clock.now() - 7200)
end

local function config(world, name)
  return world.objects["ConfigMap/" .. name]
end

local function image(world, group)
  return world.objects["StatefulSet/druid-demo-" .. group].spec.template.spec.containers[1].image
end

local function phases(world)
  local list = {}
  for _, group in ipairs(world.primary.status.groups) do
    list[#list + 1] = group.name .. " " .. group.phase
  end
  return table.concat(list, ", ")
end

-- The brokers get a template whose pods never become ready: an image that is not there.
local function break_brokers(world)
  local set = world.objects["StatefulSet/druid-demo-brokers"]
  set.status.observedGeneration = set.metadata.generation
  set.status.readyReplicas = 0
  world.objects["Pod/druid-demo-brokers-0"] = { apiVersion = "v1", kind = "Pod", metadata = { name = "druid-demo-brokers-0",
    uid = "bad", labels = { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = "druid-demo-brokers",
      ["controller-revision-hash"] = set.status.updateRevision },
    ownerReferences = { { uid = set.metadata.uid, controller = true } } },
    status = { phase = "Pending", conditions = { { type = "Ready", status = "False", lastTransitionTime = long_ago() } },
      containerStatuses = { { restartCount = 0,
        state = { waiting = { reason = "ImagePullBackOff", message = "manifest unknown" } } } } } }
end

local function at_work()
  local world = new_world(cluster())
  world.bring_up()
  world.edit(function(spec)
    spec.image = "apache/druid:34.0.0"
    spec["common.runtime.properties"] = "a=c"
    spec.nodes.brokers["runtime.properties"] = "bad=1"
  end)
  return world
end

return {
  ["what was ready is kept before it is overwritten"] = function(t)
    local world = at_work()
    local log = world.run()
    t.ok(log:find("create ConfigMap/druid%-demo%-brokers%-config%-last%-good.*"
      .. "update ConfigMap/druid%-demo%-brokers%-config\n"), log)
    t.ok(config(world, "druid-demo-brokers-config-last-good").data["runtime.properties"]:find("good=1"))
    t.ok(config(world, "druid-demo-brokers-config").data["runtime.properties"]:find("bad=1"))
    t.equal(config(world, "demo-druid-common-config-last-good").data["common.runtime.properties"], "a=b")
    t.equal(config(world, "druid-demo-routers-config-last-good"), nil)
  end,
  ["what was ready is kept though its set was held before that could be written"] = function(t)
    local spec = cluster()
    spec.nodes.historicals = node("historical")
    local world = new_world(spec)
    world.bring_up()
    world.edit(function(edited)
      edited.nodes.historicals["runtime.properties"] = "bad=1"
    end)
    world.fail = "ConfigMap/druid-demo-historicals-config-last-good"
    world.run()
    local set = world.objects["StatefulSet/druid-demo-historicals"]
    t.equal(set.spec.updateStrategy.type, "OnDelete")
    t.ok(config(world, "druid-demo-historicals-config").data["runtime.properties"]:find("good=1"))
    world.fail = nil
    set.metadata.generation = set.metadata.generation + 1   -- its controller is slow to see that it is held
    world.run()
    t.ok(config(world, "druid-demo-historicals-config").data["runtime.properties"]:find("good=1"))
    set.status.observedGeneration = set.metadata.generation
    world.run()
    t.ok(config(world, "druid-demo-historicals-config-last-good").data["runtime.properties"]:find("good=1"))
    t.ok(config(world, "druid-demo-historicals-config").data["runtime.properties"]:find("bad=1"))
  end,
  ["what was ready stays kept when a run ends between the configuration and the template"] = function(t)
    local world = at_work()
    world.fail = "StatefulSet/druid-demo-brokers"
    world.run()
    t.ok(config(world, "druid-demo-brokers-config").data["runtime.properties"]:find("bad=1"))
    world.fail = nil
    world.edit(function(spec)
      spec["common.runtime.properties"] = "a=d"
      spec.nodes.brokers["runtime.properties"] = "worse=1"
    end)
    world.run()
    t.ok(config(world, "druid-demo-brokers-config").data["runtime.properties"]:find("worse=1"))
    t.ok(config(world, "druid-demo-brokers-config-last-good").data["runtime.properties"]:find("good=1"))
    t.equal(config(world, "demo-druid-common-config").data["common.runtime.properties"], "a=d")
    t.equal(config(world, "demo-druid-common-config-last-good").data["common.runtime.properties"], "a=b")
  end,
  ["one bad edit after the other leaves the last good one"] = function(t)
    local world = at_work()
    world.run()
    break_brokers(world)
    world.edit(function(spec) spec.nodes.brokers["runtime.properties"] = "worse=1" end)
    world.run()
    t.ok(config(world, "druid-demo-brokers-config").data["runtime.properties"]:find("worse=1"))
    t.ok(config(world, "druid-demo-brokers-config-last-good").data["runtime.properties"]:find("good=1"))
  end,
  ["a corrected spec goes through a group that is broken"] = function(t)
    local world = at_work()
    world.run()
    break_brokers(world)
    world.run()
    world.edit(function(spec) spec.image = "apache/druid:34.0.1" end)
    local log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
    t.equal(image(world, "brokers"), "apache/druid:34.0.1")
  end,
  ["a cluster that goes and leaves its parts leaves no set held"] = function(t)
    local spec = cluster()
    spec.nodes.historicals = node("historical")
    local world = new_world(spec)
    world.bring_up()
    world.edit(function(edited) edited.image = "apache/druid:34.0.0" end)
    world.run()
    local set = world.objects["StatefulSet/druid-demo-historicals"]
    t.equal(set.spec.updateStrategy.type, "OnDelete")
    world.primary.metadata.deletionTimestamp = "now"
    world.primary.metadata.finalizers = { "deletepvc.finalizers.druid.apache.org", "orphan" }
    t.equal(world.run(), "patch StatefulSet/druid-demo-historicals\nrelease")
    t.equal(set.spec.updateStrategy.type, "RollingUpdate")
    t.equal(set.metadata.annotations["nemeton.dev/step"], nil)
  end,
  ["a paused update stands still and goes on where it was"] = function(t)
    local world = at_work()
    world.primary.metadata.annotations = { ["nemeton.dev/rollout"] = "pause" }
    local log = world.run()
    t.ok(not log:find("restart "), log)
    t.equal(phases(world), "brokers Waiting, routers Waiting, coordinators Waiting")
    t.ok(world.primary.status.message:find("paused by the annotation nemeton.dev/rollout", 1, true))
    world.primary.metadata.annotations = nil
    log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
  end,
  ["a stuck update is told with its cause and the ways out, and left alone"] = function(t)
    local world = at_work()
    world.run()
    world.primary.status.groups[1].since, world.primary.status.groups[1].progress = long_ago(), long_ago()
    world.primary.status.groups[1].ready, world.primary.status.groups[1].updated = 0, 1
    break_brokers(world)
    world.run()
    local message = condition.find(world.primary.status.conditions, "Degraded").message
    t.ok(message:find("brokers is stuck: druid-demo-brokers-0: ImagePullBackOff: manifest unknown; correct the image",
      1, true), message)
    t.ok(table.concat(world.events, "\n"):find("kubectl -n default annotate druid demo nemeton.dev/rollout=abort", 1, true))
    t.equal(world.primary.status.rollback, nil)
    t.equal(image(world, "brokers"), "apache/druid:34.0.0")
  end,
  ["an aborted update returns to what was ready last, the common configuration included"] = function(t)
    local world = at_work()
    local template = json.copy(world.objects["StatefulSet/druid-demo-brokers"].spec.template)
    world.run()
    break_brokers(world)
    world.primary.metadata.annotations = { ["nemeton.dev/rollout"] = "abort" }
    local log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.template, template)
    t.ok(config(world, "druid-demo-brokers-config").data["runtime.properties"]:find("good=1"))
    t.equal(config(world, "demo-druid-common-config").data["common.runtime.properties"], "a=b")
    world.settle()
    world.run()
    t.equal(phases(world), "brokers RolledBack, routers Waiting, coordinators Waiting")
    t.equal(world.run(), "")
    world.primary.metadata.annotations = nil
    log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
    t.equal(image(world, "brokers"), "apache/druid:34.0.0")
  end,
  ["a cluster whose only changed group is back is not called ready, however often it is looked at"] = function(t)
    local world = new_world(cluster())
    world.bring_up()
    world.edit(function(spec) spec.nodes.brokers.image = "apache/druid:34.0.0" end)
    world.run()
    world.primary.metadata.annotations = { ["nemeton.dev/rollout"] = "abort" }
    world.run()
    world.settle()
    for _ = 1, 4 do
      world.run()
    end
    t.equal(image(world, "brokers"), "apache/druid:33.0.0")
    t.equal(phases(world), "brokers RolledBack, routers Ready, coordinators Ready")
    t.equal(condition.find(world.primary.status.conditions, "Ready").status, "False")
  end,
  ["a stuck update is taken back by itself where that is asked for, until the spec changes"] = function(t)
    local world = at_work()
    world.edit(function(spec) spec.rollback = "auto" end)
    world.run()
    world.primary.status.groups[1].since, world.primary.status.groups[1].progress = long_ago(), long_ago()
    world.primary.status.groups[1].ready, world.primary.status.groups[1].updated = 0, 1
    break_brokers(world)
    local _, outcome = world.run()
    t.equal(outcome, { requeue_ms = 1 })
    t.equal(world.primary.status.rollback.group, "brokers")
    t.ok(table.concat(world.events, "\n"):find("DruidOperatorRollback: Taking the update back"))
    world.run()
    t.equal(image(world, "brokers"), "apache/druid:33.0.0")
    world.settle()
    world.run()
    t.equal(phases(world), "brokers RolledBack, routers Waiting, coordinators Waiting")
    t.ok(world.primary.status.message:find("^The update was taken back"), world.primary.status.message)
    world.edit(function(spec) spec.image = "apache/druid:34.0.1" end)
    local log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
    t.equal(world.primary.status.rollback, nil)
  end,
}
