-- What the operator before us would write for the workloads of a cluster, and the digest by which it knows
-- them again (the annotation druidOpResourceHash). Pure.
--
-- While the annotation on a workload is that digest, the former operator, started again, leaves the workload
-- alone: going back restarts nothing. Where its own work depends on the order in which it happens to visit the
-- groups, or would fail, there is no digest.

local adopt = require "druid.adopt"
local groups = require "druid.groups"
local names = require "druid.names"
local print = require "druid.former.print"
local probes = require "druid.render.probes"
local render = require "druid.render"
local tables = require "lib.tables"

local M = {}

M.order = { "historical", "overlord", "middleManager", "indexer", "broker", "coordinator", "router" }
M.mount_path = "/druid/conf/druid/_common"

local function own(spec, node, field)
  local value = node[field]
  if value == nil then
    value = spec[field]
  end
  return value
end

-- A probe of the cluster that leaves its port out gets the port of the first group that uses it, for all groups.
-- Gives the probe, or nil; and false when Kubernetes would refuse it.
local function probe(cluster, group, field, purpose, shared)
  local value = group.node[field]
  local from_cluster = value == nil
  if from_cluster then
    value = cluster.spec[field]
  end
  if value == nil then
    return cluster.spec.defaultProbes ~= false and probes.default(group.type, purpose, group.node["druid.port"]) or nil, true
  elseif next(value) == nil then
    return nil, false
  end
  local get = value.httpGet
  if get and (get.port == nil or get.port == 0 or get.port == "") then
    local port = group.node["druid.port"]
    if from_cluster then
      shared.used = true
      shared.ports[field] = shared.ports[field] or port
      port = shared.ports[field]
    end
    value = tables.shallow(value)
    value.httpGet = tables.shallow(get)
    value.httpGet.port = port
  end
  return value, true
end

local function additional(container)
  local made = tables.shallow(container)
  made.name = container.containerName
  return made
end

local function pod(cluster, group, sha, shared)
  local spec, node, allowed = cluster.spec, group.node, true
  local function made_probe(field, purpose)
    local value, fine = probe(cluster, group, field, purpose, shared)
    allowed = allowed and fine
    return value
  end
  local main = {
    name = group.name, image = tables.text(node.image, spec.image),
    command = { tables.text(spec.startScript) or "bin/run-druid.sh", group.type },
    ports = tables.concat(node.ports, { { name = "druid-port", containerPort = node["druid.port"] } }),
    env = tables.concat(own(spec, node, "env"), { { name = "configMapSHA", value = sha } }),
    envFrom = own(spec, node, "envFrom"), resources = node.resources,
    volumeMounts = tables.concat(tables.concat({
      { name = "common-config-volume", readOnly = true,
        mountPath = tables.text(spec.commonConfigMountPath) or M.mount_path },
      { name = "nodetype-config-volume", readOnly = true,
        mountPath = tables.text(node.nodeConfigMountPath) or "/druid/conf/druid/" .. group.type },
    }, spec.volumeMounts), node.volumeMounts),
    livenessProbe = made_probe("livenessProbe", "liveness"),
    readinessProbe = made_probe("readinessProbe", "readiness"),
    startupProbe = made_probe("startUpProbe", "startup"),
    lifecycle = node.lifecycle, imagePullPolicy = tables.text(node.imagePullPolicy, spec.imagePullPolicy),
    securityContext = own(spec, node, "containerSecurityContext"),
  }
  local containers, init = { main }, {}
  for _, container in ipairs(tables.concat(spec.additionalContainer, node.additionalContainer)) do
    local list = container.runAsInit and init or containers
    list[#list + 1] = additional(container)
  end
  return {
    volumes = tables.concat(tables.concat({
      { name = "common-config-volume", configMap = { name = names.common_config(cluster.name) } },
      { name = "nodetype-config-volume", configMap = { name = names.node_config(group.name) } },
    }, spec.volumes), node.volumes),
    initContainers = init, containers = containers,
    terminationGracePeriodSeconds = node.terminationGracePeriodSeconds,
    dnsPolicy = tables.text(node.dnsPolicy, spec.dnsPolicy), dnsConfig = own(spec, node, "dnsConfig"),
    nodeSelector = own(spec, node, "nodeSelector"), securityContext = own(spec, node, "securityContext"),
    serviceAccountName = tables.text(node.serviceAccountName, spec.serviceAccount),
    imagePullSecrets = own(spec, node, "imagePullSecrets"), affinity = own(spec, node, "affinity") or {},
    tolerations = tables.concat(spec.tolerations, node.tolerations),
    priorityClassName = tables.text(node.priorityClassName, spec.priorityClassName),
    topologySpreadConstraints = node.topologySpreadConstraints,
  }, allowed
end

-- Limits of a Deployment: both or neither; one alone ends the former operator.
local function strategy(node)
  if (node.maxSurge == nil) ~= (node.maxUnavailable == nil) then
    return nil
  end
  return { type = "RollingUpdate", rollingUpdate = { maxSurge = node.maxSurge, maxUnavailable = node.maxUnavailable } }
end

-- The workload of a group as the former operator makes it, or nil and why it could not. shared: what one group
-- leaves for those after it.
function M.workload(cluster, part, sha, shared)
  local group, spec, node = part.group, cluster.spec, part.group.node
  local template, allowed = pod(cluster, group, sha, shared)
  if not allowed then
    return nil, "it knows no way to say that there is no probe"
  end
  local annotations = spec.workloadAnnotations and shared.annotations or {}
  for key, value in pairs(node.workloadAnnotations or {}) do
    annotations[key] = value
  end
  local workload = {
    apiVersion = "apps/v1", kind = group.kind,
    metadata = groups.metadata(cluster, group.name, group.labels, annotations),
    spec = {
      replicas = node.replicas or 0,
      selector = { matchLabels = group.labels },
      template = { metadata = { labels = group.labels, annotations = own(spec, node, "podAnnotations") }, spec = template },
    },
  }
  if group.kind == "Deployment" then
    workload.spec.strategy = strategy(node)
    if not workload.spec.strategy then
      return nil, "it needs maxSurge and maxUnavailable both, or neither"
    end
    return workload
  end
  local first = part.services[1]
  workload.spec.serviceName = first and first.metadata.name or ""
  workload.spec.podManagementPolicy = tables.text(node.podManagementPolicy, spec.podManagementPolicy) or "Parallel"
  workload.spec.updateStrategy = node.updateStrategy or spec.updateStrategy or {}
  workload.spec.volumeClaimTemplates = tables.concat(spec.volumeClaimTemplates, node.volumeClaimTemplates)
  return workload
end

-- Parts in the order in which the former operator visits them, and whether that order is the only one.
local function visit(wanted)
  local rank, taken, only = {}, {}, true
  for i, name in ipairs(M.order) do
    rank[name] = i
  end
  local sorted = {}
  for i, part in ipairs(wanted.groups) do
    sorted[i] = part
    only = only and not taken[part.group.type]
    taken[part.group.type] = true
  end
  table.sort(sorted, function(a, b) return (rank[a.group.type] or 99) < (rank[b.group.type] or 99) end)
  return sorted, only
end

-- The digest for each group by the name of its workload; and for a group without one, why.
function M.digests(cluster, wanted)
  local sorted, only = visit(wanted)
  local shared = { ports = {}, annotations = tables.merge(cluster.spec.workloadAnnotations) }
  local digests, whys = {}, {}
  for _, part in ipairs(sorted) do
    local made, why = M.workload(cluster, part, render.config_sha(wanted, part), shared)
    local text = made and print.object(part.group.kind, made)
    local one = text and digest.sha1_base64(text)
    if cluster.spec.workloadAnnotations then
      shared.annotations[adopt.mark] = one
    end
    digests[part.group.name] = one
    whys[part.group.name] = not one and (why or "it has a quantity of an unusual form") or nil
  end
  if not only and (shared.used or cluster.spec.workloadAnnotations) then
    digests = {}
    for _, part in ipairs(sorted) do
      whys[part.group.name] = shared.used
        and "a probe of spec without a port gets the port of the group that it happens to visit first"
        or "spec.workloadAnnotations collect those of the groups, in the order in which it happens to visit them"
    end
  end
  return digests, whys
end

-- Groups that the former operator, started again, may restart: a list of texts.
function M.going_back(cluster)
  local wanted, list = render.cluster(cluster), {}
  local _, whys = M.digests(cluster, wanted)
  for _, group in ipairs(cluster.groups) do
    if whys[group.name] then
      list[#list + 1] = string.format("%s %s/%s: %s", group.kind, cluster.namespace, group.name, whys[group.name])
    end
  end
  return list
end

return M
