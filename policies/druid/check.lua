-- Judges a Druid object before anything is made of it. Pure.
--
-- From the object alone: a list of { field =, message =, remedy = }, empty when it can be deployed.
-- What the API server would refuse later, in the middle of a run, is refused here, with the field
-- named and nothing touched. To add a rule, append a function to `cluster_rules` or `group_rules`.

local groups = require "druid.groups"
local names = require "lib.names"
local pod = require "druid.render.pod"
local quantity = require "lib.quantity"
local render = require "druid.render"
local tables = require "lib.tables"

local M = {}

local dependency_fields = { "zookeeper", "metadataStore", "deepStorage" }

local function known_types()
  return names.list(tables.keys(groups.types), 20)
end

-- Rules get a function add(field, message, remedy); fields are written from the object's top.

local function has_nodes(cluster, add)
  if #cluster.groups == 0 then
    add("spec.nodes", "has no node group", "add one, for example: brokers: { nodeType: broker, ... }")
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

local function has_known_dependencies(cluster, add)
  for _, field in ipairs(dependency_fields) do
    local block = cluster.spec[field]
    if block and block.type ~= "default" then
      add("spec." .. field .. ".type", "\"" .. tostring(block.type) .. "\" is not known",
        "use default, with spec.properties holding the lines for common.runtime.properties")
    end
  end
end

M.cluster_rules = { has_nodes, has_common_properties, has_short_name, has_known_dependencies }

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
    add(at .. ".nodeType", "is missing", "use one of " .. known_types())
  elseif not groups.types[group.type] then
    add(at .. ".nodeType", "\"" .. tostring(group.type) .. "\" is no Druid process",
      "use one of " .. known_types())
  end
end

local function image(cluster, group, at, add)
  if not tables.text(group.node.image, cluster.spec.image) then
    add(at .. ".image", "is missing, and spec.image too", "set spec.image, for example apache/druid:34.0.0")
  end
end

local function port(_, group, at, add)
  local value = group.node["druid.port"]
  if math.type(value) ~= "integer" or value < 1 or value > 65535 then
    add(at .. ".druid.port", value == nil and "is missing" or tostring(value) .. " is no port",
      "use the port the process listens on, 1 to 65535")
  end
end

local function replicas(_, group, at, add)
  local value = group.node.replicas
  if value ~= nil and (math.type(value) ~= "integer" or value < 0) then
    add(at .. ".replicas", tostring(value) .. " is no number of pods", "use 0 or more")
  end
end

local function texts(_, group, at, add)
  if not group.node["runtime.properties"] then
    add(at .. ".runtime.properties", "is missing", "give the process's runtime.properties as text")
  end
  if not tables.text(group.node.nodeConfigMountPath) then
    add(at .. ".nodeConfigMountPath", "is missing",
      "give the directory the image reads it from, such as /opt/druid/conf/druid/cluster/query/broker")
  end
end

-- A name and a number with its protocol may come once among the ports of a container.
local function unique_ports(list, at, field, add)
  local by_name, by_number = {}, {}
  for _, entry in ipairs(list) do
    local number = tostring(entry[field]) .. "/" .. (entry.protocol or "TCP")
    if by_number[number] then
      add(at, "uses port " .. number .. " twice", "remove one of them")
    elseif entry.name and by_name[entry.name] then
      add(at, "uses the port name \"" .. entry.name .. "\" twice", "rename one of them")
    end
    by_number[number] = true
    by_name[entry.name or number] = true
  end
end

local function container_ports(_, group, at, add)
  local druid = { name = "druid-port", containerPort = group.node["druid.port"] }
  unique_ports(tables.concat({ druid }, group.node.ports), at .. ".ports", "containerPort", add)
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

-- of_pods: they are volumes of pods by the same name, and have to be labels for that.
local function claims(list, at, add, of_pods)
  local seen = {}
  for i, claim in ipairs(list or {}) do
    local here = at .. "[" .. (i - 1) .. "]"
    local storage = tables.dig(claim, "spec", "resources", "requests", "storage")
    if storage == nil then
      add(here .. ".spec.resources.requests.storage", "is missing", "say how much, such as 10Gi")
    end
    resources(tables.dig(claim, "spec", "resources"), here .. ".spec.resources", add)
    local name = tables.dig(claim, "metadata", "name") or ""
    if of_pods and name == "" then
      add(here .. ".metadata.name", "is missing", "name the claim, for example: data")
    elseif of_pods and not names.is_dns_label(name) then
      add(here .. ".metadata.name", "\"" .. name .. "\" is no name for a volume",
        "use lower-case letters, digits and dashes")
    elseif seen[name] then
      add(here .. ".metadata.name", "\"" .. name .. "\" comes twice", "rename one of them")
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

local function containers(cluster, group, at, add)
  local seen = { [group.name] = true }
  for i, container in ipairs(tables.concat(cluster.spec.additionalContainer,
                                           group.node.additionalContainer)) do
    local here = string.format("%s.additionalContainer[%d]", at, i - 1)
    local name = container.containerName
    if not names.is_dns_label(name) then
      add(here .. ".containerName", "\"" .. tostring(name) .. "\" is no name for a container",
        "use lower-case letters, digits and dashes")
    elseif seen[name] then
      add(here .. ".containerName", "\"" .. name .. "\" comes twice", "rename one of them")
    end
    if not tables.text(container.image) then
      add(here .. ".image", "is missing", "name the container's image")
    end
    resources(container.resources, here .. ".resources", add)
    variables(container.env, here, add)
    seen[name or ""] = true
  end
end

local function volumes(cluster, group, at, add)
  local known = { ["common-config-volume"] = true, ["nodetype-config-volume"] = true }
  local mounted = {
    [tables.text(cluster.spec.commonConfigMountPath) or pod.mount_path] = true,
    [tables.text(group.node.nodeConfigMountPath) or ""] = true,
  }
  for i, volume in ipairs(tables.concat(cluster.spec.volumes, group.node.volumes)) do
    if known[volume.name or ""] then
      add(string.format("%s.volumes[%d].name", at, i - 1), "\"" .. volume.name .. "\" comes twice",
        "rename one of them")
    end
    known[volume.name or ""] = true
  end
  if group.kind == "StatefulSet" then
    for _, claim in ipairs(tables.concat(cluster.spec.volumeClaimTemplates,
                                         group.node.volumeClaimTemplates)) do
      known[tables.dig(claim, "metadata", "name") or ""] = true
    end
  end
  for i, mount in ipairs(tables.concat(cluster.spec.volumeMounts, group.node.volumeMounts)) do
    local here = string.format("%s.volumeMounts[%d]", at, i - 1)
    if not known[mount.name or ""] then
      add(here .. ".name", "\"" .. tostring(mount.name) .. "\" is no volume of this group",
        group.kind == "Deployment" and "add it to volumes (a Deployment has no volumeClaimTemplates)"
          or "add it to volumes or volumeClaimTemplates")
    end
    if mounted[mount.mountPath or ""] then
      add(here .. ".mountPath", tostring(mount.mountPath) .. " is mounted twice", "remove one of them")
    end
    mounted[mount.mountPath or ""] = true
  end
end

local function services(cluster, group, at, add)
  for i, template in ipairs(group.node.services or cluster.spec.services or {}) do
    local where = group.node.services and at or "spec"
    local here = string.format("%s.services[%d]", where, i - 1)
    unique_ports(tables.dig(template, "spec", "ports") or {}, here .. ".spec.ports", "port", add)
  end
end

M.group_rules = {
  group_name, node_type, image, port, replicas, texts, container_ports, sizes, environment, containers,
  volumes, services,
}

-- Two parts of the object must not make the same Kubernetes object.
local function same_names(cluster, add)
  local seen = {}
  local function take(object, where)
    local key = object.kind .. " " .. object.metadata.name
    if seen[key] then
      add(where, "makes the " .. key .. ", and so does " .. seen[key], "rename one of them")
    elseif object.kind == "Service" and not names.is_dns_label(object.metadata.name) then
      add(where, "makes the Service name " .. names.cut(object.metadata.name, 80)
        .. ", which Kubernetes does not allow", "use at most 63 lower-case letters, digits and dashes")
    end
    seen[key] = where
  end
  for _, group in ipairs(cluster.groups) do
    local part = render.group(cluster, group)
    local at = "spec.nodes." .. group.key
    for _, service in ipairs(part.services) do
      take(service, at .. ".services")
    end
    for _, claim in ipairs(part.claims) do
      take(claim, at .. ".persistentVolumeClaim")
    end
  end
end

-- object: a Druid object as a plain table.
function M.problems(object)
  local problems = {}
  local function add(field, message, remedy)
    problems[#problems + 1] = { field = field, message = message, remedy = remedy }
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
  end
  return problems
end

-- One problem as a sentence.
function M.sentence(problem)
  return problem.field .. " " .. problem.message .. "; " .. problem.remedy
end

return M
