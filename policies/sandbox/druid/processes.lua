-- The processes of a cluster, as its pods and their configuration make them. Reads, decides nothing else.
--
-- A process runs from the start of its container until its pod is told to stop. It listens and is
-- announced some time after its start (settings), and un-announced the moment it has to stop.

local properties = require "lib.properties"
local tables = require "lib.tables"

local M = {}

M.PORTS = { coordinator = 8081, overlord = 8090, broker = 8082, router = 8888, historical = 8083,
  middleManager = 8091, indexer = 8091 }
M.TLS_PORTS = { coordinator = 8281, overlord = 8290, broker = 8282, router = 9088, historical = 8283,
  middleManager = 8291, indexer = 8283 }

local function main_container(pod, group)
  for _, container in ipairs(pod.spec.containers) do
    if container.name == group then return container end
  end
  return pod.spec.containers[1]
end

local function started_ms(pod, container)
  for _, status in ipairs(pod.status and pod.status.containerStatuses or {}) do
    local running = status.name == container.name and status.state and status.state.running
    if running and running.startedAt then return clock.parse(running.startedAt) * 1000 end
  end
  return nil
end

local function port_of(container)
  for _, port in ipairs(container.ports or {}) do
    if port.name == "druid-port" then return port.containerPort end
  end
  return nil
end

-- The claims that a pod is on, by their uids; "" for one that keeps nothing.
local function volumes_of(door, pod)
  local uids = {}
  for _, volume in ipairs(pod.spec.volumes or {}) do
    local claim = volume.persistentVolumeClaim and door.get{ apiVersion = "v1", kind = "PersistentVolumeClaim",
      namespace = pod.metadata.namespace, name = volume.persistentVolumeClaim.claimName }
    if claim then uids[#uids + 1] = claim.metadata.uid end
  end
  return table.concat(uids, " ")
end

local function wants_ip(container)
  for _, variable in ipairs(container.env or {}) do
    if variable.name == "DRUID_SET_HOST_IP" then return variable.value == "1" end
  end
  return false
end

-- druid.host: since 33 the name that Kubernetes gives, where that can be resolved by others.
local function host_of(door, pod, container, version, settings)
  local ip = pod.status and pod.status.podIP
  local subdomain = pod.spec.subdomain
  local major = tonumber(version:match("^(%d+)"))
  local named = settings.host == "name"
    or settings.host == "auto" and (not major or major >= 33) and not wants_ip(container)
  if not named or not subdomain then return ip end
  local service = door.get{ apiVersion = "v1", kind = "Service", namespace = pod.metadata.namespace, name = subdomain }
  if not service or service.spec.clusterIP ~= "None" then return ip end
  return (pod.spec.hostname or pod.metadata.name) .. "." .. subdomain .. "." .. pod.metadata.namespace
    .. ".svc.cluster.local"
end

M.TEXTS_MAX = 1024
local read, read_count = {}, 0 -- text of a file = what was looked up in it so far

local function lookup(text, key)
  if not read[text] then
    if read_count >= M.TEXTS_MAX then read, read_count = {}, 0 end
    read[text], read_count = {}, read_count + 1
  end
  local known = read[text]
  if known[key] == nil then known[key] = properties.get(text, key) or false end
  return known[key] or nil
end

local function config_text(door, namespace, name, key)
  local map = door.get{ apiVersion = "v1", kind = "ConfigMap", namespace = namespace, name = name }
  return map and map.data and map.data[key] or ""
end

-- The process of a pod, or nil when that is none.
function M.of(door, pod, settings)
  local labels = pod.metadata.labels or {}
  local kind, group = labels.component, labels.nodeSpecUniqueStr
  if not kind or not group or not M.PORTS[kind] then return nil end
  local namespace = pod.metadata.namespace
  local container = main_container(pod, group)
  local common = config_text(door, namespace, labels.druid_cr .. "-druid-common-config", "common.runtime.properties")
  local own = config_text(door, namespace, group .. "-config", "runtime.properties")
  local function property(key) return lookup(own, key) or lookup(common, key) end
  local version = settings.version ~= "" and settings.version or (container.image or ""):match(":([^:/@]+)") or "0"
  local started = started_ms(pod, container)
  local running = started ~= nil and pod.status.phase == "Running" and pod.metadata.deletionTimestamp == nil
  local process = {
    pod = pod.metadata.name, uid = pod.metadata.uid, type = kind, group = group, version = version,
    started_ms = started or 0, running = running, stopping = started ~= nil and pod.metadata.deletionTimestamp ~= nil,
    host = host_of(door, pod, container, version, settings), ip = pod.status and pod.status.podIP,
    plain = property("druid.enablePlaintextPort") ~= "false", tls = property("druid.enableTlsPort") == "true",
    port = port_of(container) or M.PORTS[kind],
    tls_port = math.tointeger(tonumber(property("druid.tlsPort"))) or M.TLS_PORTS[kind],
    volumes = volumes_of(door, pod), property = property, tier = property("druid.server.tier"),
    max_size = math.tointeger(tonumber(property("druid.server.maxSize"))),
    service = property("druid.service") or "druid/" .. kind,
    merged = kind == "coordinator" and property("druid.coordinator.asOverlord.enabled") == "true",
  }
  process.name = (process.host or process.pod) .. ":" .. (process.plain and process.port or process.tls_port)
  process.url = (process.plain and "http" or "https") .. "://" .. process.name
  return process
end

-- How long a Historical that finds segments in its cache reads them before it listens.
local function cache_ms(process, state)
  local record = state.historicals[process.pod]
  local warm = record and record.volumes == process.volumes and record.volumes ~= "" and #record.segments > 0
  return process.type == "historical" and warm and math.floor(state.settings.cache * 1000) or 0
end

local KINDS = { "Pod", "ConfigMap", "Service", "PersistentVolumeClaim" }
M.CLUSTERS_MAX = 64
local known, known_count = {}, 0   -- "namespace/cluster" = { settings =, texts = and lines = by kind, pods = by name }

-- The versions of what processes are made of, by kind and name, and which of the kinds have changed.
local function note_versions(door, namespace, memory)
  local changed = {}
  for _, kind in ipairs(KINDS) do
    local text = door.versions{ apiVersion = "v1", kind = kind, namespace = namespace }
    if memory.texts[kind] ~= text then
      local lines = {}
      for name, version in text:gmatch("(%S+) ([^\n]+)") do lines[name] = version end
      memory.texts[kind], memory.lines[kind], changed[kind] = text, lines, true
    end
  end
  return changed
end

-- What a process was made of, as text: its pod and its configuration.
local function origin(memory, cluster, name, group)
  local configs = memory.lines.ConfigMap
  return memory.lines.Pod[name] .. " " .. tostring(group and configs[group .. "-config"]) .. " "
    .. tostring(configs[cluster .. "-druid-common-config"])
end

-- The processes of a cluster as its pods were when last seen; only pods that have changed are read again.
local function remembered(door, namespace, cluster, settings)
  local key = namespace .. "/" .. cluster
  local memory = known[key]
  if not memory or memory.settings ~= settings then
    if known_count >= M.CLUSTERS_MAX then known, known_count = {}, 0 end
    known_count = known_count + 1
    memory = { settings = settings, texts = {}, lines = {}, pods = {}, names = {} }
    known[key] = memory
  end
  local changed, list, pods = note_versions(door, namespace, memory), {}, {}
  if changed.Service or changed.PersistentVolumeClaim then memory.pods = {} end
  if changed.Pod then memory.names = tables.keys(memory.lines.Pod) end
  for _, name in ipairs(memory.names) do
    local one = memory.pods[name]
    if not one or one.origin ~= origin(memory, cluster, name, one.group) then
      local pod = door.get{ apiVersion = "v1", kind = "Pod", namespace = namespace, name = name }
      local mine = pod and (pod.metadata.labels or {}).druid_cr == cluster
      local process = mine and M.of(door, pod, settings) or nil
      one = { process = process, group = process and process.group }
      one.origin = origin(memory, cluster, name, one.group)
    end
    pods[name] = one
    list[#list + 1] = one.process
  end
  memory.pods = pods
  return list
end

-- All of them, by the names of their pods, read anew where versions cannot be had.
local function read_all(door, namespace, cluster, settings)
  if door.versions then return remembered(door, namespace, cluster, settings) end
  local list = {}
  for _, pod in ipairs(door.list{ apiVersion = "v1", kind = "Pod", namespace = namespace,
    labels = "druid_cr=" .. cluster }) do
    list[#list + 1] = M.of(door, pod, settings)
  end
  return list
end

-- All processes of a cluster, by the names of their pods.
function M.all(door, namespace, name, state, now_ms)
  local settings = state.settings
  local list = read_all(door, namespace, name, settings)
  for _, process in ipairs(list) do
    local start_ms = process.started_ms + cache_ms(process, state)
    process.listens_ms = start_ms + math.floor(settings.http * 1000)
    process.announced_ms = start_ms + math.floor(settings.announce * 1000)
    process.listens = process.running and now_ms >= process.listens_ms
    process.announced = process.running and now_ms >= process.announced_ms
  end
  return list
end

-- Does it listen there, in that scheme? "cut" for plain text on a port that speaks TLS and the reverse.
function M.listens_on(process, scheme, port)
  if not process.listens then return false end
  if process.plain and port == process.port then return scheme == "http" and true or "cut" end
  if process.tls and port == process.tls_port then return scheme == "https" and true or "cut" end
  return false
end

local function leads(process, role)
  return process.type == role or (role == "overlord" and process.merged)
end

local function is_older(process, other)
  return not other or process.announced_ms < other.announced_ms
    or process.announced_ms == other.announced_ms and process.pod < other.pod
end

-- The announced process of a role that has been there longest; nil when there is none, also while the
-- former one is still going.
function M.leader(list, role)
  local leader, before
  for _, process in ipairs(list) do
    if leads(process, role) then
      if process.announced and is_older(process, leader) then leader = process end
      if process.stopping and is_older(process, before) then before = process end
    end
  end
  if leader and before and is_older(before, leader) then return nil end
  return leader
end

-- Those of a type (or types), announced, by pod.
function M.announced(list, ...)
  local found = {}
  for _, kind in ipairs{ ... } do
    for _, process in ipairs(list) do
      if process.type == kind and process.announced then found[#found + 1] = process end
    end
  end
  return found
end

return M
