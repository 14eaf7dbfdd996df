local check = require "druid.check"
local problems_of = require "lib.problems"

local function broker()
  return {
    nodeType = "broker", ["druid.port"] = 8082, replicas = 1, ["runtime.properties"] = "druid.service=x",
    nodeConfigMountPath = "/opt/druid/conf/druid/cluster/query/broker",
  }
end

local function object(change)
  local druid = {
    metadata = { name = "demo", namespace = "default" },
    spec = { image = "apache/druid:34.0.0", ["common.runtime.properties"] = "", nodes = { brokers = broker() } },
  }
  if change then
    change(druid.spec, druid.spec.nodes.brokers, druid)
  end
  return druid
end

local function told(t, change, field, word)
  local problems = check.problems(object(change))
  t.ok(#problems > 0, "nothing was found")
  t.equal(problems[1].field, field)
  t.ok(problems_of.sentence(problems[1]):find(word, 1, true), problems_of.sentence(problems[1]))
  t.ok(problems[1].remedy ~= "")
end

return {
  ["a sound object has no problems"] = function(t)
    t.equal(#check.problems(object()), 0)
  end,
  ["a missing image is named"] = function(t)
    told(t, function(spec) spec.image = nil end, "spec.nodes.brokers.image", "is missing")
  end,
  ["an unknown node type is named with those that exist"] = function(t)
    told(t, function(_, node) node.nodeType = "brokerr" end, "spec.nodes.brokers.nodeType", "middleManager")
  end,
  ["a bad quantity is named with its unit"] = function(t)
    told(t, function(_, node) node.resources = { limits = { memory = "2GB" } } end,
      "spec.nodes.brokers.resources.limits.memory", "\"GB\"")
  end,
  ["a request above its limit is named"] = function(t)
    told(t, function(_, node) node.resources = { limits = { cpu = "1" }, requests = { cpu = "1500m" } } end,
      "spec.nodes.brokers.resources.requests.cpu", "more than the limit")
  end,
  ["a duplicate port is named"] = function(t)
    told(t, function(_, node) node.ports = { { name = "a", containerPort = 81 }, { name = "b", containerPort = 81 } } end,
      "spec.nodes.brokers.ports", "81/TCP twice")
    told(t, function(_, node) node.ports = { { name = "druid-port", containerPort = 1 } } end,
      "spec.nodes.brokers.ports", "druid-port")
  end,
  ["null where Kubernetes' own types have something is told, and raises nothing"] = function(t)
    local claim = { metadata = { name = "d" }, spec = { accessModes = json.null,
      resources = { requests = { storage = "1Gi" } } } }
    told(t, function(_, node) node.volumeClaimTemplates = { claim } end,
      "spec.nodes.brokers.volumeClaimTemplates[0].spec.accessModes", "is missing")
    told(t, function(_, node) node.volumeMounts = { { mountPath = "/a" } } end,
      "spec.nodes.brokers.volumeMounts[0].name", "is missing")
  end,
  ["an environment variable without a name is named"] = function(t)
    told(t, function(_, node) node.env = { { name = "A" }, { value = "b" } } end,
      "spec.nodes.brokers.env[1].name", "is missing")
    told(t, function(spec) spec.env = { { name = "" } } end, "spec.env[0].name", "is missing")
    told(t, function(_, node)
      node.additionalContainer = { { containerName = "side", image = "i", env = { { value = "b" } } } }
    end, "spec.nodes.brokers.additionalContainer[0].env[0].name", "is missing")
  end,
  ["a claim without a name, or with one that is none, is named"] = function(t)
    local function claim(name)
      return { { metadata = { name = name }, spec = { resources = { requests = { storage = "1Gi" } } } } }
    end
    told(t, function(_, node) node.volumeClaimTemplates = claim(nil) end,
      "spec.nodes.brokers.volumeClaimTemplates[0].metadata.name", "is missing")
    told(t, function(_, node) node.volumeClaimTemplates = claim("Bad_Name") end,
      "spec.nodes.brokers.volumeClaimTemplates[0].metadata.name", "Bad_Name")
  end,
  ["a mount over the configuration is named"] = function(t)
    told(t, function(spec, node)
      spec.volumes = { { name = "data" } }
      spec.volumeMounts = { { name = "data", mountPath = node.nodeConfigMountPath } }
    end, "spec.nodes.brokers.volumeMounts[0].mountPath", "twice")
  end,
  ["a name that is too long is named with its limit"] = function(t)
    told(t, function(_, _, druid) druid.metadata.name = ("x"):rep(50) end, "spec.nodes.brokers", "52 is the most")
  end,
  ["no node groups is named"] = function(t)
    told(t, function(spec) spec.nodes = {} end, "spec.nodes", "no node group")
    told(t, function(spec) spec.nodes = nil end, "spec.nodes", "add a node group")
  end,
  ["a key that is no name is named"] = function(t)
    told(t, function(spec, node) spec.nodes = { ["Broker_1"] = node } end, "spec.nodes.Broker_1", "cannot be part")
  end,
  ["a port out of range and a missing one are named"] = function(t)
    told(t, function(_, node) node["druid.port"] = 70000 end, "spec.nodes.brokers.druid.port", "70000")
    told(t, function(_, node) node["druid.port"] = nil end, "spec.nodes.brokers.druid.port", "missing")
  end,
  ["a mount without a volume is named"] = function(t)
    told(t, function(_, node) node.volumeMounts = { { name = "data", mountPath = "/d" } } end,
      "spec.nodes.brokers.volumeMounts[0].name", "no volume")
  end,
  ["a claim without a size is named"] = function(t)
    told(t, function(_, node) node.volumeClaimTemplates = { { metadata = { name = "d" }, spec = {} } } end,
      "spec.nodes.brokers.volumeClaimTemplates[0].spec.resources.requests.storage", "missing")
  end,
  ["containers with one name are named"] = function(t)
    told(t, function(_, node)
      node.additionalContainer = { { containerName = "a", image = "i" }, { containerName = "a", image = "i" } }
    end, "spec.nodes.brokers.additionalContainer[1].containerName", "twice")
  end,
  ["two groups that make one Service are named"] = function(t)
    told(t, function(spec)
      spec.nodes.other = broker()
      spec.services = { { metadata = { name = "druid" } } }
    end, "spec.nodes.other.services", "Service druid")
  end,
  ["a claim of its own whose name Kubernetes would refuse is named"] = function(t)
    told(t, function(_, node)
      node.persistentVolumeClaim = { { metadata = { name = "a\nb" },
        spec = { accessModes = { "ReadWriteOnce" }, resources = { requests = { storage = "1Gi" } } } } }
    end, "spec.nodes.brokers.persistentVolumeClaim", "makes the PersistentVolumeClaim name a")
  end,
  ["of an object that could not be read whole nothing is made"] = function(t)
    local cut = { metadata = { name = "demo", annotations = { ["nemeton.dev/unreadable"] = "spec.affinity.a" } } }
    t.equal(#check.problems(cut), 1)
    t.equal(check.problems(cut)[1].field, "spec.affinity.a")
  end,
  ["texts that no ConfigMap can hold are named"] = function(t)
    told(t, function(spec) spec["common.runtime.properties"] = ("x=y\n"):rep(1 << 18) .. "z" end,
      "spec.common.runtime.properties", "with 1048577 bytes; 1048576 are the most")
    told(t, function(_, node) node["runtime.properties"] = ("x=y\n"):rep(1 << 18) end, "spec.nodes.brokers",
      "makes the ConfigMap druid-demo-brokers-config with ")
  end,
  ["an unknown kind of dependency is named"] = function(t)
    told(t, function(spec) spec.zookeeper = { type = "etcd" } end, "spec.zookeeper.type", "etcd")
  end,
  ["a value of a list that is not in it is named with those that are"] = function(t)
    told(t, function(_, node) node.kind = "DaemonSet" end, "spec.nodes.brokers.kind",
      "\"DaemonSet\" is no kind of workload that runs Druid here; use StatefulSet or Deployment")
    told(t, function(spec) spec.updateStrategy = { type = "Recreate" } end, "spec.updateStrategy.type", "OnDelete")
    told(t, function(spec) spec.services = { { spec = { type = "Balancer" } } } end, "spec.services[0].spec.type",
      "LoadBalancer")
  end,
  ["labels and annotations that Kubernetes would refuse are named"] = function(t)
    told(t, function(_, node) node.podLabels = { ["a b"] = "c" } end, "spec.nodes.brokers.podLabels.a b", "no key")
    told(t, function(spec) spec.podLabels = { a = "c d" } end, "spec.podLabels.a", "no value")
    told(t, function(spec) spec.podAnnotations = { ["/x"] = "" } end, "spec.podAnnotations./x", "no key")
    told(t, function(_, node) node.nodeSelector = { zone = ("z"):rep(64) } end, "spec.nodes.brokers.nodeSelector.zone",
      "no value")
    t.equal(#check.problems(object(function(spec)
      spec.podLabels = { ["example.com/Team_A.b"] = "", x = "A-1" }
      spec.podAnnotations = { ["Example.com/Upper"] = "any text, \n of any kind" }
    end)), 0)
  end,
  ["a probe that does not ask, and a number of one below 0, are named"] = function(t)
    told(t, function(_, node) node.livenessProbe = { periodSeconds = 5 } end, "spec.nodes.brokers.livenessProbe",
      "write {} for no probe")
    told(t, function(spec) spec.startUpProbe = { httpGet = {}, periodSeconds = -1 } end,
      "spec.startUpProbe.periodSeconds", "-1")
    t.equal(#check.problems(object(function(spec, node)
      spec.livenessProbe = { somethingNewer = {}, periodSeconds = 5 }
      node.startUpProbe = json.object({})
    end)), 0)
  end,
  ["an autoscaler without a most, and replicas beyond counting, are named"] = function(t)
    told(t, function(_, node) node.hpAutoscaler = { maxReplicas = 0 } end, "spec.nodes.brokers.hpAutoscaler", "maxReplicas")
    told(t, function(_, node) node.hpAutoscaler = { minReplicas = 3, maxReplicas = 2 } end,
      "spec.nodes.brokers.hpAutoscaler", "above maxReplicas")
    told(t, function(_, node) node.replicas = 1 << 40 end, "spec.nodes.brokers.replicas", "1099511627776")
    told(t, function(_, node) node.replicas = -1 end, "spec.nodes.brokers.replicas", "-1")
    told(t, function(_, node) node.replicas = "3" end, "spec.nodes.brokers.replicas", "a number")
  end,
  ["an image with a blank is named"] = function(t)
    told(t, function(spec) spec.image = "apache/druid: 34.0.0" end, "spec.image", "blank")
  end,
  ["a share that is none is named"] = function(t)
    told(t, function(_, node) node.podDisruptionBudgetSpec = { minAvailable = "half" } end,
      "spec.nodes.brokers.podDisruptionBudgetSpec.minAvailable", "half")
    t.equal(#check.problems(object(function(_, node) node.kind, node.maxSurge = "Deployment", "100%" end)), 0)
  end,
  ["more entries than the most are counted"] = function(t)
    told(t, function(spec, node)
      for i = 1, 320 do
        spec.nodes["b" .. i] = node
      end
    end, "spec.nodes", "has 321 entries")
  end,
  ["a claim of no size or of an unknown access mode is named"] = function(t)
    local function claim(size, mode)
      return { { metadata = { name = "d" }, spec = { accessModes = { mode }, resources = { requests = { storage = size } } } } }
    end
    told(t, function(_, node) node.volumeClaimTemplates = claim("0", "ReadWriteOnce") end,
      "spec.nodes.brokers.volumeClaimTemplates[0].spec.resources.requests.storage", "is nothing")
    told(t, function(spec) spec.volumeClaimTemplates = claim("1Gi", "Mine") end,
      "spec.nodes.brokers.volumeClaimTemplates[0].spec.accessModes[0]", "ReadWriteOncePod")
  end,
  ["spreads that cannot be kept, or twice the same, are named"] = function(t)
    local zone = { topologyKey = "zone", whenUnsatisfiable = "DoNotSchedule", maxSkew = 1 }
    told(t, function(_, node) node.topologySpreadConstraints = { zone, zone } end,
      "spec.nodes.brokers.topologySpreadConstraints[1]", "zone DoNotSchedule")
    told(t, function(_, node) node.topologySpreadConstraints = { { topologyKey = "zone", maxSkew = 0 } } end,
      "spec.nodes.brokers.topologySpreadConstraints[0].maxSkew", "1 or more")
  end,
  ["a headless Service that is to be a load balancer is named"] = function(t)
    told(t, function(spec) spec.services = { { spec = { type = "LoadBalancer", clusterIP = "None" } } } end,
      "spec.services[0].spec.clusterIP", "LoadBalancer")
    told(t, function(spec) spec.services = { { spec = { selector = { ["${x}"] = "a" } } } } end,
      "spec.services[0].spec.selector.${x}", "no key")
  end,
}
