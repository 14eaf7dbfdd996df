-- The quirks of deploy/MIGRATING.md that lost data; see quirks_test.lua.

local check = require "druid.check"
local druid_groups = require "druid.groups"
local plan = require "druid.plan"
local recreate = require "druid.recreate"
local volumes = require "druid.volumes"

local function object(change)
  local one = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "ns", uid = "cr", generation = 2 },
    spec = { image = "apache/druid:34.0.0", ["common.runtime.properties"] = "a=b", deleteOrphanPvc = true,
      volumeRetention = { whenScaled = "Delete" },
      nodes = { hot = { nodeType = "historical", ["druid.port"] = 8083, replicas = 2, ["runtime.properties"] = "x",
        nodeConfigMountPath = "/h" } } } }
  if change then
    change(one.spec, one.spec.nodes.hot)
  end
  return one
end

local function claim(name, labels, owner)
  return { metadata = { name = name, labels = labels, ownerReferences = owner and { { uid = owner, controller = true } } } }
end

local own = { druid_cr = "demo", nodeSpecUniqueStr = "druid-demo-hot" }

local function orphans(replicas, claims)
  local cluster = druid_groups.cluster(object())
  local live = { metadata = { generation = 1 }, spec = { replicas = replicas },
    status = { observedGeneration = 1, replicas = replicas } }
  return volumes.orphans(cluster, claims, { ["druid-demo-hot"] = { live = live, group = cluster.groups[1] } }, 1790000000)
end

local function template(name, size)
  return { metadata = { name = name }, spec = { resources = { requests = { storage = size } } } }
end

return {
  ["Q11: a group parked at no replicas keeps its volumes, and so do claims that stand for themselves"] = function(t)
    t.equal(orphans(0, { claim("data-druid-demo-hot-0", own) }).mark, {})
    t.equal(orphans(2, { claim("shared", own, "cr") }).mark, {})
    t.equal(#orphans(2, { claim("data-druid-demo-hot-2", own) }).mark, 1)
  end,
  ["Q13: a claim that only bears the cluster's label is not deleted with it"] = function(t)
    local cluster = druid_groups.cluster(object(function(spec) spec.volumeRetention = nil end))
    t.equal(volumes.of_cluster(cluster, { claim("my-own", { druid_cr = "demo" }) }), {})
    t.equal(#volumes.of_cluster(cluster, { claim("data-druid-demo-hot-0", own) }), 1)
  end,
  ["Q14: a claim template needs no storage class, and all of them are looked at"] = function(t)
    t.equal(#check.problems(object(function(_, hot)
      hot.volumeClaimTemplates = { { metadata = { name = "data" },
        spec = { accessModes = { "ReadWriteOnce" }, resources = { requests = { storage = "1Gi" } } } } }
      hot.volumeMounts = { { name = "data", mountPath = "/data" } }
    end)), 0)
    t.equal(recreate.sizes({ template("a", "1Gi"), template("b", "2Gi") }, { template("a", "1Gi"), template("b", "1Gi") }).grow,
      { b = "2Gi" })
  end,
  ["Q15: each volume grows by its own template"] = function(t)
    local cluster = druid_groups.cluster(object())
    local entry = { group = cluster.groups[1], recreate = { grow = { data = "100Gi" } } }
    local function sized(name, size)
      local one = claim(name, own)
      one.spec = { resources = { requests = { storage = size } } }
      return one
    end
    local small = recreate.small_claims(cluster, entry, { sized("data-druid-demo-hot-0", "10Gi"),
      sized("logs-druid-demo-hot-0", "10Gi"), sized("alone", "10Gi") })
    t.equal(#small, 1)
    t.equal(small[1].claim.metadata.name, "data-druid-demo-hot-0")
  end,
  ["Q16: a set that is still there, ending, is not written over"] = function(t)
    local cluster = druid_groups.cluster(object())
    local entry = { group = cluster.groups[1], workload = { spec = { replicas = 2 } }, changed = false,
      state = { settled = true, held = false },
      live = { kind = "StatefulSet", metadata = { name = "druid-demo-hot", namespace = "ns", deletionTimestamp = "now" },
        spec = {} } }
    local kept = { { field = "serviceName", wanted = "a", have = "b" } }
    t.equal(recreate.decide(cluster, entry, kept, { sha_ours = true }).now, false)
    entry.part, entry.action = { config = {}, services = {}, claims = {}, extras = {} }, "keep"
    local _, second = plan.objects(entry)
    t.equal(#second, 0)
    entry.live = { metadata = {} }
    _, second = plan.objects(entry)
    t.equal(#second, 1)
  end,
}
