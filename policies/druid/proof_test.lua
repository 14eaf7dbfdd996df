-- When a run compares nothing, and when it does again: whole runs against a small world of tables.

local druid = require "druid.init"
local new_world = require("druid.init_world_test").new

local function node(node_type, extra)
  local one = { nodeType = node_type, ["druid.port"] = 8080, replicas = 1,
    ["runtime.properties"] = "druid.service=druid/" .. node_type, nodeConfigMountPath = "/conf/" .. node_type }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function tiny()
  return { image = "apache/druid:33.0.0", druidTimeout = "0s", ["common.runtime.properties"] = "a=b",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { brokers = node("broker"), historicals = node("historical"), coordinators = node("coordinator") } }
end

return {
  ["nothing is compared again while nothing has changed, and everything once something has"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.run()
    local compared = 0
    local ctx = world.ctx()
    local apply_all = ctx.apply_all
    ctx.apply_all = function(...)
      compared = compared + 1
      return apply_all(...)
    end
    druid.run(ctx, world.kube, world.http)
    t.equal(compared, 0)
    local config = world.objects["ConfigMap/druid-demo-brokers-config"]
    config.data["runtime.properties"], config.spoilt = "by hand", true
    druid.run(ctx, world.kube, world.http)
    t.ok(compared > 0)
    t.ok(config.data["runtime.properties"] ~= "by hand")
  end,
  ["what is noted for a workload that was made anew goes, though the run that sees it has something to write"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    local annotations = world.objects["ConfigMap/druid-demo-brokers-config"].metadata.annotations or {}
    world.objects["ConfigMap/druid-demo-brokers-config"].metadata.annotations = annotations
    annotations["nemeton.dev/made-anew"] = json.encode({ kind = "StatefulSet" })
    world.edit(function(spec) spec.nodes.coordinators.replicas = 2 end)
    for _ = 1, 3 do
      world.run()
      world.settle()
    end
    local left = world.objects["ConfigMap/druid-demo-brokers-config"].metadata.annotations or {}
    t.equal(left["nemeton.dev/made-anew"], nil)
  end,
  ["what a run has made is not compared by the next, which repairs what somebody changed meanwhile"] = function(t)
    local world = new_world(tiny())
    world.run()
    t.ok(world.compared > 0)
    world.compared = 0
    world.run()
    t.equal(world.compared, 0)
    world.settle()
    world.edit(function(spec) spec["common.runtime.properties"] = "a=c" end)
    local config = nil
    world.meanwhile = function()
      config = config or world.objects["ConfigMap/druid-demo-historicals-config"]
      if config and not config.spoilt and config.data["runtime.properties"] ~= "by hand" then
        config.data["runtime.properties"], config.spoilt = "by hand", true
      end
    end
    world.run()
    world.meanwhile = nil
    t.equal(config.data["runtime.properties"], "by hand")
    world.run()
    t.ok(world.objects["ConfigMap/druid-demo-historicals-config"].data["runtime.properties"] ~= "by hand")
  end,
  ["nothing is compared again in a cluster without finalizers that asks for none"] = function(t)
    local spec = tiny()
    spec.disablePVCDeletionFinalizer = true
    local world = new_world(spec)
    world.run()
    world.compared = 0
    world.run()
    t.equal(world.primary.metadata.finalizers, nil)
    t.equal(world.compared, 0)
  end,
  ["what a run has removed or could not write is compared again"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.objects["Service/druid-demo-brokers"] = nil
    world.fail = "Service/druid-demo-brokers"
    world.run()
    world.fail, world.compared = nil, 0
    t.ok(world.run():find("create Service/druid%-demo%-brokers"))
    world.edit(function(spec) spec.nodes.brokers = nil end)
    t.ok(world.run():find("delete "))
    world.compared = 0
    world.run()
    t.ok(world.compared > 0)
  end,
  ["what was made while the status could not be written is in the next one"] = function(t)
    local world = new_world(tiny())
    world.fail = "status"
    world.run()
    world.fail = nil
    world.settle()
    world.run()
    t.equal(world.primary.status.services, { "druid-demo-brokers", "druid-demo-coordinators", "druid-demo-historicals" })
  end,
  ["a lost pod is told although nothing is compared"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.run()
    world.objects["StatefulSet/druid-demo-brokers"].status.readyReplicas = 0
    t.equal((world.run()), "status brokers has 0 of 1 pods ready")
    world.settle()
    t.equal((world.run()), "status Ready")
    t.equal(#world.primary.status.services, 3)
  end,
  ["nothing is compared while groups wait for their turn, and the next goes when it has come"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec["common.runtime.properties"] = "a=c" end)
    world.run()
    world.run()
    world.compared = 0
    local log = world.run()
    t.equal(world.compared, 0, log)
    for _, group in ipairs(world.primary.status.groups) do
      t.equal(group.phase, group.name == "historicals" and "Rolling" or "Waiting")
      t.ok(group.waitsFor ~= nil)
    end
    world.settle("StatefulSet/druid-demo-brokers")
    world.run()
    t.equal(world.compared, 0)
    log = world.go_on()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
  end,
}
