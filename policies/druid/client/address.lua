-- Where the processes of a cluster can be reached, and whether a host belongs to the cluster. Pure.
--
-- From: the cluster and its pods. Addresses are made of what the Druid object says (Services, ports,
-- druid.enablePlaintextPort) and of the pods' own addresses. A host that Druid names in an answer only
-- tells which pod or Service is meant: requests, and the credentials in them, never go anywhere else.

local names = require "druid.names"
local properties = require "lib.properties"
local tables = require "lib.tables"

local M = {}

-- Ports with TLS, where druid.tlsPort does not say.
M.tls_ports = { coordinator = 8281, broker = 8282, historical = 8283, indexer = 8283, middleManager = 8291,
  overlord = 8290, router = 9088 }
M.pods_max = 3   -- pods of a group that are asked when its Service does not answer

-- The value of a Druid property for a group: its own, or the cluster's; nil when neither says.
function M.property(cluster, group, name)
  return properties.get(group.node["runtime.properties"], name)
    or properties.get(cluster.spec["common.runtime.properties"], name)
end

-- "http" unless the plain port is turned off, or spec.api.scheme says otherwise.
function M.scheme(cluster, group)
  local said = tables.dig(cluster.spec.api, "scheme")
  if said == "http" or said == "https" then
    return said
  end
  return M.property(cluster, group, "druid.enablePlaintextPort") == "false" and "https" or "http"
end

-- The port the processes of a group listen on, in that scheme.
function M.port(cluster, group)
  if M.scheme(cluster, group) == "http" then
    return group.node["druid.port"]
  end
  local said = math.tointeger(tonumber(M.property(cluster, group, "druid.tlsPort") or ""))
  return said or M.tls_ports[group.type] or group.node["druid.port"]
end

local function templates(cluster, group)
  return group.node.services or cluster.spec.services or {}
end

-- The names of a group's Services, the first one first.
function M.service_names(cluster, group)
  local list = {}
  for i, template in ipairs(templates(cluster, group)) do
    list[i] = names.service(tables.dig(template, "metadata", "name"), group.name)
  end
  return list
end

-- The port of a Service that leads to the process: by its target, by its own number, or the first one. nil when
-- it has only the default port, and the process listens elsewhere.
local function service_port(template, wanted, plain)
  local ports = tables.dig(template, "spec", "ports") or {}
  if #ports == 0 then
    return wanted == plain and wanted or nil
  end
  for _, port in ipairs(ports) do
    if port.targetPort == wanted or wanted == plain and port.targetPort == "druid-port" then
      return port.port
    end
  end
  for _, port in ipairs(ports) do
    if port.targetPort == nil and port.port == wanted then
      return port.port
    end
  end
  return ports[1].port
end

-- The address of a group's first Service: { url =, what = }, or nil when it has none. With TLS by the name that
-- certificates have most often.
function M.of_service(cluster, group)
  local template = templates(cluster, group)[1]
  local name = M.service_names(cluster, group)[1]
  if not template then
    return nil
  end
  local port = service_port(template, M.port(cluster, group), group.node["druid.port"])
  if not port then
    return nil
  end
  local scheme = M.scheme(cluster, group)
  local host = name .. "." .. cluster.namespace .. (scheme == "https" and ".svc" or "")
  return { url = string.format("%s://%s:%d", scheme, host, port), what = "Service " .. name }
end

-- The group that a pod is of, or nil.
function M.group_of(cluster, pod)
  local unique = (pod.metadata.labels or {}).nodeSpecUniqueStr
  for _, group in ipairs(cluster.groups) do
    if group.name == unique then
      return group
    end
  end
  return nil
end

local function ip_host(address)
  return address:find(":", 1, true) and "[" .. address .. "]" or address
end

-- The address of one pod, or nil when it has none yet. A certificate names hosts, so with TLS the pod is
-- called by its name, where it has one.
function M.of_pod(cluster, pod)
  local group = M.group_of(cluster, pod)
  local address = tables.text(tables.dig(pod, "status", "podIP"))
  if not group or not address then
    return nil
  end
  local scheme, service = M.scheme(cluster, group), M.service_names(cluster, group)[1]
  local host = ip_host(address)
  if scheme == "https" and service and group.kind == "StatefulSet" then
    host = pod.metadata.name .. "." .. service .. "." .. cluster.namespace .. ".svc"
  end
  return { url = string.format("%s://%s:%d", scheme, host, M.port(cluster, group)), pod = pod.metadata.name,
    what = "pod " .. pod.metadata.name }
end

local function is_ready(pod)
  for _, condition in ipairs(tables.dig(pod, "status", "conditions") or {}) do
    if condition.type == "Ready" then
      return condition.status == "True"
    end
  end
  return false
end

-- Groups whose processes answer for a role: "coordinator", "overlord" or "query".
function M.groups(cluster, role)
  local by_type = {}
  for _, group in ipairs(cluster.groups) do
    by_type[group.type or ""] = by_type[group.type or ""] or {}
    table.insert(by_type[group.type or ""], group)
  end
  if role == "query" then
    return tables.concat(by_type.router, by_type.broker)
  elseif role == "coordinator" then
    return by_type.coordinator or {}
  end
  local list = tables.concat(by_type.overlord)
  for _, group in ipairs(by_type.coordinator or {}) do
    if not by_type.overlord or M.property(cluster, group, "druid.coordinator.asOverlord.enabled") == "true" then
      list[#list + 1] = group
    end
  end
  return list
end

-- Routers pass calls on to the leader, when they are told to.
local function proxies(cluster)
  local list = {}
  for _, group in ipairs(cluster.groups) do
    if group.type == "router"
      and M.property(cluster, group, "druid.router.managementProxy.enabled") == "true" then
      list[#list + 1] = group
    end
  end
  return list
end

-- Groups that may be asked for a role, best first.
local function groups_for(cluster, role)
  return tables.concat(role ~= "query" and proxies(cluster) or {}, M.groups(cluster, role))
end

-- Where a role may be asked, best first: the Router's Service, then those of the processes themselves. Each is
-- { url =, what = }.
function M.services(cluster, role)
  local list = {}
  for _, group in ipairs(groups_for(cluster, role)) do
    list[#list + 1] = M.of_service(cluster, group)
  end
  return list
end

-- Where else: single pods that are ready.
function M.single(cluster, role, pods)
  local list = {}
  for _, group in ipairs(groups_for(cluster, role)) do
    local count = 0
    for _, pod in ipairs(pods) do
      if count < M.pods_max and is_ready(pod) and pod.metadata.labels.nodeSpecUniqueStr == group.name then
        list[#list + 1] = M.of_pod(cluster, pod)
        count = count + 1
      end
    end
  end
  return list
end

-- The parts of an absolute address: scheme, host, port (text or nil), path with query; nil when it is none.
function M.split(url)
  local scheme, authority, path = url:match("^(https?)://([^/?#]+)([^#]*)")
  if not authority or authority:find("@", 1, true) then
    return nil
  end
  local host, port = authority:match("^%[([%x:%.]+)%]:?(%d*)$")
  if not host then
    host, port = authority:match("^([%w%-%._]+):?(%d*)$")
  end
  if not host then
    return nil
  end
  return { scheme = scheme, host = host:lower(), port = tables.text(port), path = path, origin = scheme .. "://" .. authority }
end

-- Is a host one of the ways to write name, name.ns, name.ns.svc, name.ns.svc.<domain>?
local function is_written(host, name, namespace)
  local long = name .. "." .. namespace
  return host == name or host == long or host == long .. ".svc"
    or host:sub(1, #long + 5) == long .. ".svc."
end

-- The place that a host named by Druid stands for: a pod or a Service of this cluster, at the address that
-- we know it by. nil when it is not of this cluster.
function M.resolve(cluster, host, pods)
  for _, pod in ipairs(pods) do
    local group = M.group_of(cluster, pod)
    local name = pod.metadata.name
    local found = group and (host == name or host == tables.dig(pod, "status", "podIP"))
    for _, service in ipairs(group and M.service_names(cluster, group) or {}) do
      found = found or host == name .. "." .. service
        or is_written(host, name .. "." .. service, cluster.namespace)
    end
    if found then
      return M.of_pod(cluster, pod)
    end
  end
  for _, group in ipairs(cluster.groups) do
    for _, service in ipairs(M.service_names(cluster, group)) do
      if is_written(host, service, cluster.namespace) then
        return M.of_service(cluster, group)
      end
    end
  end
  return nil
end

-- Pods of one process type, in the order of their names.
function M.pods_of(cluster, pods, node_type)
  local list = {}
  for _, pod in ipairs(pods) do
    local group = M.group_of(cluster, pod)
    if group and group.type == node_type then
      list[#list + 1] = pod
    end
  end
  return list
end

return M
