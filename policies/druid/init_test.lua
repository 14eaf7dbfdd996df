-- Whole runs against a small world of tables: what is written, in which order, and what is said.

local condition = require "lib.condition"
local druid = require "druid.init"
local names = require "druid.names"
local new_world = require("druid.init_world_test").new

local finalizer = names.finalizer

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
  ["what was made is told although the answer to the status is lost"] = function(t)
    local world = new_world(tiny())
    local ctx = world.ctx()
    ctx.status = function() return nil, { code = "timeout", message = "no answer" } end
    world.events = {}
    local _, err = druid.run(ctx, world.kube, world.http)
    t.equal(err.code, "timeout")
    t.equal(#world.events, 1)
    t.ok(world.events[1]:find("^DruidOperatorCreateSuccess"), world.events[1])
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
  ["a cluster is not Ready by its new spec while what another operator wrote could not be taken over"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.run()
    local service = world.objects["Service/druid-demo-brokers"]
    service.metadata.annotations = { druidOpResourceHash = "x" }
    world.primary.metadata.generation = 2
    local read = world.kube.read
    world.kube.read = function() return nil, { code = "timeout", message = "no answer" } end
    world.run()
    t.equal(status_of(world, "Ready"), "False")
    world.kube.read = read
    service.metadata.annotations = nil
    world.run()
    t.equal(status_of(world, "Ready"), "True")
  end,
  ["a group that is to be another process under its old name is left alone, and told another way"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.nodes.brokers.nodeType, spec.nodes.brokers.replicas = "router", 5 end)
    local log = world.run()
    t.ok(not log:find("druid-demo-brokers", 1, true), log)
    local told = condition.find(world.primary.status.conditions, "Degraded").message
    t.ok(told:find("spec.nodes.brokers.nodeType: .* another name"), told)
    world.edit(function(spec) spec.nodes.brokers.nodeType, spec.nodes.brokers.replicas = "broker", 1 end)
    world.run()
    t.equal(status_of(world, "Ready"), "True")
  end,
  ["a group that changes its kind keeps its old pods until the new ones are ready, though nobody remembers"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.run()
    local told = json.copy(world.primary.status)
    world.edit(function(spec) spec.nodes.brokers.kind = "Deployment" end)
    t.ok(world.run():find("create Deployment/druid%-demo%-brokers"))
    world.primary.status = told   -- an operator that was killed before it had said so
    t.ok(not world.run():find("delete ", 1, true))
    world.objects["Deployment/druid-demo-brokers"].status = { observedGeneration = 1, replicas = 1, updatedReplicas = 1,
      readyReplicas = 1, availableReplicas = 1 }
    t.ok(world.run():find("delete StatefulSet/druid%-demo%-brokers"))
    t.ok(world.objects["ConfigMap/druid-demo-brokers-config"] ~= nil)
  end,
  ["a group of an autoscaler that is found without its workload gets one for all of its pods"] = function(t)
    local world = new_world(tiny())
    world.edit(function(spec) spec.nodes.brokers.replicas = nil end)
    world.bring_up()
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.replicas, nil)
    world.objects["StatefulSet/druid-demo-brokers"].spec.replicas = 3
    world.settle()
    world.objects["StatefulSet/druid-demo-brokers"] = nil
    world.run()
    t.equal(world.objects["StatefulSet/druid-demo-brokers"].spec.replicas, 3)
  end,
  ["what is rendered has the files of extraCommonConfig that are given, and names those that are not"] = function(t)
    local object = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid", metadata = { name = "demo", namespace = "ns" },
      spec = tiny() }
    object.spec.extraCommonConfig = { { name = "a", namespace = "ns" }, { name = "b", namespace = "other" } }
    local given = { { kind = "ConfigMap", metadata = { name = "a" }, data = { ["x.xml"] = "<x/>" } },
      { kind = "ConfigMap", metadata = { name = "b", namespace = "ns" }, data = { ["y.xml"] = "" } } }
    local common = druid.render(object, given)[1]
    t.equal(common.data["x.xml"], "<x/>")
    t.equal(common.data["y.xml"], nil)
    t.ok(common.metadata.annotations[names.left_out]:find("ConfigMap other/b of spec.extraCommonConfig", 1, true))
    given[2].metadata.namespace = "other"
    t.equal((druid.render(object, given)[1].metadata.annotations or {})[names.left_out], nil)
    t.ok((druid.render(object)[1].metadata.annotations or {})[names.left_out]:find("ns/a, other/b", 1, true))
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
    local log = world.run()
    for _ = 1, 3 do
      t.equal(count(log, "restart "), 1, log)
      order[#order + 1] = log:match("restart StatefulSet/druid%-demo%-(%w+)")
      t.equal(status_of(world, "Ready"), "False")
      t.equal(count((world.run()), "restart "), 0)
      log = world.go_on()
    end
    t.equal(order, { "historicals", "brokers", "coordinators" })
    t.equal(log, "status Ready")
    t.equal(world.primary.status.rollout, nil)
  end,
  ["a Historical is replaced by the operator, and its set gets its strategy back"] = function(t)
    local spec = tiny()
    spec.nodes.historicals.replicas = 2
    local world = new_world(spec)
    world.bring_up()
    world.edit(function(edited) edited.nodes.historicals["runtime.properties"] = "x=y" end)
    world.run()
    local set = world.objects["StatefulSet/druid-demo-historicals"]
    t.equal(set.spec.updateStrategy, { type = "OnDelete" })
    local all = {}
    for _ = 1, 6 do
      world.settle()
      all[#all + 1] = world.run()
    end
    local log = table.concat(all, "\n")
    t.equal(count(log, "delete "), 2, log)
    t.ok(log:find("delete Pod/druid%-demo%-historicals%-1.*delete Pod/druid%-demo%-historicals%-0"), log)
    set = world.objects["StatefulSet/druid-demo-historicals"]
    t.equal((set.spec.updateStrategy or {}).type, nil)
    t.equal(set.metadata.annotations[names.step], nil)
    t.equal(status_of(world, "Ready"), "True")
  end,
  ["a group whose user restarts it waits for hands, and the next group does not wait for it"] = function(t)
    local spec = tiny()
    spec.nodes.historicals.updateStrategy = { type = "OnDelete" }
    local world = new_world(spec)
    world.bring_up()
    world.edit(function(edited) edited.image = "apache/druid:34.0.0" end)
    local log = world.run()
    t.ok(log:find("restart StatefulSet/druid%-demo%-historicals\n.*restart StatefulSet/druid%-demo%-brokers")
      or log:find("restart StatefulSet/druid%-demo%-brokers\n.*restart StatefulSet/druid%-demo%-historicals"), log)
    local set = world.objects["StatefulSet/druid-demo-historicals"]
    set.status.observedGeneration, set.status.updatedReplicas = set.metadata.generation, 0
    set.status.updateRevision = "another"
    t.equal(count((world.run()), "delete "), 0)
    for _, group in ipairs(world.primary.status.groups) do
      if group.name == "historicals" then
        t.equal(group.phase, "WaitingForHands")
        t.equal(group.waitsFor, "1 of 1 pods to be deleted by hand (updateStrategy OnDelete)")
      end
    end
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
  ["which way round is remembered before anything follows from it, where Druid had to be asked"] = function(t)
    local spec = tiny()
    spec.image = "registry.example.com/druid:prod"
    local world, version = new_world(spec), "34.0.0"
    world.http = { request = function(request)
      local body = request.url:find("/leader$") and "http://druid-demo-coordinators-0:8081"
        or request.url:find("/isLeader$") and { leader = true } or request.url:find("/status$") and { version = version }
      if not version or not body then return nil, { code = "network", message = "refused" } end
      return { status = 200, headers = {}, body = type(body) == "string" and body or json.encode(body) }
    end }
    world.bring_up()
    world.edit(function(edited) edited.image = "apache/druid:33.0.0" end)
    world.fail = "status"
    local log, outcome = world.run()
    t.equal({ log, outcome }, { "", nil })
    world.fail = nil
    log = world.run()
    t.ok(log:find("^status [^\n]*\n.*restart StatefulSet/druid%-demo%-coordinators"), log)
    version = nil   -- its leader restarts
    world.settle()
    t.ok(world.run():find("restart StatefulSet/druid%-demo%-brokers"))
    t.ok(world.primary.status.rollout.order:find("^downgrade"))
  end,
  ["a changed property restarts its own group only, and its ConfigMap comes with it"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec.nodes.brokers["runtime.properties"] = "x=y" end)
    local log = world.run()
    t.ok(log:find("^create ConfigMap/druid%-demo%-brokers%-config%-last%-good\nupdate ConfigMap/druid%-demo%-brokers%-config\n"
      .. "restart StatefulSet/druid%-demo%-brokers\nstatus"), log)
    t.equal(count(log, "\n"), 3)
  end,
  ["a changed common property reaches each group with its turn"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    world.edit(function(spec) spec["common.runtime.properties"] = "a=c" end)
    local log = world.run()
    t.ok(log:find("patch StatefulSet/druid%-demo%-historicals\nupdate ConfigMap/demo%-druid%-common%-config\n"
      .. "restart StatefulSet/druid%-demo%-historicals"), log)
    log = world.go_on()
    t.ok(log:find("restart StatefulSet/druid%-demo%-brokers"), log)
    log = world.go_on()
    t.ok(log:find("restart StatefulSet/druid%-demo%-coordinators"), log)
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
    t.ok(world.go_on():find("restart StatefulSet/druid%-demo%-brokers"))
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
    world.lose_pods()
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
  ["they stay, too, when Kubernetes has orphaned them before anybody looked"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    for _, object in pairs(world.objects) do
      if object.kind ~= "Pod" then
        object.metadata.ownerReferences = nil
      end
    end
    world.primary.metadata.deletionTimestamp = "now"
    world.primary.metadata.finalizers = { finalizer }
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
  ["a claim that stands for itself and may not grow is a note, and its group gets what else it asks for"] = function(t)
    local world = new_world(tiny())
    world.primary.spec.nodes.brokers.persistentVolumeClaim = { { metadata = { name = "cache" }, spec = {
      accessModes = { "ReadWriteOnce" }, resources = { requests = { storage = "1Gi" } } } } }
    world.fail = "PersistentVolumeClaim/cache"
    local log, _, err = world.run()
    t.equal(count(log, "create StatefulSet"), 2, "no pod without its claim")
    t.equal(err.code, "invalid")
    world.fail = nil
    world.bring_up()
    world.fail = "PersistentVolumeClaim/cache"
    world.edit(function(wanted)
      wanted.nodes.brokers.persistentVolumeClaim[1].spec.resources.requests.storage = "2Gi"
      wanted.nodes.brokers.replicas = 3
    end)
    log, _, err = world.run()
    t.ok(log:find("update StatefulSet/druid-demo-brokers", 1, true), log)
    t.equal(err, nil)
    t.equal(count(table.concat(world.events, "\n"),
      "DruidOperatorUpdateFail: brokers: PersistentVolumeClaim cache does not grow: spec.x is wrong"), 1)
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
  ["an event is not lost with the answer to a write of the status, nor told for one that did not arrive"] = function(t)
    for code, told in pairs({ timeout = 1, conflict = 0 }) do
      local world = new_world(tiny())
      world.run()
      world.settle()
      local whole = world.ctx
      world.ctx = function()
        local ctx = whole()
        ctx.status = function() return nil, { code = code, message = "x" } end
        return ctx
      end
      local _, outcome, err = world.run()
      t.equal({ outcome == nil, err.code, #world.events }, { true, code, told })
    end
  end,
  ["pods in trouble are named in status and events"] = function(t)
    local world = new_world(tiny())
    world.bring_up()
    local set = world.objects["StatefulSet/druid-demo-brokers"]
    set.status.readyReplicas = 0
    world.objects["Pod/druid-demo-brokers-0"] = { kind = "Pod", metadata = { name = "druid-demo-brokers-0", uid = "u0",
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
