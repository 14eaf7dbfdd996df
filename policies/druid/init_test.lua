-- Whole runs against a small world of tables: what is written, in which order, and what is said.

local condition = require "lib.condition"
local druid = require "druid.init"
local names = require "druid.names"

local finalizer = names.finalizer

-- A world: objects by "Kind/name", a log of writes, and the doors that a run is given.
local worlds = 0
local function new_world(spec)
  worlds = worlds + 1
  local world = { objects = {}, log = {}, events = {}, uids = 0, version = "p1" }
  world.primary = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "default", uid = "cr" .. worlds, generation = 1 }, spec = spec }

  local function note(verb, object)
    world.log[#world.log + 1] = verb .. " " .. object.kind .. "/" .. (object.name or object.metadata.name)
  end

  local function get(query)
    return world.objects[query.kind .. "/" .. query.name]
  end

  local function list(query)
    local found = {}
    for _, object in pairs(world.objects) do
      local references = object.metadata.ownerReferences or {}
      local labels, all = object.metadata.labels or {}, true
      for key, value in (query.labels or ""):gmatch("([^=,]+)=([^,]+)") do
        all = all and labels[key] == value
      end
      if object.kind == query.kind and all
        and (not query.owner or (references[1] or {}).uid == query.owner) then
        found[#found + 1] = object
      end
    end
    table.sort(found, function(a, b) return a.metadata.name < b.metadata.name end)
    return found
  end

  -- What changes an object changes its version; a status does not, for brevity.
  local function versions(query)
    local parts = {}
    for _, object in ipairs(list(query)) do
      parts[#parts + 1] = object.metadata.name .. " " .. (object.applied or "") .. json.encode(object.data or object.spec or {})
    end
    return table.concat(parts, "\n")
  end

  world.kube = { get = get, list = list, read = get, read_list = list, versions = versions }
  world.http = { request = function() return nil, { code = "network" } end }

  local function apply(object)
    local text = json.encode(object)
    local key = object.kind .. "/" .. object.metadata.name
    local live = world.objects[key]
    if world.fail and world.fail == key then
      return { err = { code = "invalid", message = "spec.x is wrong" } }
    end
    if live and live.applied == text then
      if live.spoilt then
        live.spoilt, live.data = nil, json.decode(text).data
        note("repair", object)
        return { object = live, change = "updated" }
      end
      return { object = live, change = "same" }
    end
    note(live and "update" or "create", object)
    local new = json.decode(text)
    new.applied = text
    world.uids = world.uids + 1
    new.metadata.uid = live and live.metadata.uid or "uid" .. world.uids
    new.metadata.generation = live and live.metadata.generation or 1
    new.status = live and live.status
    if live and not json.equal(live.spec or {}, new.spec or {}) then
      new.metadata.generation = new.metadata.generation + 1
    end
    if live and not json.equal((live.spec or {}).template or {}, (new.spec or {}).template or {}) then
      world.log[#world.log] = "restart " .. key
      new.status = json.copy(new.status)
      new.status.updateRevision = "r" .. world.uids
    end
    world.objects[key] = new
    return { object = new, change = live and "updated" or "created" }
  end

  world.ctx = function()
    return {
      object = world.primary, policy_version = world.version,
      apply_all = function(objects)
        local answers = {}
        for i, object in ipairs(objects) do
          answers[i] = apply(object)
        end
        return answers
      end,
      patch = function(target, patch)
        note("patch", target)
        local live = world.objects[target.kind .. "/" .. target.metadata.name]
        for key, value in pairs(patch.metadata.annotations or {}) do
          live.metadata.annotations = live.metadata.annotations or {}
          live.metadata.annotations[key] = value
        end
        return live
      end,
      delete = function(target)
        note("delete", target)
        world.objects[target.kind .. "/" .. (target.name or target.metadata.name)] = nil
        return true
      end,
      status = function(status)
        world.log[#world.log + 1] = "status " .. (status.message or "")
        world.primary.status = json.decode(json.encode(status))
        return true
      end,
      finalizer_add = function(name)
        world.log[#world.log + 1] = "finalizer"
        world.primary.metadata.finalizers = { name }
        return true
      end,
      finalizer_remove = function()
        world.log[#world.log + 1] = "release"
        world.primary.metadata.finalizers = nil
        return true
      end,
      event = function(event) world.events[#world.events + 1] = event.reason .. ": " .. event.message end,
    }
  end

  -- One run; gives what it returned and what it wrote.
  function world.run()
    world.log, world.events = {}, {}
    local outcome, err = druid.run(world.ctx(), world.kube, world.http)
    return table.concat(world.log, "\n"), outcome, err
  end

  -- The controllers of Kubernetes finish what was begun; only: just this workload.
  function world.settle(only)
    for key, object in pairs(world.objects) do
      if object.kind == "StatefulSet" and (not only or key == only) then
        local total = object.spec.replicas or 1
        local revision = (object.status or {}).updateRevision or "r0"
        object.status = { observedGeneration = object.metadata.generation, replicas = total,
          readyReplicas = total, updatedReplicas = total, currentRevision = revision,
          updateRevision = revision }
      end
    end
  end

  -- From nothing to ready.
  function world.bring_up()
    world.run()
    world.settle()
    world.run()
  end

  function world.edit(change)
    change(world.primary.spec)
    world.primary.metadata.generation = world.primary.metadata.generation + 1
  end

  return world
end

local function node(node_type, extra)
  local one = { nodeType = node_type, ["druid.port"] = 8080, replicas = 1,
    ["runtime.properties"] = "druid.service=druid/" .. node_type, nodeConfigMountPath = "/conf/" .. node_type }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function tiny()
  return { image = "apache/druid:33.0.0", ["common.runtime.properties"] = "a=b",
    services = { { spec = { type = "ClusterIP" } } },
    nodes = { brokers = node("broker"), historicals = node("historical"), coordinators = node("coordinator") } }
end

local function count(text, pattern)
  local _, n = text:gsub(pattern, "")
  return n
end

local function status_of(world, kind)
  return condition.find(world.primary.status.conditions, kind).status
end

return {
  ["a new cluster is created at once, after the finalizer, with one event"] = function(t)
    local world = new_world(tiny())
    local log = world.run()
    t.ok(log:find("^finalizer\ncreate ConfigMap/demo%-druid%-common%-config"), log)
    t.equal(count(log, "create "), 10)
    t.equal(count(log, "create StatefulSet"), 3)
    t.ok(log:find("create ConfigMap/druid%-demo%-brokers%-config.*create StatefulSet"))
    t.equal(#world.events, 1)
    t.ok(world.events[1]:find("^DruidOperatorCreateSuccess: Created 10 objects: ConfigMap demo"), world.events[1])
    t.equal(status_of(world, "Ready"), "False")
    t.equal(world.primary.status.readyGroups, "0/3")
  end,
  ["a ready cluster says so once and is then left alone"] = function(t)
    local world = new_world(tiny())
    world.run()
    world.settle()
    local log = world.run()
    t.equal(log, "status Ready")
    t.equal(world.events, { "DruidClusterReady: All 3 groups are ready" })
    t.equal(world.primary.status.druidNodeStatus.druidNodeConditionType, "DruidClusterReady")
    t.equal(world.primary.status.readyGroups, "3/3")
    t.equal(world.primary.status.observedGeneration, 1)
    local again, outcome = world.run()
    t.equal(again, "")
    t.equal(outcome, nil)
    t.equal(#world.events, 0)
  end,
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
  ["counts are written with a pause, being ready is written at once"] = function(t)
    local world = new_world(tiny())
    world.run()
    world.settle("StatefulSet/druid-demo-brokers")
    local log, outcome = world.run()
    t.equal(log, "")
    t.equal(outcome, { requeue_ms = 2000 })
    world.settle()
    t.equal((world.run()), "status Ready")
  end,
  ["a new image goes group by group in Druid's order"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.image = "apache/druid:34.0.0" end)
    local order = {}
    for _ = 1, 3 do
      local log = world.run()
      t.equal(count(log, "restart "), 1, log)
      order[#order + 1] = log:match("restart StatefulSet/druid%-demo%-(%w+)")
      t.equal(status_of(world, "Ready"), "False")
      t.equal(count((world.run()), "restart "), 0)
      world.settle()
    end
    t.equal(order, { "historicals", "brokers", "coordinators" })
    t.equal((world.run()), "status Ready")
    t.equal(world.primary.status.rollout, nil)
  end,
  ["an older image goes the other way round"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.image = "apache/druid:32.0.1" end)
    t.ok(world.run():find("restart StatefulSet/druid%-demo%-coordinators"))
    t.ok(world.primary.status.rollout.order:find("^downgrade"))
    world.settle()
    t.ok(world.run():find("restart StatefulSet/druid%-demo%-brokers"))
  end,
  ["a changed property restarts its own group only, and its ConfigMap comes with it"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.nodes.brokers["runtime.properties"] = "x=y" end)
    local log = world.run()
    t.ok(log:find("^update ConfigMap/druid%-demo%-brokers%-config\nrestart StatefulSet/druid%-demo%-brokers\nstatus"), log)
    t.equal(count(log, "\n"), 2)
  end,
  ["a changed common property reaches each group with its turn"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec["common.runtime.properties"] = "a=c" end)
    t.ok(world.run():find("^update ConfigMap/demo%-druid%-common%-config\nrestart StatefulSet/druid%-demo%-historicals"))
    world.settle()
    t.ok(world.run():find("^restart StatefulSet/druid%-demo%-brokers"))
    world.settle()
    t.ok(world.run():find("^restart StatefulSet/druid%-demo%-coordinators"))
  end,
  ["a group that waits can be scaled meanwhile, without its new template"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec)
      spec.image = "apache/druid:34.0.0"
      spec.nodes.brokers.replicas = 3
    end)
    local log = world.run()
    t.ok(log:find("update StatefulSet/druid%-demo%-brokers"), log)
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.replicas, 3)
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.template.spec.containers[1].image,
      "apache/druid:33.0.0")
    world.settle()
    t.ok(world.run():find("restart StatefulSet/druid%-demo%-brokers"))
  end,
  ["a deleted object comes back at once, even in the middle of a rollout"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.image = "apache/druid:34.0.0" end)
    world.run()
    world.objects["Service/druid-demo-brokers"] = nil
    t.ok(world.run():find("create Service/druid%-demo%-brokers"))
  end,
  ["a new group is created beside a rollout"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec)
      spec.image = "apache/druid:34.0.0"
      spec.nodes.routers = node("router")
    end)
    local log = world.run()
    t.ok(log:find("create StatefulSet/druid%-demo%-routers"), log)
    t.ok(log:find("restart StatefulSet/druid%-demo%-historicals"), log)
    t.equal(count(log, "restart "), 1)
  end,
  ["a removed group is deleted with all that was its own"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.nodes.brokers = nil end)
    local log = world.run()
    t.ok(log:find("^delete StatefulSet/druid%-demo%-brokers\ndelete Service/druid%-demo%-brokers\n"
      .. "delete ConfigMap/druid%-demo%-brokers%-config\nstatus"), log)
    t.equal(count(log, "delete "), 3)
    t.ok(world.events[1]:find("^DruidOperatorDeleteSuccess"))
  end,
  ["a renamed group keeps its old pods until the new ones are up"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec)
      spec.nodes.query, spec.nodes.brokers = spec.nodes.brokers, nil
    end)
    local log = world.run()
    t.ok(log:find("create StatefulSet/druid%-demo%-query"), log)
    t.equal(count(log, "delete "), 0)
    t.equal(status_of(world, "Ready"), "False")
    world.settle()
    t.equal(count((world.run()), "delete "), 3)
  end,
  ["an invalid object changes nothing and says what to do; fixed, it goes on"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec)
      spec.nodes.brokers.nodeType = "brokr"
      spec.nodes.brokers.replicas = 5
    end)
    local log, outcome = world.run()
    t.ok(log:find("^status Invalid: spec.nodes.brokers.nodeType") and count(log, "\n") == 0, log)
    t.ok(outcome.terminal:find("no Druid process"))
    t.equal(status_of(world, "Degraded"), "True")
    t.equal(status_of(world, "Ready"), "True")
    t.equal(world.primary.status.observedGeneration, 1)
    t.equal(#world.events, 1)
    t.ok(world.events[1]:find("^DruidOperatorInvalidSpec: Invalid: spec.nodes.brokers.nodeType"))
    t.equal((world.run()), "")
    t.equal(#world.events, 0)
    world.edit(function(spec) spec.nodes.brokers.nodeType = "broker" end)
    world.run()
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.replicas, 5)
    t.equal(status_of(world, "Degraded"), "False")
  end,
  ["a paused cluster is left alone and says so"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.primary.metadata.annotations = { [names.ignored] = "true" }
    world.objects["Service/druid-demo-brokers"] = nil
    t.equal((world.run()), "status Paused by the annotation druid.apache.org/ignored")
    t.equal((world.run()), "")
    world.primary.metadata.annotations = nil
    t.ok(world.run():find("create Service/druid%-demo%-brokers\nstatus Ready"))
  end,
  ["a cluster that is deleted loses its workloads, then its own volumes, then the finalizer"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    local labels = { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = "druid-demo-historicals" }
    world.objects["PersistentVolumeClaim/d-druid-demo-historicals-0"] = { kind = "PersistentVolumeClaim",
      metadata = { name = "d-druid-demo-historicals-0", labels = labels } }
    world.objects["PersistentVolumeClaim/mine"] = { kind = "PersistentVolumeClaim",
      metadata = { name = "mine", labels = labels } }
    world.objects["Pod/p"] = { kind = "Pod", metadata = { name = "p", labels = labels } }
    world.primary.metadata.deletionTimestamp = "now"
    local log, outcome = world.run()
    t.equal(count(log, "delete StatefulSet"), 3)
    t.equal(count(log, "delete "), 3)
    t.equal(outcome, { requeue_ms = 1000 })
    t.equal(#world.events, 1)
    t.equal(count((world.run()), "delete "), 0)
    t.equal(#world.events, 0)
    world.objects["Pod/p"] = nil
    log = world.run()
    t.equal(log, "delete PersistentVolumeClaim/d-druid-demo-historicals-0\nrelease")
    t.ok(world.objects["PersistentVolumeClaim/mine"])
  end,
  ["the finalizer of an invalid object can be released, with and without its volumes"] = function(t)
    local world = new_world(json.object({}))
    world.primary.metadata.finalizers = { finalizer }
    world.primary.metadata.deletionTimestamp = "now"
    t.equal((world.run()), "release")
    world.primary.metadata.finalizers = { finalizer }
    world.primary.spec.disablePVCDeletionFinalizer = true
    world.objects["Pod/stuck"] = { kind = "Pod", metadata = { name = "stuck",
      labels = { app = "druid", druid_cr = "demo" } } }
    t.equal((world.run()), "release")
  end,
  ["a cluster deleted with its parts orphaned leaves them all"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.primary.metadata.deletionTimestamp = "now"
    world.primary.metadata.finalizers = { finalizer, "orphan" }
    t.equal((world.run()), "release")
  end,
  ["a workload that cannot be written does not hold up the others"] = function(t)
    local world = new_world(tiny())
    world.fail = "ConfigMap/druid-demo-brokers-config"
    local log, _, err = world.run()
    t.equal(count(log, "create StatefulSet"), 2)
    t.equal(err.code, "invalid")
    t.ok(world.primary.status.message:find("brokers: ConfigMap druid%-demo%-brokers%-config: spec.x is wrong"),
      world.primary.status.message)
    world.fail = nil
    t.ok(world.run():find("create StatefulSet/druid%-demo%-brokers"))
  end,
  ["an autoscaled group keeps the replicas it has"] = function(t)
    local spec = tiny()
    spec.nodes.brokers.hpAutoscaler = { maxReplicas = 3, scaleTargetRef = { kind = "StatefulSet",
      name = "druid-demo-brokers" } }
    local world = new_world(spec)
    world.bring_up()
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.replicas, nil)
    t.ok(world.objects["HorizontalPodAutoscaler/druid-demo-brokers"])
  end,
  ["pods in trouble are named in status and events"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    local set = world.objects["StatefulSet/druid-demo-brokers"]
    set.status.readyReplicas = 0
    world.objects["Pod/druid-demo-brokers-0"] = { kind = "Pod", metadata = { name = "druid-demo-brokers-0",
      ownerReferences = { { uid = set.metadata.uid, controller = true } } },
      status = { containerStatuses = { { state = { waiting = { reason = "CrashLoopBackOff" } },
        lastState = { terminated = { reason = "Error", exitCode = 1 } } } } } }
    world.run()
    t.equal(world.primary.status.message,
      "brokers: druid-demo-brokers-0: CrashLoopBackOff (Error, exit code 1)")
    t.equal(status_of(world, "Degraded"), "True")
    t.equal(#world.events, 1)
    world.run()
    t.equal(#world.events, 0)
  end,
}
