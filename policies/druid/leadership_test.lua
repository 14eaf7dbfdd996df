local client = require "druid.client"
local leadership = require "druid.leadership"

local uids = 0

-- A cluster of a Coordinator and an Overlord, and a Druid whose leaders are `led` (nil: it gives no answer).
local function new_world(timeout)
  uids = uids + 1
  local world = { asked = 0, led = { coordinator = "http://c:8081", indexer = "http://o:8090" }, version = 1 }
  local groups = {}
  for i, node_type in ipairs({ "coordinator", "overlord" }) do
    groups[i] = { key = node_type .. "s", name = "druid-demo-" .. node_type .. "s", type = node_type, kind = "StatefulSet",
      node = { ["druid.port"] = 8080 }, services = {} }
  end
  world.cluster = { uid = "leadership" .. uids, name = "demo", namespace = "ns", groups = groups,
    spec = { druidTimeout = timeout, services = { { spec = { type = "ClusterIP" } } } }, labels = {} }
  world.settled = true
  function world.look(old)
    local function get(reference)
      return { kind = "StatefulSet", metadata = { uid = reference.name, generation = 1 }, spec = { replicas = 1 },
        status = { observedGeneration = 1, replicas = 1, updatedReplicas = 1, readyReplicas = world.settled and 1 or 0 } }
    end
    local http = { request = function(request)
      world.asked = world.asked + 1
      local role = request.url:match("/druid/(%a+)/v1/")
      if not world.led then
        return nil, { code = "network", message = "refused" }
      end
      return { status = 200, headers = {}, body = world.led[role] or "" }
    end }
    local function list(query)
      return query.owner and { { metadata = { uid = query.owner .. world.version },
        status = { conditions = { { type = "Ready", status = world.ready or "True" } } } } } or {}
    end
    local druid = client.open({ kube = { list = list, get = get }, http = http, previewing = world.previewing },
      world.cluster)
    return leadership.look(druid, world.cluster, old or {})
  end
  return world
end

local ready = { conditions = { { type = "Ready", status = "True" } } }

return {
  ["answers are judged"] = function(t)
    local one = { who = "the Overlords", keys = { "o" } }
    local function judge(leader, err)
      one.leader, one.err = leader, err
      return leadership.judge({ one })
    end
    t.equal(judge("http://x"), "led")
    local verdict, words, keys = judge(nil, { code = "unavailable", message = "no overlord leads" })
    t.equal({ verdict, words, keys }, { "leaderless", "the Overlords have no leader", { "o" } })
    t.equal((judge(nil, { code = "unavailable", status = 503,
      excerpt = "Unable to determine destination[/druid/indexer/v1/leader]; is your coordinator/overlord running?" })),
      "leaderless")
    for _, other in ipairs({ { "unavailable", 502 }, { "unavailable", 503, "no healthy upstream" }, { "not_found", 404 } }) do
      t.equal((judge(nil, { code = other[1], status = other[2], excerpt = other[3], message = "x" })), "unknown")
    end
    t.equal({ judge(nil, { code = "network", message = "x" }) }, { "unknown", "x", false })
    t.equal({ judge(nil, { code = "unauthorized", message = "x" }) }, { "unknown", "x", true })
  end,
  ["Coordinators are Overlords only where they are told to be"] = function(t)
    local cluster = { spec = {}, groups = { { key = "c", type = "coordinator", node = {} } } }
    t.equal(leadership.who_could_lead(cluster, "coordinator"), { "c" })
    t.equal(leadership.who_could_lead(cluster, "overlord"), {})
    cluster.groups[1].node["runtime.properties"] = "druid.coordinator.asOverlord.enabled=true"
    t.equal(leadership.who_could_lead(cluster, "overlord"), { "c" })
  end,
  ["who leads is asked once, and again when a pod has changed"] = function(t)
    local world = new_world()
    t.equal(world.look(), {})
    local asked = world.asked
    t.ok(asked >= 2)
    t.equal(world.look(), nil)
    t.equal(world.asked, asked)
  end,
  ["a cluster that was Ready is not asked at all, until something changes"] = function(t)
    local world = new_world()
    t.equal(world.look(ready), nil)
    t.equal(world.asked, 0)
    world.version = 2
    world.look(ready)
    t.ok(world.asked > 0)
  end,
  ["nobody is asked while pods are on their way, nor by a preview"] = function(t)
    local world = new_world()
    world.settled = false
    t.equal(world.look(), nil)
    world.settled, world.previewing = true, true
    t.equal(world.look(), nil)
    world.previewing, world.ready = false, "False"   -- the cache of pods is behind
    t.ok(world.look().again_ms)
    t.equal(world.asked, 0)
  end,
  ["without a leader it says so, and looks again in five seconds"] = function(t)
    local world = new_world()
    world.led = { coordinator = "http://c:8081" }
    local told = world.look()
    t.equal(told.leaderless, "the Overlords have no leader")
    t.equal(told.keys, { "overlords" })
    t.equal(told.trouble, nil)   -- an election takes a while
    t.equal(told.condition.status, "False")
    t.ok(told.again_ms > 0 and told.again_ms <= 5000, tostring(told.again_ms))
    local asked = world.asked
    t.equal(world.look().leaderless, "the Overlords have no leader")
    t.equal(world.asked, asked)
  end,
  ["a Druid that cannot be asked is left alone after druidTimeout, with a word"] = function(t)
    local world = new_world("0s")
    world.led = nil
    local told = world.look()
    t.equal(told.condition.status, "Unknown")
    t.equal(told.leaderless, nil)
    t.equal(told.again_ms, nil)
    local asked = world.asked
    t.equal(world.look().condition.status, "Unknown")
    t.equal(world.asked, asked)
    world = new_world("60s")
    world.led = nil
    t.ok(world.look().again_ms)
  end,
}
