local check = require "druid.check"

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
  t.ok(check.sentence(problems[1]):find(word, 1, true), check.sentence(problems[1]))
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
    told(t, function(_, node) node.ports = { { name = "http", containerPort = 8082 } } end,
      "spec.nodes.brokers.ports", "8082/TCP twice")
    told(t, function(_, node) node.ports = { { name = "druid-port", containerPort = 1 } } end,
      "spec.nodes.brokers.ports", "druid-port")
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
    told(t, function(spec) spec.nodes = nil end, "spec.nodes", "no node group")
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
  ["an unknown kind of dependency is named"] = function(t)
    told(t, function(spec) spec.zookeeper = { type = "etcd" } end, "spec.zookeeper.type", "etcd")
  end,
}
