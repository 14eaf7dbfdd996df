local adopt = require "druid.adopt"
local druid_groups = require "druid.groups"
local names = require "druid.names"
local observed = require "druid.observed"
local plan = require "druid.plan"
local render = require "druid.render"

local function object()
  return { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "default", uid = "cr", generation = 4 },
    spec = { image = "apache/druid:33.0.0", ["common.runtime.properties"] = "a=b",
      podLabels = { team = "x" },
      nodes = {
        brokers = { nodeType = "broker", ["druid.port"] = 8082, replicas = 2,
          ["runtime.properties"] = "x", nodeConfigMountPath = "/b",
          volumeClaimTemplates = { { metadata = { name = "d" },
            spec = { resources = { requests = { storage = "1024Mi" } } } } } },
      } } }
end

-- A workload as the operator before us would have left it: its own selector, defaults filled in.
local function foreign(cluster, sha)
  local wanted = render.cluster(cluster)
  local live = json.copy(render.workload(cluster, wanted.groups[1], sha))
  live.metadata.uid, live.metadata.generation = "s1", 3
  live.spec.selector.matchLabels = live.metadata.labels
  live.spec.template.spec.restartPolicy = "Always"
  live.spec.volumeClaimTemplates[1].spec.resources.requests.storage = "1Gi"
  live.spec.volumeClaimTemplates[1].status = { phase = "Pending" }
  live.status = { observedGeneration = 3, replicas = 2, readyReplicas = 2, updatedReplicas = 2,
    currentRevision = "a", updateRevision = "a" }
  return live, wanted
end

local function entries(druid, live, common, config)
  local cluster = druid_groups.cluster(druid)
  local wanted = render.cluster(cluster)
  local world = { common = common, autoscaled = {}, before = {}, claims = {},
    workloads = { ["druid-demo-brokers"] = live }, configs = { ["druid-demo-brokers"] = config } }
  return plan.entries(cluster, wanted, world), cluster, wanted, world
end

return {
  ["a foreign workload with another digest is taken over without a restart"] = function(t)
    local cluster = druid_groups.cluster(object())
    local live, wanted = foreign(cluster, "other-digest")
    local list = entries(object(), live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(list[1].changed, false)
    t.equal(list[1].notes, {})
    t.equal(observed.config_sha(list[1].workload, "druid-demo-brokers"), "other-digest")
    t.equal(list[1].workload.spec.selector.matchLabels.team, "x")
  end,
  ["the kept digest stays after the takeover"] = function(t)
    local cluster = druid_groups.cluster(object())
    local live, wanted = foreign(cluster, "other-digest")
    local first = entries(object(), live, wanted.common.data, wanted.groups[1].config.data)
    live.metadata.annotations = json.copy(first[1].workload.metadata.annotations)
    local second = entries(object(), live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(second[1].changed, false)
    t.equal(observed.config_sha(second[1].workload, "druid-demo-brokers"), "other-digest")
  end,
  ["a changed configuration changes the digest and the template"] = function(t)
    local druid = object()
    local cluster = druid_groups.cluster(druid)
    local live, wanted = foreign(cluster, "other-digest")
    local common, config = json.copy(wanted.common.data), json.copy(wanted.groups[1].config.data)
    druid.spec["common.runtime.properties"] = "a=c"
    local list = entries(druid, live, common, config)
    t.equal(list[1].changed, true)
    t.ok(observed.config_sha(list[1].workload, "druid-demo-brokers") ~= "other-digest")
  end,
  ["a group that waits remembers what it runs before the common configuration moves on"] = function(t)
    local druid = object()
    druid.spec.nodes.historicals = json.copy(druid.spec.nodes.brokers)
    druid.spec.nodes.historicals.nodeType = "historical"
    local cluster = druid_groups.cluster(druid)
    local live, wanted = foreign(cluster, "other-digest")
    local old_common = json.copy(wanted.common.data)
    local old_config = json.copy(wanted.groups[1].config.data)
    local hot = json.copy(render.workload(cluster, wanted.groups[2], "hot-digest"))
    hot.metadata.generation, hot.metadata.uid = 1, "s2"
    hot.status = { observedGeneration = 1, replicas = 2, readyReplicas = 2, updatedReplicas = 2,
      currentRevision = "a", updateRevision = "a" }
    druid.spec["common.runtime.properties"] = "a=c"
    cluster = druid_groups.cluster(druid)
    wanted = render.cluster(cluster)
    local world = { common = old_common, autoscaled = {}, before = {}, claims = {},
      workloads = { ["druid-demo-brokers"] = live, ["druid-demo-historicals"] = hot },
      configs = { ["druid-demo-brokers"] = old_config, ["druid-demo-historicals"] = old_config } }
    local steps = plan.decide(cluster, wanted, world, plan.entries(cluster, wanted, world))
    t.equal(#steps.stamps, 1)
    t.equal(steps.stamps[1].target.metadata.name, "druid-demo-brokers")
    -- The next run sees the new common configuration and the mark: it still knows that it must restart.
    live.metadata.annotations = { [names.config_hash] = steps.stamps[1].value }
    world.common = wanted.common.data
    local list = plan.entries(cluster, render.cluster(cluster), world)
    t.equal(list[1].key, "brokers")
    t.equal(list[1].changed, true)
  end,
  ["what Kubernetes never changes is kept and told with the remedy"] = function(t)
    local druid = object()
    local live, wanted = foreign(druid_groups.cluster(druid), "sha")
    druid.spec.nodes.brokers.podManagementPolicy = "OrderedReady"
    druid.spec.nodes.brokers.volumeClaimTemplates[1].spec.resources.requests.storage = "2Gi"
    local list = entries(druid, live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(list[1].workload.spec.podManagementPolicy, "Parallel")
    t.equal(list[1].workload.spec.volumeClaimTemplates[1].spec.resources.requests.storage, "1Gi")
    t.equal(#list[1].notes, 1)
    t.ok(list[1].notes[1]:find("scalePvcSts", 1, true), list[1].notes[1])
    t.ok(not list[1].recreate.now)
  end,
  ["a pod label inside a live selector keeps its value, and the selector too"] = function(t)
    local druid = object()
    local live, wanted = foreign(druid_groups.cluster(druid), "sha")
    druid.spec.podLabels = { team = "y" }
    local list = entries(druid, live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(list[1].workload.spec.template.metadata.labels.team, "x")
    t.equal(list[1].workload.spec.selector.matchLabels.team, "x")
    t.equal(#list[1].notes, 1)
  end,
  ["a new workload selects by the four fixed labels only"] = function(t)
    local list = entries(object(), nil)
    t.equal(list[1].workload.spec.selector.matchLabels, { app = "druid", druid_cr = "demo",
      nodeSpecUniqueStr = "druid-demo-brokers", component = "broker" })
    t.equal(list[1].workload.spec.template.metadata.labels.team, "x")
  end,
  ["a template that the former operator made of this very object stays, though we would write another"] = function(t)
    local cluster = druid_groups.cluster(object())
    local live, wanted = foreign(cluster, "sha")
    live.spec.template.spec.containers[1].livenessProbe.httpGet.port = 1   -- it had its own way
    wanted.marks = { ["druid-demo-brokers"] = "m" }
    live.metadata.annotations = { [adopt.mark] = "m" }
    local function fit(mark)
      local workload = render.workload(cluster, wanted.groups[1], "sha")
      return adopt.fit(workload, live, { config = "c", mark = mark }), workload
    end
    local got, workload = fit("m")
    t.equal(got.changed, false)
    t.equal(workload.spec.template, nil)
    t.equal(workload.metadata.annotations[names.former], "template")
    t.equal(fit("another").changed, true, "made of an older one, it is due")
    -- The next run finds it as it was left, and so does every other until the Druid object changes.
    live.metadata.annotations = json.copy(workload.metadata.annotations)
    got, workload = fit("m")
    t.equal(got.changed, false)
    t.equal(workload.spec.template, nil)
    local changed = render.workload(cluster, wanted.groups[1], "another sha")
    t.equal(adopt.fit(changed, live, { config = "c", mark = "n" }).changed, true)
    t.ok(changed.spec.template)
    t.equal(changed.metadata.annotations[names.former], nil)
  end,
  ["what left the Druid object before the takeover is due"] = function(t)
    local cluster = druid_groups.cluster(object())
    local live, wanted = foreign(cluster, "sha")
    live.metadata.annotations = { [adopt.mark] = "made of an older object" }
    local list = entries(object(), live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(list[1].changed, false)
    live.spec.template.spec.containers[2] = { name = "sidecar", image = "x" }
    list = entries(object(), live, wanted.common.data, wanted.groups[1].config.data)
    t.equal(list[1].changed, true)
  end,
}
