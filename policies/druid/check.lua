-- Judges a Druid object before anything is made of it. Pure.
--
-- From the object alone: a list of { field =, message =, remedy = }, empty when it can be deployed.
-- What the API server would refuse later, in the middle of a run, is refused here, with the field
-- named and nothing touched. To add a rule, append a function to `cluster_rules` or `group_rules`.

local config = require "druid.render.config"
local extras = require "druid.render.extras"
local groups = require "druid.groups"
local metadata = require "lib.metadata"
local names = require "lib.names"
local names_of = require "druid.names"
local pod = require "druid.render.pod"
local problems_of = require "lib.problems"
local quantity = require "lib.quantity"
local rules = require "druid.rules"
local service = require "druid.render.service"
local tables = require "lib.tables"

local M = {}

-- Rules get a function add(field, message, remedy); fields are written from the object's top.

local function has_nodes(cluster, add)
  if cluster.spec.nodes == nil then
    add("spec.nodes", "is missing", "add a node group, for example: brokers: { nodeType: broker, ... }")
  end
end

local function has_common_properties(cluster, add)
  if not cluster.spec["common.runtime.properties"] then
    add("spec.common.runtime.properties", "is missing", "give Druid's common.runtime.properties as text")
  end
end

local function has_short_name(cluster, add)
  if not names.is_dns_label(cluster.name) then
    add("metadata.name", "\"" .. tostring(cluster.name) .. "\" cannot be part of pod names and labels",
      "use at most 63 lower-case letters, digits and dashes")
  end
end

local function has_readable_dependencies(cluster, add)
  for _, field in ipairs(config.dependencies) do
    local block = cluster.spec[field]
    if block and block.type == "default" and not config.dependency_text(block) then
      add("spec." .. field .. ".spec", "has no text named properties", "write spec: { properties: \"...\" }")
    end
  end
end

local function has_named_extra_config(cluster, add)
  for i, reference in ipairs(cluster.spec.extraCommonConfig or {}) do
    if not tables.text(reference.name) then
      add(string.format("spec.extraCommonConfig[%d].name", i - 1), "is missing", "name the ConfigMap")
    end
  end
end

local function has_right_values(cluster, add)
  rules.judge(cluster.spec, add)
end

M.cluster_rules = {
  has_nodes, has_common_properties, has_short_name, has_right_values, has_readable_dependencies,
  has_named_extra_config,
}

local function group_name(_, group, at, add)
  local max = group.kind == "StatefulSet" and names.statefulset_max or names.label_max
  if not names.is_dns_label(group.key) then
    add(at, "the key \"" .. group.key .. "\" cannot be part of a name",
      "use lower-case letters, digits and dashes")
  elseif #group.name > max then
    add(at, string.format("makes the %s name %s, %d characters long; %d is the most", group.kind,
      group.name, #group.name, max),
      string.format("shorten metadata.name or the key by %d", #group.name - max))
  end
end

local function node_type(_, group, at, add)
  if group.type == nil then
    add(at .. ".nodeType", "is missing", "use one of " .. names.list(tables.keys(groups.types), 20))
  end
end

local function image(cluster, group, at, add)
  if not tables.text(group.node.image, cluster.spec.image) then
    add(at .. ".image", "is missing, and spec.image too", "set spec.image, for example apache/druid:34.0.0")
  end
end

local function port(_, group, at, add)
  if group.node["druid.port"] == nil then
    add(at .. ".druid.port", "is missing", "use the port the process listens on, 1 to 65535")
  end
end

local function texts(_, group, at, add)
  if not group.node["runtime.properties"] then
    add(at .. ".runtime.properties", "is missing", "give the process's runtime.properties as text")
  end
  if group.node.nodeConfigMountPath == nil then
    add(at .. ".nodeConfigMountPath", "is missing",
      "give the directory the image reads it from, such as /opt/druid/conf/druid/cluster/query/broker")
  end
end

local function is_port_name(text)
  return #text <= 15 and text:find("^[a-z0-9-]+$") ~= nil and text:find("[a-z]") ~= nil
    and not text:find("^%-") and not text:find("%-$") and not text:find("--", 1, true)
end

-- A name and a number with its protocol may come once among ports.
local function check_ports(list, at, field, add)
  local by_name, by_number = {}, {}
  for i, entry in ipairs(list) do
    local value, name = entry[field], tables.text(entry.name)
    local number = tostring(value) .. "/" .. (entry.protocol or "TCP")
    if math.type(value) ~= "integer" or value < 1 or value > 65535 then
      add(string.format("%s[%d].%s", at, i - 1, field), value == nil and "is missing" or tostring(value) .. " is no port",
        "use a number from 1 to 65535")
    elseif by_number[number] then
      add(at, "uses port " .. number .. " twice", "remove one of them")
    elseif name and by_name[name] then
      add(at, "uses the port name \"" .. name .. "\" twice", "rename one of them")
    end
    by_number[number] = true
    by_name[name or number] = true
  end
end

local function container_ports(_, group, at, add)
  check_ports(pod.ports(group), at .. ".ports", "containerPort", add)
  for i, entry in ipairs(group.node.ports or {}) do
    if tables.text(entry.name) and not is_port_name(entry.name) then
      add(string.format("%s.ports[%d].name", at, i - 1), "\"" .. entry.name .. "\" is no name for a port",
        "use at most 15 lower-case letters, digits and dashes")
    end
  end
end

local function quantities(values, at, add)
  for _, name in ipairs(tables.keys(values or {})) do
    local value, why = quantity.parse(values[name])
    if not value then
      add(at .. "." .. name, why, "use a number with a unit, such as 500m, 2Gi or 4")
    elseif value < 0 then
      add(at .. "." .. name, "is negative", "use 0 or more")
    end
  end
end

local function resources(block, at, add)
  local limits, requests = (block or {}).limits, (block or {}).requests
  quantities(limits, at .. ".limits", add)
  quantities(requests, at .. ".requests", add)
  for _, name in ipairs(tables.keys(requests or {})) do
    if limits and quantity.less(limits[name], requests[name]) then
      add(at .. ".requests." .. name, string.format("%s is more than the limit of %s",
        tostring(requests[name]), tostring(limits[name])), "raise the limit or lower the request")
    end
  end
end

local access_modes = { ReadWriteOnce = true, ReadOnlyMany = true, ReadWriteMany = true, ReadWriteOncePod = true }

-- of_pods: they are volumes of pods by the same name, and have to be labels for that.
local function claims(list, at, add, of_pods)
  local seen = {}
  for i, claim in ipairs(list or {}) do
    local here = at .. "[" .. (i - 1) .. "]"
    local storage = tables.dig(claim, "spec", "resources", "requests", "storage")
    if storage == nil then
      add(here .. ".spec.resources.requests.storage", "is missing", "say how much, such as 10Gi")
    elseif quantity.equal(storage, 0) then
      add(here .. ".spec.resources.requests.storage", "is nothing", "say how much, such as 10Gi")
    end
    resources(tables.dig(claim, "spec", "resources"), here .. ".spec.resources", add)
    metadata.labels(tables.dig(claim, "metadata", "labels"), here .. ".metadata.labels", add)
    metadata.annotations(tables.dig(claim, "metadata", "annotations"), here .. ".metadata.annotations", add)
    local name = tables.dig(claim, "metadata", "name") or ""
    if of_pods and name == "" then
      add(here .. ".metadata.name", "is missing", "name the claim, for example: data")
    elseif of_pods and not names.is_dns_label(name) then
      add(here .. ".metadata.name", "\"" .. name .. "\" is no name for a volume",
        "use lower-case letters, digits and dashes")
    elseif seen[name] then
      add(here .. ".metadata.name", "\"" .. name .. "\" comes twice", "rename one of them")
    end
    local modes = tables.dig(claim, "spec", "accessModes")
    modes = type(modes) == "table" and modes or {}
    if #modes == 0 then
      add(here .. ".spec.accessModes", "is missing", "say who mounts it, usually [ReadWriteOnce]")
    end
    for m, mode in ipairs(modes) do
      if not access_modes[mode] then
        add(string.format("%s.spec.accessModes[%d]", here, m - 1), "\"" .. tostring(mode) .. "\" is no access mode",
          "use " .. names.list(tables.keys(access_modes)))
      end
    end
    seen[name] = true
  end
end

local function sizes(cluster, group, at, add)
  resources(group.node.resources, at .. ".resources", add)
  claims(tables.concat(cluster.spec.volumeClaimTemplates, group.node.volumeClaimTemplates),
    at .. ".volumeClaimTemplates", add, true)
  claims(group.node.persistentVolumeClaim, at .. ".persistentVolumeClaim", add)
end

-- Every variable needs a name: the list is merged by it.
local function variables(list, at, add)
  for i, variable in ipairs(list or {}) do
    if not tables.text(variable.name) then
      add(string.format("%s.env[%d].name", at, i - 1), "is missing", "name the variable or remove it")
    end
  end
end

local function environment(cluster, group, at, add)
  if group.node.env ~= nil then
    variables(group.node.env, at, add)
  else
    variables(cluster.spec.env, "spec", add)
  end
end

-- The volumes that a group's containers can mount.
local function known_volumes(cluster, group, at, add)
  local known = { ["common-config-volume"] = true, ["nodetype-config-volume"] = true }
  for i, volume in ipairs(tables.concat(cluster.spec.volumes, group.node.volumes)) do
    local name, here = volume.name or "", string.format("%s.volumes[%d].name", at, i - 1)
    if known[name] then
      add(here, "\"" .. name .. "\" comes twice", "rename one of them")
    elseif not names.is_dns_label(name) then
      add(here, "\"" .. name .. "\" is no name for a volume", "use lower-case letters, digits and dashes")
    end
    known[name] = true
  end
  if group.kind == "StatefulSet" then
    for _, claim in ipairs(tables.concat(cluster.spec.volumeClaimTemplates,
                                         group.node.volumeClaimTemplates)) do
      known[tables.dig(claim, "metadata", "name") or ""] = true
    end
  end
  return known
end

-- mounted: paths that are taken already.
local function mounts(list, group, known, mounted, at, add)
  for i, mount in ipairs(list or {}) do
    local here = string.format("%s.volumeMounts[%d]", at, i - 1)
    local path = mount.mountPath
    if not tables.text(mount.name) then
      add(here .. ".name", "is missing", "name the volume that is mounted")
    elseif not known[mount.name] then
      add(here .. ".name", "\"" .. tostring(mount.name) .. "\" is no volume of this group",
        group.kind == "Deployment" and "add it to volumes (a Deployment has no volumeClaimTemplates)"
          or "add it to volumes or volumeClaimTemplates")
    end
    if not tables.text(path) then
      add(here .. ".mountPath", "is missing", "say where the container sees the volume")
    elseif mounted[path] then
      add(here .. ".mountPath", path .. " is mounted twice", "remove one of them")
    end
    mounted[path or ""] = true
  end
end

local function containers(cluster, group, at, add)
  local seen = { [group.name] = true }
  local known = known_volumes(cluster, group, at, add)
  local common, own = pod.config_paths(cluster, group)
  mounts(tables.concat(cluster.spec.volumeMounts, group.node.volumeMounts), group, known,
    { [common] = true, [own] = true }, at, add)
  if common == own then
    add(at .. ".nodeConfigMountPath", own .. " is spec.commonConfigMountPath, too", "use another directory")
  end
  for i, container in ipairs(tables.concat(cluster.spec.additionalContainer,
                                           group.node.additionalContainer)) do
    local here = string.format("%s.additionalContainer[%d]", at, i - 1)
    local name = container.containerName
    if name == nil then
      add(here .. ".containerName", "is missing", "use lower-case letters, digits and dashes")
    elseif seen[name] then
      add(here .. ".containerName", "\"" .. tostring(name) .. "\" comes twice", "rename one of them")
    end
    if container.image == nil then
      add(here .. ".image", "is missing", "name the container's image")
    end
    resources(container.resources, here .. ".resources", add)
    variables(container.env, here, add)
    mounts(container.volumeMounts, group, known, {}, here, add)
    seen[name or ""] = true
  end
end

local function services(cluster, group, at, add)
  for i, template in ipairs(group.node.services or cluster.spec.services or {}) do
    local where = group.node.services and at or "spec"
    local here = string.format("%s.services[%d]", where, i - 1)
    check_ports(tables.dig(template, "spec", "ports") or {}, here .. ".spec.ports", "port", add)
    metadata.labels(tables.dig(template, "metadata", "labels"), here .. ".metadata.labels", add)
    metadata.annotations(tables.dig(template, "metadata", "annotations"), here .. ".metadata.annotations", add)
    metadata.labels(tables.dig(template, "spec", "selector"), here .. ".spec.selector", add)
    local kind = tables.text(tables.dig(template, "spec", "type")) or "ClusterIP"
    if kind ~= "ClusterIP" and tables.dig(template, "spec", "clusterIP") == "None" then
      add(here .. ".spec.clusterIP", "is None, which a " .. kind .. " Service cannot have",
        "leave it out, or make two Services")
    end
  end
end

local function spread(_, group, at, add)
  local seen = {}
  for i, constraint in ipairs(group.node.topologySpreadConstraints or {}) do
    local here = string.format("%s.topologySpreadConstraints[%d]", at, i - 1)
    local key = tostring(constraint.topologyKey) .. " " .. tostring(constraint.whenUnsatisfiable)
    if seen[key] then
      add(here, "is for " .. key .. ", and so is another one", "remove one of them")
    end
    if math.type(constraint.maxSkew) ~= "integer" or constraint.maxSkew < 1 then
      add(here .. ".maxSkew", tostring(constraint.maxSkew) .. " is no difference that can be kept", "use 1 or more")
    end
    seen[key] = true
  end
end

-- A number of pods, or a share of them.
local function limits(_, group, at, add)
  local node, budget = group.node, group.node.podDisruptionBudgetSpec or {}
  for field, value in pairs({ maxSurge = node.maxSurge or 0, maxUnavailable = node.maxUnavailable or 0,
    ["podDisruptionBudgetSpec.minAvailable"] = budget.minAvailable or 0,
    ["podDisruptionBudgetSpec.maxUnavailable"] = budget.maxUnavailable or 0 }) do
    local share = type(value) == "string" and tonumber(value:match("^(%d%d?%d?)%%$"))
    if not share and (math.type(value) ~= "integer" or value < 0) then
      add(at .. "." .. field, "\"" .. tostring(value) .. "\" is no number of pods", "use one such as 1 or 25%")
    end
  end
end

-- What a probe may say besides how it asks.
local probe_details = {
  initialDelaySeconds = true, timeoutSeconds = true, periodSeconds = true, successThreshold = true,
  failureThreshold = true, terminationGracePeriodSeconds = true,
}

local function probes(cluster, group, at, add)
  for _, field in ipairs({ "livenessProbe", "readinessProbe", "startUpProbe" }) do
    local here = group.node[field] and at or "spec"
    local probe = group.node[field] or cluster.spec[field] or {}
    local asks = next(probe) == nil
    for key in pairs(probe) do
      asks = asks or not probe_details[key]
    end
    if not asks then
      add(here .. "." .. field, "does not say how to ask",
        "add httpGet, exec, tcpSocket or grpc, or write {} for no probe")
    end
  end
end

local function group_metadata(cluster, group, at, add)
  local node = group.node
  metadata.labels(node.podLabels, at .. ".podLabels", add)
  metadata.labels(node.nodeSelector, at .. ".nodeSelector", add)
  metadata.annotations(node.podAnnotations, at .. ".podAnnotations", add)
  metadata.annotations(node.workloadAnnotations, at .. ".workloadAnnotations", add)
  metadata.annotations(node.ingressAnnotations, at .. ".ingressAnnotations", add)
  if group == cluster.groups[1] then   -- once is enough
    metadata.labels(cluster.spec.podLabels, "spec.podLabels", add)
    metadata.labels(cluster.spec.nodeSelector, "spec.nodeSelector", add)
    metadata.annotations(cluster.spec.podAnnotations, "spec.podAnnotations", add)
    metadata.annotations(cluster.spec.workloadAnnotations, "spec.workloadAnnotations", add)
  end
end

M.group_rules = {
  group_name, node_type, image, port, texts, container_ports, sizes, environment, containers,
  spread, limits, probes, services, group_metadata,
}

-- Two parts of the object must not make the same Kubernetes object.
local function same_names(cluster, add)
  local seen = {}
  local function take(kind, name, where)
    local key = kind .. " " .. name
    if seen[key] then
      add(where, "makes the " .. key .. ", and so does " .. seen[key], "rename one of them")
    elseif kind == "Service" and not names.is_dns_label(name) then
      add(where, "makes the Service name " .. names.cut(name, 80)
        .. ", which Kubernetes does not allow", "use at most 63 lower-case letters, digits and dashes")
    elseif not names.is_subdomain(name) then
      add(where, string.format("makes the %s name %s, which Kubernetes does not allow", kind, names.cut(name, 80)),
        "use at most 253 lower-case letters, digits, dashes and dots")
    end
    seen[key] = where
  end
  for _, group in ipairs(cluster.groups) do
    local at = "spec.nodes." .. group.key
    for _, template in ipairs(service.templates(cluster, group)) do
      take("Service", service.name(group, template), at .. ".services")
    end
    for _, claim in ipairs(group.node.persistentVolumeClaim or {}) do
      take("PersistentVolumeClaim", extras.claim_name(group, claim), at .. ".persistentVolumeClaim")
    end
  end
end

M.config_bytes_max = 1 << 20   -- of the values of a ConfigMap; a server takes no more

local function bytes(data)
  local sum = 0
  for _, key in ipairs(tables.keys(data)) do
    sum = sum + #data[key]
  end
  return sum
end

local function config_fits(cluster, add)
  local function judge(field, name, data)
    local size = bytes(data)
    if size > M.config_bytes_max then
      add(field, string.format("makes the ConfigMap %s with %d bytes; %d are the most", name, size, M.config_bytes_max),
        "shorten the texts that go into it")
    end
  end
  judge("spec.common.runtime.properties", names_of.common_config(cluster.name), config.common_data(cluster, {}))
  for _, group in ipairs(cluster.groups) do
    judge("spec.nodes." .. group.key, names_of.node_config(group.name), config.node_data(cluster, group))
  end
end

-- object: a Druid object as a plain table.
function M.problems(object)
  local problems, add = problems_of.list()
  if not problems_of.is_whole(object, add) then
    return problems
  end
  local cluster = groups.cluster(object)
  for _, rule in ipairs(M.cluster_rules) do
    rule(cluster, add)
  end
  for _, group in ipairs(cluster.groups) do
    for _, rule in ipairs(M.group_rules) do
      rule(cluster, group, "spec.nodes." .. group.key, add)
    end
  end
  -- Rendering needs an object that is sound so far.
  if #problems == 0 then
    same_names(cluster, add)
    config_fits(cluster, add)
  end
  return problems
end

return M
