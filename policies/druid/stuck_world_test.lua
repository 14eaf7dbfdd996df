-- Whole runs with a group in a crash loop, against a small world of tables: where the diagnosis is told.

local condition = require "lib.condition"
local report = require "druid.report"
local new_world = require("druid.init_world_test").new

local function long_ago()
  return clock.rfc3339(clock.now() - 7200)
end

-- A cluster whose only Broker ends again and again.
local function crashing(log, strategy)
  local world = new_world({ image = "apache/druid:33.0.0", druidTimeout = "0s", ["common.runtime.properties"] = "a=b",
    nodes = { brokers = { nodeType = "broker", ["druid.port"] = 8082, replicas = 1, ["runtime.properties"] = "a=b",
      nodeConfigMountPath = "/conf/broker", updateStrategy = strategy } } })
  world.bring_up()
  local set = world.objects["StatefulSet/druid-demo-brokers"]
  set.status.readyReplicas = 0
  world.objects["Pod/druid-demo-brokers-0"] = { apiVersion = "v1", kind = "Pod", metadata = { name = "druid-demo-brokers-0",
    namespace = "ns", uid = digest.sha256(log), labels = { app = "druid", druid_cr = "demo" },
    ownerReferences = { { uid = set.metadata.uid, controller = true } } },
    status = { phase = "Running", conditions = { { type = "Ready", status = "False", lastTransitionTime = long_ago() } },
      containerStatuses = { { name = "druid-demo-brokers", restartCount = 4,
        state = { waiting = { reason = "CrashLoopBackOff" } },
        lastState = { terminated = { reason = "Error", exitCode = 1 } } } } } }
  world.asked = {}
  world.kube.log = function(query)
    table.insert(world.asked, query)
    return log
  end
  return world
end

local function degraded(world)
  return condition.find(world.primary.status.conditions, "Degraded")
end

local function restart(world)
  local container = world.objects["Pod/druid-demo-brokers-0"].status.containerStatuses[1]
  container.restartCount = container.restartCount + 1
end

return {
  ["a crash loop is told with the last lines of its log, in condition, event and figure"] = function(t)
    local world = crashing("2026-01-01T00:00:00,000 INFO [main] x - starting\nno such metadata store\n")
    world.run()
    local words = "brokers is stuck: druid-demo-brokers-0: CrashLoopBackOff (Error, exit code 1, 4 restarts): "
      .. "INFO [main] x - starting | no such metadata store; look at kubectl logs --previous of this pod"
    t.equal(degraded(world).reason, "Stuck")
    t.ok(degraded(world).message:find(words, 1, true), degraded(world).message)
    t.ok(table.concat(world.events, "\n"):find("no such metadata store", 1, true), table.concat(world.events, "\n"))
    t.equal(world.gauges, { { name = "stuck", value = 1, labels = { group = "brokers", cause = "CrashLoop",
      remedy = "look at kubectl logs --previous of this pod" } } })
    t.equal(world.asked[1], { namespace = "ns", name = "druid-demo-brokers-0", container = "druid-demo-brokers",
      previous = true, lines = 60 })
  end,
  ["what the log says tells a configuration that was rejected"] = function(t)
    local world = crashing("com.google.inject.ProvisionException: bad port\n")
    world.run()
    t.equal(world.gauges[1].labels.cause, "ConfigurationRejected")
  end,
  ["one more restart reads the log again, and is no event"] = function(t)
    local world = crashing("no such metadata store, again\n")
    world.run()
    world.run()
    t.equal(#world.asked, 1)
    restart(world)
    world.run()
    t.equal(#world.asked, 2)
    t.equal(world.events, {})
  end,
  ["so is one in a group that its user rolls, and the figure goes with it"] = function(t)
    for i, strategy in ipairs({ { type = "OnDelete" }, { type = "RollingUpdate", rollingUpdate = { partition = 1 } } }) do
      local world = crashing("no such metadata store, by hand " .. i .. "\n", strategy)
      local outcome = select(2, world.run())
      t.equal(degraded(world).reason, "Stuck")
      t.ok(degraded(world).message:find("by hand " .. i .. "; look at kubectl logs --previous", 1, true), degraded(world).message)
      t.equal(world.gauges[1].labels.cause, "CrashLoop")
      t.ok(outcome and outcome.requeue_ms, "it is looked at again")
      world.objects["StatefulSet/druid-demo-brokers"].status.readyReplicas = 1
      world.run()
      t.equal(world.gauges, {})
      t.equal(degraded(world).status, "False")
    end
  end,
  ["what a user rolls by hand is not taken back by rollback: auto"] = function(t)
    local function taken(ungated)
      return report.rollback({ spec = { rollback = "auto" }, generation = 1 }, { groups = { { key = "a", stuck = { text = "x" },
        can_go_back = true, state = { ungated = ungated } } } }, 0) ~= nil
    end
    t.equal(taken(false), true)
    t.equal(taken(true), false)
  end,
  ["the figure goes when the group gets on"] = function(t)
    local world = crashing("no such metadata store, yet\n")
    world.run()
    t.equal(#world.gauges, 1)
    world.objects["StatefulSet/druid-demo-brokers"].status.readyReplicas = 1
    world.run()
    t.equal(world.gauges, {})
  end,
}
