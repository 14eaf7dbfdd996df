-- Whole runs in which groups that Kubernetes rolls have to serve before the next one goes, against a small world of tables.

local new_world = require("druid.init_world_test").new
local serving = require "druid.rollout.serving"
local stuck = require "druid.stuck"

local paths = { brokers = "/druid/broker/v1/readiness", historicals = "/druid/historical/v1/readiness",
  routers = "/status/health" }

local function node(node_type, replicas, kind)
  return { nodeType = node_type, ["druid.port"] = 8080, replicas = replicas, kind = kind,
    ["runtime.properties"] = "druid.service=druid/" .. node_type, nodeConfigMountPath = "/conf/" .. node_type }
end

-- A cluster of a group that is not stepped and a Router, up to date but for the Router; `says` by the path of a request: a
-- status, or nil for silence. more: a node of Overlords, which go after the Routers.
local function updating(first, timeout, strategy, more)
  local world = new_world({ image = "apache/druid:33.0.0", druidTimeout = timeout, ["common.runtime.properties"] = "a=b",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { routers = node("router", 1), [first.key] = first.node, overlords = more } })
  first.node.updateStrategy = strategy
  world.says, world.asked = {}, {}
  world.http = { request = function(request)
    local path = request.url:match("^%a+://[^/]+(/.*)$")
    world.asked[#world.asked + 1] = path
    if not world.says[path] then
      return nil, { code = "network", message = "refused" }
    end
    return { status = world.says[path], headers = {}, body = "" }
  end }
  -- What the controller of Deployments does.
  function world.settle_all()
    world.settle()
    for name, object in pairs(world.objects) do
      if object.kind == "Deployment" then
        local total = object.spec.replicas
        for i = 1, total do
          world.uids = world.uids + 1
          local pod = { apiVersion = "v1", kind = "Pod", metadata = { name = object.metadata.name .. "-" .. i,
            uid = "uid" .. world.uids, labels = object.spec.template.metadata.labels },
            status = { phase = "Running", podIP = "10.1.0." .. i,
              conditions = { { type = "Ready", status = "True", lastTransitionTime = "2026-01-01T00:00:00Z" } } } }
          world.objects["Pod/" .. pod.metadata.name] = pod
        end
        world.objects[name].status = { observedGeneration = object.metadata.generation, replicas = total,
          readyReplicas = total, updatedReplicas = total, availableReplicas = total }
      end
    end
  end
  world.run()
  world.settle_all()
  world.run()
  world.asked = {}
  world.edit(function(spec) spec.podAnnotations = { round = "two" } end)
  world.run()
  world.settle_all()
  return world
end

local function routers(world)
  for _, one in ipairs(world.primary.status.groups) do
    if one.name == "routers" then return one end
  end
end

local function is_restarted(log)
  return log:find("restart StatefulSet/druid-demo-routers", 1, true) ~= nil
end

local function restore(after_s)
  local before = serving.ask_again_ms
  serving.ask_again_ms = after_s
  return function() serving.ask_again_ms = before end
end

return {
  ["a group that Kubernetes rolls has to serve by its own word before the next one goes"] = function(t)
    for _, first in ipairs({ { key = "brokers", node = node("broker", 2, "Deployment") },
      { key = "brokers", node = node("broker", 1) },
      { key = "historicals", node = node("historical", 2, "Deployment") } }) do
      local back = restore(0)
      local world = updating(first)
      world.says[paths[first.key]] = 503
      local log, outcome = world.run()
      t.equal({ is_restarted(log), routers(world).phase }, { false, "Waiting" })
      t.ok(routers(world).waitsFor:find("^druid%-demo%-" .. first.key .. "%-%d does not say yet that it is ready to serve$"),
        routers(world).waitsFor)
      t.equal({ world.asked, outcome ~= nil and outcome.requeue_ms <= 5000 }, { { paths[first.key] }, true })
      world.run()
      t.equal(world.asked, { paths[first.key], paths[first.key] })
      world.says[paths[first.key]] = 200
      log = world.run()
      back()
      t.equal(is_restarted(log), true)
      t.equal(routers(world).note, nil)
    end
  end,
  ["an answer stands for a while, and one that serves is not asked again while another does not"] = function(t)
    local world = updating({ key = "brokers", node = node("broker", 3, "Deployment") })
    local calls, deny = {}, true
    world.http.request = function(request)
      local host = request.url:match("10%.1%.0%.(%d)")
      calls[#calls + 1] = host
      return { status = deny and host == "2" and 503 or 200, headers = {}, body = "" }
    end
    world.run()
    world.run()
    t.equal(calls, { "1", "2" })
    local back = restore(0)
    world.run()
    t.equal(calls, { "1", "2", "2" })
    deny = false
    t.equal(is_restarted(world.run()), true)
    back()
    t.equal(calls[5], "3", "the last one is asked, too")
  end,
  ["a Druid that cannot be asked is waited for, and then it is said"] = function(t)
    local world = updating({ key = "brokers", node = node("broker", 2, "Deployment") }, "1h")
    t.equal(is_restarted(world.run()), false)
    t.ok(routers(world).waitsFor:find("^Druid cannot be asked: GET /druid/broker/v1/readiness of pod"), routers(world).waitsFor)
    world = updating({ key = "brokers", node = node("broker", 2, "Deployment") }, "0s")
    t.equal(is_restarted(world.run()), true)
    t.ok(routers(world).note:find("^Druid could not be asked whether the groups before it serve, so it goes by what Kubernetes "
      .. "says: GET /druid/broker/v1/readiness"), routers(world).note)
    t.ok(table.concat(world.events, "\n"):find("DruidNodeNote: routers: Druid could not be asked", 1, true))
  end,
  ["who has answered is not given up with the others"] = function(t)
    local world = updating({ key = "brokers", node = node("broker", 2, "Deployment") }, "0s")
    world.http.request = function(request)
      if request.url:find("10.1.0.1", 1, true) then
        return { status = 200, headers = {}, body = "" }
      end
      return nil, { code = "timeout", message = "no answer" }
    end
    t.equal(is_restarted(world.run()), false)
    t.ok(routers(world).waitsFor:find("^Druid cannot be asked: "), routers(world).waitsFor)
  end,
  ["a group to which there is no way is not waited for longer because another one answers"] = function(t)
    local world = updating({ key = "brokers", node = node("broker", 1, "Deployment") }, "0s", nil, node("overlord", 1))
    local function overlords()
      return (world.objects["StatefulSet/druid-demo-overlords"].spec.template.metadata.annotations or {}).round
    end
    world.http.request = function(request)
      if request.url:find("/status/health", 1, true) then
        return { status = 200, headers = {}, body = "" }
      end
      return nil, { code = "timeout", message = "no answer" }
    end
    t.equal(is_restarted(world.run()), true)
    world.settle()
    world.run()
    t.equal(overlords(), "two", "the Brokers never answered, the Router did")
  end,
  ["one that never serves is told as stuck, with what helps"] = function(t)
    local back, deadline = restore(0), stuck.deadline_s
    local world = updating({ key = "brokers", node = node("broker", 2, "Deployment") })
    world.says[paths.brokers] = 503
    world.run()
    t.equal(routers(world).message, nil)
    stuck.deadline_s = 0
    world.run()
    t.ok(routers(world).message:find("^druid%-demo%-brokers%-1 does not say yet that it is ready to serve, for more than 0 s; "
      .. "look at kubectl logs of this pod"), routers(world).message)
    t.ok(table.concat(world.events, "\n"):find("routers is stuck: druid-demo-brokers-1 does not say", 1, true))
    t.equal({ routers(world).phase, world.gauges[1].labels.cause }, { "Waiting", "NotServing" })
    world.says[paths.brokers] = 200
    local log = world.run()
    back()
    stuck.deadline_s = deadline
    t.equal({ is_restarted(log), routers(world).message }, { true })
  end,
  ["pods that a cache does not have yet are waited for"] = function(t)
    local world = updating({ key = "brokers", node = node("broker", 2, "Deployment") })
    world.says[paths.brokers] = 200
    world.objects["Pod/druid-demo-brokers-2"].status.conditions[1].status = "False"
    t.equal(is_restarted(world.run()), false)
    t.equal(routers(world).waitsFor, "brokers is asked in a moment whether it serves")
    t.equal(world.asked, {})
  end,
  ["nobody is asked for what is stepped, what its user rolls, when nothing waits, nor by a preview"] = function(t)
    local theirs = updating({ key = "brokers", node = node("broker", 1) }, nil, { type = "OnDelete" })
    t.equal(theirs.objects["StatefulSet/druid-demo-routers"].spec.template.metadata.annotations.round, "two")
    t.equal(theirs.asked, {})
    local world = updating({ key = "brokers", node = node("broker", 2, "Deployment") })
    local context = world.ctx
    world.ctx = function()
      local ctx = context()
      ctx.previewing = true
      return ctx
    end
    t.equal(is_restarted(world.run()), true)
    world.ctx = context
    world.settle_all()
    world.run()
    world.asked = {}
    world.run()
    t.equal(world.asked, {})
    local rows = { { key = "a", type = "broker", group = { kind = "StatefulSet", type = "broker" },
      state = { exists = true, total = 2 } } }
    t.equal(serving.is_asked({ spec = {} }, rows[1]), false, "it is stepped")
    rows[1].group.kind = "Deployment"
    t.equal(serving.is_asked({ spec = {} }, rows[1]), true)
  end,
}
