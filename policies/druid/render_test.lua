local druid_groups = require "druid.groups"
local names = require "druid.names"
local render = require "druid.render"

local function cluster(change)
  local object = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "ns", uid = "cr" },
    spec = { image = "apache/druid:34.0.0", ["common.runtime.properties"] = "a=b", imagePullPolicy = "Always",
      ["jvm.options"] = "-server", startScript = "/druid.sh", commonConfigMountPath = "/common",
      nodes = { hot = { nodeType = "historical", ["druid.port"] = 8083, replicas = 2,
        ["runtime.properties"] = "x=y", ["extra.jvm.options"] = "-Xmx1g", nodeConfigMountPath = "/hot" } } } }
  if change then
    change(object.spec, object.spec.nodes.hot)
  end
  return druid_groups.cluster(object)
end

local function by_kind(list, kind)
  local found = {}
  for _, object in ipairs(list) do
    if object.kind == kind then
      found[#found + 1] = object
    end
  end
  return found
end

local function container(list)
  return by_kind(list, "StatefulSet")[1].spec.template.spec.containers[1]
end

return {
  ["everything can be encoded, and the same twice"] = function(t)
    t.equal(json.encode(render.objects(cluster())), json.encode(render.objects(cluster())))
  end,
  ["configuration has the keys that the image reads"] = function(t)
    local configs = by_kind(render.objects(cluster()), "ConfigMap")
    t.equal(configs[1].metadata.name, "demo-druid-common-config")
    t.equal(configs[2].metadata.name, "druid-demo-hot-config")
    t.equal(configs[2].data, { ["runtime.properties"] = "druid.port=8083\nx=y", ["jvm.config"] = "-server\n-Xmx1g" })
  end,
  ["names, labels, owner and mounts are those of running clusters"] = function(t)
    local set = by_kind(render.objects(cluster()), "StatefulSet")[1]
    t.equal(set.metadata.name, "druid-demo-hot")
    t.equal(set.metadata.labels, { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = "druid-demo-hot",
      component = "historical" })
    t.equal(set.metadata.ownerReferences, { { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
      name = "demo", uid = "cr", controller = true } })
    local main = set.spec.template.spec.containers[1]
    t.equal(main.name, "druid-demo-hot")
    t.equal(main.command, { "/druid.sh", "historical" })
    t.equal(main.ports, { { name = "druid-port", containerPort = 8083, protocol = "TCP" } })
    t.equal(main.volumeMounts[1], { name = "common-config-volume", mountPath = "/common", readOnly = true })
    t.equal(main.volumeMounts[2].mountPath, "/hot")
    t.equal(set.spec.podManagementPolicy, "Parallel")
    t.equal(set.spec.serviceName, "")
  end,
  ["default probes fit the process"] = function(t)
    local main = container(render.objects(cluster()))
    t.equal(main.startupProbe, { httpGet = { path = "/druid/historical/v1/readiness", port = 8083 },
      initialDelaySeconds = 180, timeoutSeconds = 10, periodSeconds = 30, failureThreshold = 20,
      successThreshold = 1 })
    t.equal(main.livenessProbe.httpGet.path, "/status/health")
    t.equal(main.livenessProbe.failureThreshold, 10)
  end,
  ["no probes when they are turned off, and a port of 0 means the process's port"] = function(t)
    local main = container(render.objects(cluster(function(spec)
      spec.defaultProbes = false
      spec.readinessProbe = { httpGet = { path = "/x", port = 0 } }
    end)))
    t.equal(main.livenessProbe, nil)
    t.equal(main.readinessProbe, { httpGet = { path = "/x", port = 8083 } })
  end,
  ["a cluster's probe is not changed by the first group that uses it"] = function(t)
    local spec_probe = { httpGet = { path = "/x" } }
    render.objects(cluster(function(spec) spec.livenessProbe = spec_probe end))
    t.equal(spec_probe.httpGet.port, nil)
  end,
  ["an empty list of a group replaces the cluster's"] = function(t)
    local list = render.objects(cluster(function(spec, hot)
      spec.services = { { spec = { type = "ClusterIP" } } }
      spec.env = { { name = "A", value = "1" } }
      hot.services = json.array({})
      hot.env = json.array({})
    end))
    t.equal(#by_kind(list, "Service"), 0)
    t.equal(#container(list).env, 1)
  end,
  ["a Service has a default port, a name from the template, and selects without pod labels"] = function(t)
    local list = render.objects(cluster(function(spec, hot)
      spec.podLabels = { team = "x" }
      hot.services = { { metadata = { name = "svc-%s", annotations = { a = "b" } }, spec = { clusterIP = "None" } } }
    end))
    local service = by_kind(list, "Service")[1]
    t.equal(service.metadata.name, "svc-druid-demo-hot")
    t.equal(service.metadata.labels.team, "x")
    t.equal(service.spec.selector.team, nil)
    t.equal(service.spec.selector.component, "historical")
    t.equal(service.spec.ports, { { name = "service-port", port = 8083, targetPort = 8083, protocol = "TCP" } })
    t.equal(by_kind(list, "StatefulSet")[1].spec.serviceName, "svc-druid-demo-hot")
    t.equal(service.spec.publishNotReadyAddresses, true, "names are there before the pods are Ready")
    t.equal(names.service("fixed", "u"), "fixed")
    t.equal(names.service("a-%s-b", "u%1"), "a-u%1-b")
  end,
  ["the last of two equal variables counts, as in a container"] = function(t)
    local main = container(render.objects(cluster(function(spec)
      spec.env = { { name = "A", value = "1" }, { name = "B", value = "2" }, { name = "A", value = "3" } }
    end)))
    t.equal({ main.env[1], main.env[2] }, { { name = "B", value = "2" }, { name = "A", value = "3" } })
  end,
  ["a Deployment has no claims and a strategy only where asked"] = function(t)
    local list = render.objects(cluster(function(_, hot)
      hot.kind, hot.maxSurge = "Deployment", 1
      hot.volumeClaimTemplates = { { metadata = { name = "d" }, spec = {} } }
    end))
    local deployment = by_kind(list, "Deployment")[1]
    t.equal(deployment.spec.volumeClaimTemplates, nil)
    t.equal(deployment.spec.strategy, { type = "RollingUpdate", rollingUpdate = { maxSurge = 1 } })
  end,
  ["dependencies follow the common properties"] = function(t)
    local list = render.objects(cluster(function(spec)
      spec.deepStorage = { type = "default", spec = { properties = "s=1" } }
      spec.zookeeper = { type = "default", spec = { properties = "z=1" } }
    end))
    t.equal(list[1].data["common.runtime.properties"], "a=b\nz=1\n\ns=1\n")
  end,
  ["extras are made only when asked for"] = function(t)
    local list = render.objects(cluster(function(_, hot)
      hot.podDisruptionBudgetSpec = { maxUnavailable = 1, selector = { matchLabels = { x = "y" } } }
      hot.ingress = { rules = { { host = "h" } } }
      hot.ingressAnnotations = { a = "b" }
      hot.persistentVolumeClaim = { { metadata = { name = "p" }, spec = {} }, { spec = {} } }
    end))
    t.equal(by_kind(list, "PodDisruptionBudget")[1].spec.selector.matchLabels.component, "historical")
    t.equal(by_kind(list, "Ingress")[1].metadata.annotations, { a = "b" })
    t.equal(by_kind(list, "PersistentVolumeClaim")[1].metadata.name, "p")
    t.equal(by_kind(list, "PersistentVolumeClaim")[2].metadata.name, "druid-demo-hot")
    t.equal(#by_kind(list, "HorizontalPodAutoscaler"), 0)
  end,
}
