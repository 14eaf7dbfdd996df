-- Renders the pod template of a node group. Pure.
--
-- From: the cluster's fields and the group's own. For most fields the group's value replaces the
-- cluster's as a whole; volumes, mounts, tolerations and additional containers are added up. To
-- change what every pod gets, wrap `template`.

local names = require "druid.names"
local probes = require "druid.render.probes"
local quantity = require "lib.quantity"
local tables = require "lib.tables"

local M = {}

M.mount_path = "/opt/druid/conf/druid/cluster/_common"
M.start_script = "/druid.sh"

-- The group's value when it is set at all (an empty one counts), else the cluster's.
local function own(cluster, group, field)
  local value = group.node[field]
  if value == nil then
    value = cluster.spec[field]
  end
  return value
end

-- Server-side apply merges these lists by name or by port and protocol, and each may come once. A group
-- that lists its druid.port itself keeps its own entry; of two equal variables the last one wins, as in a
-- container.

-- The ports of a group's Druid container.
function M.ports(group)
  local all, druid_port = {}, group.node["druid.port"]
  local listed = false
  for i, port in ipairs(group.node.ports or {}) do
    all[i] = tables.merge({ protocol = "TCP" }, port)
    listed = listed or port.containerPort == druid_port and all[i].protocol == "TCP"
  end
  if not listed then
    all[#all + 1] = { name = "druid-port", containerPort = druid_port, protocol = "TCP" }
  end
  return all
end

local divisors = { { "*", "valueFrom", "resourceFieldRef", "divisor" } }

local function environment(list, extra)
  local all, last = quantity.with_texts(tables.concat(list, extra), divisors), {}
  for i, variable in ipairs(all) do
    last[variable.name] = i
  end
  local unique = {}
  for i, variable in ipairs(all) do
    if last[variable.name] == i then
      unique[#unique + 1] = variable
    end
  end
  return unique
end

local function unique_secrets(list)
  local seen, unique = {}, {}
  for _, secret in ipairs(list or {}) do
    if not seen[secret.name or ""] then
      unique[#unique + 1] = secret
    end
    seen[secret.name or ""] = true
  end
  return unique
end

-- Where the two parts of the configuration are mounted: the common one and the group's own.
function M.config_paths(cluster, group)
  return tables.text(cluster.spec.commonConfigMountPath) or M.mount_path,
    tables.text(group.node.nodeConfigMountPath) or "/druid/conf/druid/" .. tostring(group.type)
end

local function mounts(cluster, group)
  local common, own_path = M.config_paths(cluster, group)
  local all = {
    { name = "common-config-volume", readOnly = true, mountPath = common },
    { name = "nodetype-config-volume", readOnly = true, mountPath = own_path },
  }
  return tables.concat(tables.concat(all, cluster.spec.volumeMounts), group.node.volumeMounts)
end

-- Where volumes hold quantities.
local volume_sizes = {
  { "*", "emptyDir", "sizeLimit" },
  { "*", "ephemeral", "volumeClaimTemplate", "spec", "resources", "requests", "*" },
  { "*", "ephemeral", "volumeClaimTemplate", "spec", "resources", "limits", "*" },
}

local function volumes(cluster, group)
  local all = {
    { name = "common-config-volume", configMap = { name = names.common_config(cluster.name) } },
    { name = "nodetype-config-volume", configMap = { name = names.node_config(group.name) } },
  }
  return quantity.with_texts(tables.concat(tables.concat(all, cluster.spec.volumes), group.node.volumes), volume_sizes)
end

-- spec.startScript left out means the image's script; "" means Druid's own launcher.
local function start_script(spec)
  if spec.startScript == "" then
    return "bin/run-druid.sh"
  end
  return spec.startScript or M.start_script
end

function M.main_container(cluster, group, sha)
  local spec, node = cluster.spec, group.node
  return {
    name = group.name,
    image = tables.text(node.image, spec.image),
    imagePullPolicy = tables.text(node.imagePullPolicy, spec.imagePullPolicy),
    command = { start_script(spec), group.type },
    ports = M.ports(group),
    env = environment(own(cluster, group, "env"), { { name = "configMapSHA", value = sha } }),
    envFrom = tables.filled(own(cluster, group, "envFrom") or {}),
    resources = tables.filled(quantity.resources(node.resources) or {}),
    volumeMounts = mounts(cluster, group),
    livenessProbe = probes.probe(cluster, group, "liveness"),
    readinessProbe = probes.probe(cluster, group, "readiness"),
    startupProbe = probes.probe(cluster, group, "startup"),
    lifecycle = node.lifecycle,
    securityContext = own(cluster, group, "containerSecurityContext"),
  }
end

local function additional(container)
  return {
    name = container.containerName,
    image = container.image,
    imagePullPolicy = tables.text(container.imagePullPolicy),
    command = tables.filled(container.command or {}),
    args = tables.filled(container.args or {}),
    env = tables.filled(environment(container.env)),
    envFrom = tables.filled(container.envFrom or {}),
    resources = tables.filled(quantity.resources(container.resources) or {}),
    volumeMounts = tables.filled(container.volumeMounts or {}),
    securityContext = container.securityContext,
  }
end

-- sha: the value of configMapSHA.
function M.template(cluster, group, sha)
  local spec, node = cluster.spec, group.node
  local containers, init = { M.main_container(cluster, group, sha) }, {}
  for _, container in ipairs(tables.concat(spec.additionalContainer, node.additionalContainer)) do
    local list = container.runAsInit and init or containers
    list[#list + 1] = additional(container)
  end
  return {
    metadata = {
      labels = group.labels,
      annotations = tables.filled(own(cluster, group, "podAnnotations") or {}),
    },
    spec = {
      containers = containers,
      initContainers = tables.filled(init),
      volumes = volumes(cluster, group),
      nodeSelector = tables.filled(own(cluster, group, "nodeSelector") or {}),
      tolerations = tables.filled(tables.concat(spec.tolerations, node.tolerations)),
      -- Also an empty one: the former operator writes it, and to a StatefulSet it is another template without.
      affinity = own(cluster, group, "affinity") or json.object({}),
      topologySpreadConstraints = tables.filled(node.topologySpreadConstraints or {}),
      imagePullSecrets = tables.filled(unique_secrets(own(cluster, group, "imagePullSecrets"))),
      terminationGracePeriodSeconds = node.terminationGracePeriodSeconds,
      securityContext = own(cluster, group, "securityContext"),
      serviceAccountName = tables.text(node.serviceAccountName, spec.serviceAccount),
      priorityClassName = tables.text(node.priorityClassName, spec.priorityClassName),
      dnsPolicy = tables.text(node.dnsPolicy, spec.dnsPolicy),
      dnsConfig = own(cluster, group, "dnsConfig"),
    },
  }
end

return M
