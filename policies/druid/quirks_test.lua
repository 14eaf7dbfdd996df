-- What operators before this one got wrong, by the numbers of deploy/MIGRATING.md. Each case goes red when the
-- quirk comes back: tests/policies/quirks has an overlay for each that does so. More cases with such a number
-- stand beside the modules they are about.

local adopt = require "druid.adopt"
local check = require "druid.check"
local config = require "druid.render.config"
local druid_groups = require "druid.groups"
local init = require "druid.init"
local names = require "druid.names"
local observed = require "druid.observed"
local plan = require "druid.plan"
local probes = require "druid.render.probes"
local render = require "druid.render"
local rollout = require "druid.rollout"
local status = require "druid.status"
local step = require "druid.rollout.step"
local teardown = require "druid.teardown"
local world = require "druid.world"

local function object(change)
  local one = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "ns", uid = "cr", generation = 2 },
    spec = { image = "apache/druid:34.0.0", ["common.runtime.properties"] = "a=b", nodes = {
      brokers = { nodeType = "broker", ["druid.port"] = 8082, replicas = 2, ["runtime.properties"] = "x",
        nodeConfigMountPath = "/b" },
      hot = { nodeType = "historical", ["druid.port"] = 8083, replicas = 2, ["runtime.properties"] = "x",
        nodeConfigMountPath = "/h" },
    } } }
  if change then
    change(one.spec, one.spec.nodes.brokers, one.spec.nodes.hot)
  end
  return one
end

local function cluster(change)
  return druid_groups.cluster(object(change))
end

-- The workload of a group as it would be made.
local function workload(one, key)
  for _, made in ipairs(render.objects(one)) do
    if made.metadata.name == "druid-demo-" .. key and (made.kind == "StatefulSet" or made.kind == "Deployment") then
      return made
    end
  end
end

local function group(node_type, key, ready, changed)
  return { key = key, type = node_type, changed = changed, state = { exists = true, total = 2, ready = ready, updated = 2,
    seen = true, settled = ready == 2, rolling = false } }
end

local function actions(list)
  local result = {}
  for _, one in ipairs(list) do
    result[one.key] = one.action
  end
  return result
end

-- A run on an object that is being deleted; true when it got to the end of the cluster.
local function is_torn_down(change)
  local one, reached, before = object(change), false, teardown.run
  one.metadata.deletionTimestamp, one.metadata.finalizers = "now", { names.finalizer }
  teardown.run = function() reached = true end
  local kube_door = { get = function() return nil end }
  local fine, err = pcall(init.run, { object = one, key = { uid = "cr" } }, kube_door, {})
  teardown.run = before
  return reached, fine or err
end

return {
  ["Q1: groups of one type restart one after the other, by their key"] = function(t)
    local tiers = { group("historical", "hot", 2, true), group("historical", "cold", 2, true) }
    t.equal(actions(rollout.decide(tiers, {})), { cold = "go", hot = "wait" })
  end,
  ["Q2: a status older than the spec proves nothing"] = function(t)
    local state = observed.state({ kind = "StatefulSet", metadata = { generation = 2 },
      spec = { replicas = 1, template = { spec = { containers = {} } } },
      status = { observedGeneration = 1, replicas = 1, readyReplicas = 1, updatedReplicas = 1,
        currentRevision = "a", updateRevision = "a" } }, "x")
    t.equal(state.settled, false)
  end,
  ["Q3: a broken group holds up neither those before it nor its own cure"] = function(t)
    t.equal(actions(rollout.decide({ group("historical", "hot", 2, true), group("broker", "b", 0, false) }, {})),
      { hot = "go", b = "keep" })
    t.equal(actions(rollout.decide({ group("historical", "hot", 0, true), group("broker", "b", 2, false) }, {})).hot, "go")
  end,
  ["Q4: an edit while a cluster comes up for the first time goes to all groups at once"] = function(t)
    local list = { group("historical", "hot", 0, true), group("coordinator", "c", 0, true) }
    list[1].coming_up, list[2].coming_up = true, true
    t.equal(actions(rollout.decide(list, {})), { hot = "go", c = "go" })
  end,
  ["Q5: replicas that an autoscaler sets, or that nobody declares, are not sent"] = function(t)
    local made = workload(cluster(), "brokers")
    adopt.fit(made, nil, { autoscaled = true })
    t.equal(made.spec.replicas, nil)
    t.equal(workload(cluster(function(_, brokers) brokers.replicas = nil end), "brokers").spec.replicas, nil)
  end,
  ["Q6: what can never change is kept, so that the rest can be written"] = function(t)
    local made = workload(cluster(function(spec) spec.podLabels = { team = "new" } end), "brokers")
    local live = json.copy(workload(cluster(), "brokers"))
    live.metadata.uid, live.spec.podManagementPolicy = "u", "OrderedReady"
    live.spec.selector = { matchLabels = { app = "druid", team = "old" } }
    adopt.fit(made, live, {})
    t.equal(made.spec.selector.matchLabels, { app = "druid", team = "old" })
    t.equal(made.spec.template.metadata.labels.team, "old")
    t.equal(made.spec.podManagementPolicy, "OrderedReady")
  end,
  ["Q7: what others have added to a pod template is neither a change nor taken away"] = function(t)
    local live = json.copy(workload(cluster(), "brokers"))
    live.metadata.uid, live.metadata.annotations = "u", { [adopt.mark] = "x" }
    live.spec.template.metadata.annotations = { ["kubectl.kubernetes.io/restartedAt"] = "now" }
    local made = workload(cluster(), "brokers")
    t.equal(adopt.fit(made, live, {}).changed, false)
    t.equal(made.spec.template.metadata.annotations, nil)
  end,
  ["Q8: a ConfigMap of extraCommonConfig that is missing stops the run, and names itself"] = function(t)
    local one = cluster(function(spec) spec.extraCommonConfig = { { name = "gone", namespace = "other" } } end)
    local files, err = world.extra_config({ read = function() return nil, { code = "not_found", message = "no" } end }, one)
    t.equal(files, nil)
    t.equal(err.field, "spec.extraCommonConfig[0]")
    t.ok(err.message:find("other/gone", 1, true))
  end,
  ["Q9: a pause holds at once, and a paused cluster can be deleted"] = function(t)
    local one = object()
    one.metadata.annotations = { [names.ignored] = "true" }
    t.equal(init.is_paused(druid_groups.cluster(one)), true)
    local before = init.is_paused
    init.is_paused = function() return true end
    local reached = is_torn_down()
    init.is_paused = before
    t.equal(reached, true)
  end,
  ["Q10: an invalid object can be deleted, and gives its finalizer up when that is asked for late"] = function(t)
    t.equal(is_torn_down(function(spec) spec.nodes, spec.image = nil, nil end), true)
    local removed
    local one = object(function(spec) spec.disablePVCDeletionFinalizer = true end)
    one.metadata.deletionTimestamp, one.metadata.finalizers = "now", { names.finalizer }
    teardown.run({ finalizer_remove = function(name) removed = name return true end },
      { list = function() return {} end }, druid_groups.cluster(one), {})
    t.equal(removed, names.finalizer)
  end,
  ["Q12: only what the Druid object owns is ever cleaned up"] = function(t)
    local asked = {}
    world.owned({ list = function(filter) asked[#asked + 1] = filter.owner or "anybody" return {} end }, cluster())
    for _, owner in ipairs(asked) do
      t.equal(owner, "cr")
    end
  end,
  ["Q17: each persistentVolumeClaim is made as itself"] = function(t)
    local claims = {}
    for _, made in ipairs(render.objects(cluster(function(_, brokers)
      brokers.persistentVolumeClaim = { { metadata = { name = "one" }, spec = { x = 1 } },
        { metadata = { name = "two" }, spec = { x = 2 } } }
    end))) do
      if made.kind == "PersistentVolumeClaim" then
        claims[made.metadata.name] = made.spec.x
      end
    end
    t.equal(claims, { one = 1, two = 2 })
  end,
  ["Q18: a probe of the cluster has each group's own port"] = function(t)
    local one = cluster(function(spec) spec.livenessProbe = { httpGet = { path = "/x", port = 0 } } end)
    t.equal(probes.probe(one, one.groups[1], "liveness").httpGet.port, 8082)
    t.equal(probes.probe(one, one.groups[2], "liveness").httpGet.port, 8083)
  end,
  ["Q19: annotations of one group stay out of the others"] = function(t)
    local one = cluster(function(spec, brokers)
      spec.workloadAnnotations, brokers.workloadAnnotations = { all = "x" }, { own = "y" }
    end)
    t.equal(workload(one, "brokers").metadata.annotations, { all = "x", own = "y" })
    t.equal(workload(one, "hot").metadata.annotations, { all = "x" })
  end,
  ["Q20: maxSurge can stand alone"] = function(t)
    local made = workload(cluster(function(_, brokers) brokers.kind, brokers.maxSurge = "Deployment", 1 end), "brokers")
    t.equal(made.spec.strategy, { type = "RollingUpdate", rollingUpdate = { maxSurge = 1 } })
  end,
  ["Q21: a Service name needs no %s, and a key must be a name as a whole"] = function(t)
    t.equal(names.service("fixed", "druid-demo-brokers"), "fixed")
    t.equal(names.service("%s-x", "u"), "u-x")
    local problems = check.problems(object(function(spec, brokers) spec.nodes["a_B!"] = brokers end))
    t.ok(problems[1] and problems[1].message:find("a_B!", 1, true))
  end,
  ["Q22: Ready is not said while pods are missing, in whatever generation"] = function(t)
    local one = object()
    one.metadata.generation = 1
    local made = druid_groups.cluster(one)
    local entry = { key = "brokers", type = "broker", group = made.groups[1], notes = {}, action = "create",
      state = { exists = false, ready = 0, total = 2, updated = 0 }, workload = { spec = { replicas = 2 } } }
    local new = status.compose(made, {}, { entries = { entry }, errors = {}, kept = {}, lists = {} }, 1790000000)
    t.equal(new.conditions[1].status, "False")
  end,
  ["Q27: a probe needs no port, and a dependency's properties can be an object"] = function(t)
    t.equal(#check.problems(object(function(spec)
      spec.livenessProbe = { httpGet = { path = "/x" } }
      spec.zookeeper = { type = "default", spec = { properties = "z=1" } }
    end)), 0)
    t.equal(config.dependency_text({ type = "default", spec = { properties = "z=1" } }), "z=1")
  end,
  ["Q29: a slow pod of the newest revision is never deleted, however often it has restarted"] = function(t)
    local set = { seen = true, revision = "new", total = 1, start = 0, name = "s", records = {}, pods = {
      { name = "s-0", ordinal = 0, revision = "new", ready = false, since = 0, restarts = 9 } } }
    t.equal(step.superseded(set, 100000), nil)
    t.equal(step.next(set, { now = 100000 }).act, "wait")
  end,
  ["Q31: the pods of a renamed group stay until those of the new one are up"] = function(t)
    local kinds = { { apiVersion = "apps/v1", kind = "StatefulSet", list = "statefulSets", workload = true } }
    local old = { metadata = { name = "druid-demo-old",
      labels = { component = "broker", nodeSpecUniqueStr = "druid-demo-old" } } }
    local remove, kept = plan.removals(cluster(), { StatefulSet = {} }, { StatefulSet = { old } },
      { { key = "brokers", type = "broker", action = "create", group = { name = "druid-demo-brokers" } } }, kinds)
    t.equal(remove, {})
    t.equal(kept[1].name, "druid-demo-old")
  end,
  ["Q32: everything a cluster is made of is watched"] = function(t)
    local watched = {}
    for _, watch in ipairs(init.watches) do
      watched[watch.kind or "primaries"] = watch.map
    end
    for _, kind in ipairs(world.kinds) do
      t.equal(watched[kind.kind], "owner", kind.kind)
    end
  end,
}
