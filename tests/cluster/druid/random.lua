-- Random Druid objects out of their description (crd/schema/druid.lua): any field, alone and together, with
-- values that people write, values at the edge of what is allowed, and values that are wrong.

local json = require "json"
local rules_cases = require "rules_cases"
local list = json.list

local M = {}

local function chance(percent)
  return math.random(100) <= percent
end

local function pick(values)
  return values[math.random(#values)]
end

-- Wrong or odd values, now and then.
local odd = { "", " ", "a b", "-", "UPPER", "ünïcode ✓", "a\nb", "%s %d %", "${x}", ("x"):rep(300), "null", "0", "true",
  "'\"\\", "<&>", "\u{2028}" }

local function text(values, wrong_percent)
  return chance(wrong_percent or 1) and pick(odd) or pick(values)
end

local name = function() return text({ "a", "data", "side-car", "x1", "tmp", "logs", "b", "c", "d", "e", "f", "g" }) end
local number = function() return chance(1) and pick({ -1, 0, 65536, 1 << 40 }) or math.random(0, 60) end
local port = function() return chance(1) and pick({ 0, -1, 70000 }) or math.random(1, 65535) end
local quantity = function()
  return chance(1) and pick({ "1GB", "-1", "", "1e3", 1.5 }) or pick({ "1", "500m", "2Gi", 4, "10Gi", "5" })
end
local share = function() return chance(2) and pick({ "x%", -1, "1000%", "" }) or pick({ 0, 1, 2, "0%", "25%", "100%" }) end

local function labels()
  local map = {}
  for _ = 1, math.random(0, 3) do
    map[text({ "team", "example.com/zone", "a.b-c_d", "app", "disk" })] = text({ "x", "", "A-1", "fast.io", "v1" })
  end
  return map
end

local function some(make, max)
  local items = list({})
  for i = 1, math.random(0, max or 3) do
    items[i] = make(i)
  end
  return items
end

-- Each of the parts, or not; in a fixed order, so that one seed gives one object.
local function maybe(parts, percent)
  local keys = {}
  for key in pairs(parts) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  local chosen = {}
  for _, key in ipairs(keys) do
    if chance(percent or 50) then
      chosen[key] = parts[key]()
    end
  end
  return chosen
end
local function resources()
  local function some_of()
    return maybe({ cpu = quantity, memory = quantity, ["ephemeral-storage"] = quantity })
  end
  return maybe({ limits = some_of, requests = some_of })
end

local function handler()
  return ({
    function() return "httpGet", maybe({ path = function() return "/status" end,
      port = function() return pick({ 0, 8080, "http", "" }) end, scheme = function() return text({ "HTTP", "HTTPS" }) end }) end,
    function() return "exec", { command = list({ "true" }) } end,
    function() return "tcpSocket", { port = port() } end,
    function() return "grpc", { port = port() } end,
  })[math.random(4)]()
end

local function probe()
  local made = maybe({ initialDelaySeconds = number, timeoutSeconds = number, periodSeconds = number,
    failureThreshold = number, successThreshold = function() return pick({ 1, 1, 1, 1, 1, 1, 0, 2 }) end }, 30)
  for _ = 1, chance(98) and 1 or math.random(0, 2) do
    local key, value = handler()
    made[key] = value
  end
  return chance(5) and {} or made
end

local function metadata()
  return maybe({ name = function() return text({ "one", "two", "x-%s", "%s-y", "fixed" }) end, labels = labels,
    annotations = labels })
end

local function claim()
  local spec = maybe({ storageClassName = function() return text({ "fast", "slow" }) end }, 40)
  if chance(99) then
    spec.accessModes = list({ text({ "ReadWriteOnce", "ReadOnlyMany" }) })
  end
  if chance(99) then
    spec.resources = { requests = { storage = quantity() } }
  end
  return { metadata = { name = name(), labels = chance(30) and labels() or nil }, spec = spec }
end

local function service()
  local spec = maybe({
    type = function() return text({ "ClusterIP", "NodePort", "LoadBalancer" }) end,
    clusterIP = function() return pick({ "None", "None", "" }) end,
    publishNotReadyAddresses = function() return chance(50) end,
    sessionAffinity = function() return text({ "None", "ClientIP" }) end,
    ports = function() return some(function(i) return { name = "p" .. i, port = port() } end) end,
    selector = labels,
  }, 40)
  return maybe({ metadata = metadata, spec = function() return spec end }, 80)
end

local function env()
  local one = { name = text({ "A", "B_C", "configMapSHA", "JAVA_OPTS", "x.y-z" }) }
  if chance(70) then
    one.value = text({ "1", "a b", "" }, 20)
  elseif chance(80) then
    one.valueFrom = { secretKeyRef = { name = "s", key = "k" } }
  end
  return one
end

local function mount()
  return { name = text({ "common-config-volume", "scratch" }, 2), mountPath = text({ "/a", "/b", "/data", "/x", "/y", "/z" }) }
end

local known_texts = {
  image = { "apache/druid:33.0.0", "apache/druid:34.0.0", "r.example.com:5000/druid@sha256:" .. ("a"):rep(64) },
  imagePullPolicy = { "Always", "IfNotPresent", "Never" },
  podManagementPolicy = { "Parallel", "OrderedReady" },
  dnsPolicy = { "ClusterFirst", "Default", "ClusterFirstWithHostNet" },
  priorityClassName = { "high", "low.example" },
  serviceAccount = { "druid", "default" },
  serviceAccountName = { "druid", "other" },
  nodeType = { "historical", "middleManager", "indexer", "broker", "router", "overlord", "coordinator" },
  kind = { "StatefulSet", "Deployment" },
  commonConfigMountPath = { "/common", "/opt/druid/conf" },
  nodeConfigMountPath = { "/opt/druid/conf/druid/cluster/data", "/own" },
  startScript = { "/druid.sh", "bin/x" },
  scheme = { "http", "https" },
}

local anything = { "a=b", "-Xmx1g\n-Xms1g", "druid.x=<&>\n", "{\"a\": [1]}", "# ünïcode ✓", "" }

local numbers = {
  ["druid.port"] = function() return chance(1) and pick({ 0, -1, 70000 }) or pick({ 8081, 8082, 8083, 8888 }) end,
  replicas = function() return chance(1) and pick({ -1, 1 << 40 }) or math.random(0, 5) end,
  terminationGracePeriodSeconds = function() return chance(3) and -1 or pick({ 0, 30, 4200 }) end,
}

-- Makers of Kubernetes' own types, and of ours where random parts would seldom fit together.
local makers = {
  Affinity = function()
    return maybe({ podAntiAffinity = function()
      return { preferredDuringSchedulingIgnoredDuringExecution = list({ { weight = chance(90) and 100 or 0,
        podAffinityTerm = { topologyKey = text({ "kubernetes.io/hostname" }),
          labelSelector = { matchLabels = { app = "druid" } } } } }) }
    end })
  end,
  Auth = function() return { type = text({ "basic-auth" }), secretRef = { name = "s", namespace = "default" } } end,
  ConfigMapReference = function()
    return { name = text({ "more", "extra" }), namespace = chance(50) and "default" or nil }
  end,
  Container = function(i)
    local made = maybe({ runAsInit = function() return chance(50) end,
      command = function() return list({ "sh", "-c", "true" }) end, args = function() return some(name) end,
      env = function() return some(env) end, resources = resources, volumeMounts = function() return some(mount, 1) end,
      imagePullPolicy = function() return text(known_texts.imagePullPolicy) end }, 40)
    made.containerName, made.image = chance(99) and "c" .. i .. pick({ "a", "b", "c" }) or name(), text({ "busybox:1", "i" })
    return made
  end,
  ContainerPort = function()
    return { name = chance(70) and text({ "http", "jmx", "metrics", "p-1", "p-2", "p-3", "druid-port" }) or nil,
      containerPort = port(), protocol = chance(30) and text({ "TCP", "UDP" }) or nil }
  end,
  Dependency = function()
    return { type = text({ "default" }), spec = chance(99) and { properties = pick(anything) } or pick({ "x", 1, "{}" }) }
  end,
  EnvFromSource = function()
    return pick({ { secretRef = { name = "s" } }, { configMapRef = { name = "c" }, prefix = "X_" } })
  end,
  EnvVar = env,
  HorizontalPodAutoscalerSpec = function()
    local made = maybe({ minReplicas = function() return math.random(1, 3) end, metrics = function()
      return list({ { type = "Resource",
        resource = { name = "cpu", target = { type = "Utilization", averageUtilization = 50 } } } })
    end })
    made.maxReplicas = chance(95) and math.random(3, 6) or nil
    return made
  end,
  IngressSpec = function()
    return pick({
      { rules = list({ { host = "druid.example.com" } }) },
      { ingressClassName = "nginx", defaultBackend = { service = { name = "x", port = { number = 80 } } } },
      { rules = list({ { http = { paths = list({ { path = "/", pathType = "Prefix",
        backend = { service = { name = "x", port = { name = "http" } } } } }) } } }), tls = list({ { hosts = list({ "h" }) } }) },
      {}, { rules = list({ { host = "*.a.b" } }) }, { rules = list({ { host = "Bad Host" } }) },
    })
  end,
  Lifecycle = function() return { preStop = { exec = { command = list({ "sleep", "5" }) } } } end,
  LocalObjectReference = function() return { name = pick({ "pull", "pull", "other" }) } end,
  PersistentVolumeClaim = claim,
  PodDisruptionBudgetSpec = function()
    return chance(98) and pick({ { maxUnavailable = share() }, { minAvailable = share() } })
      or { maxUnavailable = 1, minAvailable = 1 }
  end,
  PodDNSConfig = function() return maybe({ nameservers = function() return list({ text({ "10.0.0.1" }) }) end,
    searches = function() return list({ "a.example" }) end }) end,
  PodSecurityContext = function() return maybe({ runAsUser = function() return pick({ 0, 1000 }) end,
    fsGroup = function() return 1000 end, runAsNonRoot = function() return chance(50) end }) end,
  Probe = probe,
  ResourceRequirements = resources,
  SecurityContext = function() return maybe({ runAsUser = function() return chance(95) and 1000 or -1 end,
    privileged = function() return chance(50) end, readOnlyRootFilesystem = function() return true end }) end,
  Service = service,
  StatefulSetUpdateStrategy = function()
    return pick({ { type = "RollingUpdate" }, { type = "OnDelete" }, {}, { type = "RollingUpdate",
      rollingUpdate = { partition = 1 } }, { type = text({ "RollingUpdate" }, 10) } })
  end,
  Toleration = function()
    return pick({ { operator = "Exists" }, { key = "a", operator = "Equal", value = "b", effect = "NoSchedule" },
      { key = "a", effect = text({ "NoExecute" }) } })
  end,
  TopologySpreadConstraint = function()
    return { maxSkew = chance(95) and 1 or 0, topologyKey = text({ "zone", "kubernetes.io/hostname" }),
      whenUnsatisfiable = text({ "DoNotSchedule", "ScheduleAnyway" }), labelSelector = { matchLabels = { app = "druid" } } }
  end,
  Volume = function()
    local one = pick({ function() return { emptyDir = {} } end, function() return { hostPath = { path = "/x" } } end,
      function() return { configMap = { name = "c" } } end, function() return { secret = { secretName = "s" } } end })()
    one.name = name()
    return one
  end,
  VolumeMount = mount,
}

-- Something that no schema knows, in a part that is open.
local function junk(depth)
  if depth > 2 or chance(40) then
    return pick({ 1, 1.5, true, "x", "", 1 << 60 })
  end
  return chance(50) and list({ junk(depth + 1) }) or { newer = junk(depth + 1) }
end

local open = { Affinity = 4, PodSecurityContext = 4, Probe = 2, Service = 3, Volume = 2, IngressSpec = 3 }

-- Values that a rule allows, where there is one.
local function allowed(place)
  local values = {}
  for _, case in ipairs(rules_cases.cases[place] or {}) do
    for _, value in ipairs(case.good) do
      values[#values + 1] = type(value) == "string" and value or nil
    end
  end
  return #values > 0 and values or nil
end

local make_fields

local function make_type(types, field, what, i, place)
  local item = type(what) == "string" and what:match("^%[(.*)%]$")
  if item then
    return some(function(n) return make_type(types, field, item, n, place .. "/*") end, 2)
  end
  if what == "text" then
    return text(known_texts[field] or allowed(place) or anything)
  elseif what == "boolean" then
    return chance(50)
  elseif what == "{text}" then
    return labels()
  elseif what == "int32" or what == "int64" then
    return (numbers[field] or number)()
  elseif what == "number-or-text" then
    return share()
  elseif what == "object" then
    return chance(10) and junk(0) or {}
  elseif makers[what] then
    local made = makers[what](i)
    if open[what] and chance(open[what]) then
      made.newerField = junk(0)
    end
    return made
  end
  local shape = type(what) == "table" and what or types[what]
  return make_fields(types, shape, 50, place)
end

-- What an object needs to be looked at closely; most have it.
local wanted = { ["common.runtime.properties"] = 100, image = 97, nodeType = 100, ["druid.port"] = 100,
  ["runtime.properties"] = 99, nodeConfigMountPath = 100, replicas = 80 }

function make_fields(types, shape, percent, place)
  local made, needed = {}, {}
  for _, name_of in ipairs(shape.required or {}) do
    needed[name_of] = 99
  end
  for _, field in ipairs(shape.fields) do
    if field[1] ~= "nodes" and chance(wanted[field[1]] or needed[field[1]] or percent) then
      made[field[1]] = make_type(types, field[1], field[2], 1, place .. "/" .. field[1])
    end
  end
  return made
end

-- The n-th object of a seed.
function M.druid(description, seed, n)
  math.randomseed(seed, n)
  local percent = pick({ 4, 8, 15, 30 })
  local spec = make_fields(description.types, description.spec, percent, "spec")
  local shape
  for _, field in ipairs(description.spec.fields) do
    shape = field[1] == "nodes" and field[2] or shape
  end
  spec.nodes = {}
  for _ = 1, chance(99) and math.random(1, 3) or 0 do
    local key = text({ "hot", "cold", "brokers", "mm-1", "routers" })
    spec.nodes[key] = make_fields(description.types, shape, percent, "spec/nodes/*")
  end
  if chance(98) then
    spec.volumes = spec.volumes or list({})
    table.insert(spec.volumes, { name = "scratch", emptyDir = {} })
  end
  return { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = string.format("r%d", n), namespace = "default" }, spec = spec }
end

return M
