-- Values that hold a rule of druid.rules, and values that break it, by place; those of a DruidIngestion are in
-- ingestion_cases.lua. rules_test.lua tries them in Lua; tests/cluster/fields tries the same on a real API server
-- that has the rules as CEL.

local M = {}

local function repeated(count, make)
  local list = {}
  for i = 1, count do
    list[i] = make(i)
  end
  return list
end

local function group()
  return { nodeType = "historical", ["druid.port"] = 8083, ["runtime.properties"] = "", nodeConfigMountPath = "/hot" }
end

local function groups(count)
  local map = {}
  for i = 1, count do
    map["g" .. i] = group()
  end
  return map
end

local function deployment(surge, unavailable)
  local node = group()
  node.kind, node.maxSurge, node.maxUnavailable = "Deployment", surge, unavailable
  return node
end

local function container(i)
  return { containerName = "c" .. i, image = "i" }
end

local pull = { good = { "Always", "IfNotPresent", "Never", "" }, bad = { "always", "Sometimes" } }
local image = { good = { "apache/druid:34.0.0", "r.example.com:5000/a/b@sha256:0" },
  bad = { "a b", "a\tb", "a\n", " a", ("x"):rep(513) } }
local object_name = { good = { "a", "a.b-c.d", "0", "" }, bad = { "A", "a_b", "a..b", "-a", ("a"):rep(300) } }
local seconds = { good = { 0, 1, 100 }, bad = { -1 } }
local handlers = { good = { { exec = { command = { "a" } } }, { tcpSocket = { port = 1 }, periodSeconds = 1 },
    { newer = { a = 1 } } },
  bad = { { exec = { command = { "a" } }, tcpSocket = { port = 1 } }, { httpGet = { path = "/" }, grpc = { port = 1 } } } }
local success_of_one = { good = { { tcpSocket = { port = 1 }, successThreshold = 1 }, { tcpSocket = { port = 1 },
    successThreshold = 0 } },
  bad = { { tcpSocket = { port = 1 }, successThreshold = 2 } } }

local length = { good = { "1h", "90s", "1h30m", "0", "" }, bad = { "1 h", "one hour", "PT1H", "-5m" } }
local retention = { good = { "Delete", "Retain", "" }, bad = { "delete", "Recycle" } }

-- place = list of { good =, bad = }
M.cases = {
  ["spec/rollback"] = { { good = { "manual", "auto", "" }, bad = { "always" } } },
  ["spec/druidTimeout"] = { length },
  ["spec/deletionDeadline"] = { length },
  ["spec/nodes"] = { { good = { groups(1), groups(320) }, bad = { {}, groups(321) } } },
  ["spec/nodes/*"] = { { good = { group(), deployment(0, 1), deployment("0%", "10%"), deployment(1, 0), deployment(0, nil) },
    bad = { deployment(0, 0), deployment("0%", 0) } } },
  ["spec/nodes/*/nodeType"] = { { good = { "historical", "middleManager", "indexer", "broker", "router", "overlord",
    "coordinator" }, bad = { "", "Broker", "peon" } } },
  ["spec/nodes/*/kind"] = { { good = { "StatefulSet", "Deployment", "" }, bad = { "DaemonSet", "statefulset" } } },
  ["spec/nodes/*/druid.port"] = { { good = { 1, 8083, 65535 }, bad = { 0, -1, 65536 } } },
  ["spec/nodes/*/replicas"] = { { good = { 0, 1, 2147483647 }, bad = { 2147483648, 1099511627776 } } },
  ["spec/nodes/*/terminationGracePeriodSeconds"] = { { good = { 0, 4200 }, bad = { -1 } } },
  ["spec/nodes/*/hpAutoscaler"] = {
    { good = { { maxReplicas = 1 }, { minReplicas = 2, maxReplicas = 2, metrics = { { type = "Resource" } } } },
      bad = { { minReplicas = 1 }, { maxReplicas = 0 } } },
    { good = { { minReplicas = 0, maxReplicas = 1 } },
    bad = { { minReplicas = 3, maxReplicas = 2 }, { minReplicas = -1, maxReplicas = 1 } } },
  },
  ["spec/nodes/*/podDisruptionBudgetSpec"] = { {
    good = { { minAvailable = 1 }, { maxUnavailable = "10%" }, { unhealthyPodEvictionPolicy = "AlwaysAllow" } },
    bad = { { minAvailable = 1, maxUnavailable = 1 } } } },
}

for _, field in ipairs({ "zookeeper", "metadataStore", "deepStorage" }) do
  M.cases["spec/" .. field .. "/type"] = { { good = { "default" }, bad = { "", "etcd" } } }
end

local both = {
  progressDeadline = { length },
  ["middleManagerDrainStrategy/strategy"] = { { good = { "drain", "restore", "none", "" }, bad = { "Drain" } } },
  ["middleManagerDrainStrategy/whenDeleted"] = { { good = { "drain", "none", "" }, bad = { "wait" } } },
  ["middleManagerDrainStrategy/onTimeout"] = { { good = { "hold", "proceed", "" }, bad = { "wait" } } },
  ["middleManagerDrainStrategy/drainTimeout"] = { length },
  ["middleManagerDrainStrategy/podReadyTimeout"] = { length },
  ["volumeRetention/whenDeleted"] = { retention },
  ["volumeRetention/whenScaled"] = { retention },
  ["volumeRetention/after"] = { length },
  podManagementPolicy = { { good = { "Parallel", "OrderedReady", "" }, bad = { "Serial" } } },
  ["updateStrategy/type"] = { { good = { "RollingUpdate", "OnDelete", "" }, bad = { "Recreate" } } },
  imagePullPolicy = { pull },
  dnsPolicy = { { good = { "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None", "" }, bad = { "clusterFirst" } } },
  services = { { good = { repeated(32, function() return { spec = { type = "ClusterIP" } } end) },
    bad = { repeated(33, function() return { spec = { type = "ClusterIP" } } end) } } },
  ["services/*/spec/type"] = { { good = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "" },
    bad = { "Ingress" } } },
  image = { image },
  additionalContainer = { { good = { repeated(32, container) }, bad = { repeated(33, container) } } },
  ["additionalContainer/*/image"] = { image, { good = { "i" }, bad = { "" } } },
  ["additionalContainer/*/imagePullPolicy"] = { pull },
  ["additionalContainer/*/containerName"] = { { good = { "a", "a-1" }, bad = { "", "A", "a.b", "-a", ("a"):rep(64) } } },
  priorityClassName = { object_name },
  livenessProbe = { handlers, success_of_one },
  startUpProbe = { handlers, success_of_one },
  readinessProbe = { handlers, { good = { { tcpSocket = { port = 1 }, successThreshold = 2 } }, bad = {} } },
}
for _, probe in ipairs({ "livenessProbe", "readinessProbe", "startUpProbe" }) do
  for _, number in ipairs({ "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
    "failureThreshold" }) do
    both[probe .. "/" .. number] = { number == "successThreshold" and { good = { 0, 1 }, bad = { -1 } } or seconds }
  end
end
for field, cases in pairs(both) do
  M.cases["spec/" .. field] = cases
  M.cases["spec/nodes/*/" .. field] = cases
end
M.cases["spec/api/scheme"] = { { good = { "http", "https", "" }, bad = { "HTTP", "tcp" } } }
M.cases["spec/serviceAccount"] = { object_name }
M.cases["spec/nodes/*/serviceAccountName"] = { object_name }

-- What has to stand around a value.
local around = {
  additionalContainer = function() return { containerName = "x", image = "i" } end,
  zookeeper = function() return { type = "default", spec = { properties = "" } } end,
  livenessProbe = function() return { tcpSocket = { port = 1 } } end,
}
around.metadataStore, around.deepStorage = around.zookeeper, around.zookeeper
around.readinessProbe, around.startUpProbe = around.livenessProbe, around.livenessProbe

M.kind, M.rules = "Druid", "druid.rules"
M.entry = { nodes = "hot" }
M.around = around

function M.spec()
  return { image = "i", ["common.runtime.properties"] = "", nodes = { hot = group() } }
end

-- Both kinds, each with kind, rules (the module), cases, spec, entry and around.
M.sets = { M, (require "ingestion_cases") }

-- An object of a set with the value at the place.
function M.object(set, name, place, value)
  local object = {
    apiVersion = "druid.apache.org/v1alpha1", kind = set.kind, metadata = { name = name, namespace = "default" },
    spec = set.spec(),
  }
  local steps, into = {}, object
  for step in place:gmatch("[^/]+") do
    steps[#steps + 1] = step
  end
  for i = 1, #steps do
    local step = steps[i]
    if step == "*" then
      step = set.entry[steps[i - 1]] or 1
    end
    if i == #steps then
      into[step] = value
    else
      local named = steps[i] == "*" and steps[i - 1] or steps[i]
      local make = set.around[named]
      if into[step] == nil then
        into[step] = make and (named ~= "additionalContainer" or steps[i] == "*") and make() or {}
      end
      into = into[step]
    end
  end
  return object
end

-- Calls found(place, value, good) for every case of a set, in a fixed order.
function M.each(set, found)
  local places = {}
  for place in pairs(set.cases) do
    places[#places + 1] = place
  end
  table.sort(places)
  for _, place in ipairs(places) do
    for _, case in ipairs(set.cases[place]) do
      for _, value in ipairs(case.good) do
        found(place, value, true)
      end
      for _, value in ipairs(case.bad) do
        found(place, value, false)
      end
    end
  end
end

return M
