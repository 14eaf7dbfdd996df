-- Renders the StatefulSet or Deployment of a node group, as a new one would be. Pure.
--
-- From: the group's fields; the pod template comes from druid.render.pod. What must stay as it is on
-- a live workload is put back later, by druid.adopt.

local extras = require "druid.render.extras"
local groups = require "druid.groups"
local names = require "druid.names"
local pod = require "druid.render.pod"
local tables = require "lib.tables"

local M = {}

local function deployment_strategy(node)
  local limits = { maxSurge = node.maxSurge, maxUnavailable = node.maxUnavailable }
  return { type = "RollingUpdate", rollingUpdate = tables.filled(limits) }
end

-- A claim template has a name and labels; everything else of its metadata is the server's.
local function claim_templates(cluster, group)
  local all = {}
  for i, claim in ipairs(tables.concat(cluster.spec.volumeClaimTemplates,
                                       group.node.volumeClaimTemplates)) do
    local metadata = claim.metadata or {}
    all[i] = {
      metadata = {
        name = metadata.name,
        labels = tables.filled(metadata.labels or {}),
        annotations = tables.filled(metadata.annotations or {}),
      },
      spec = extras.claim_spec(claim),
    }
  end
  return tables.filled(all)
end

-- sha: value of configMapSHA; service_name: the group's first Service, or nil.
function M.workload(cluster, group, sha, service_name)
  local spec, node = cluster.spec, group.node
  local annotations = tables.merge(spec.workloadAnnotations, node.workloadAnnotations)
  local workload = {
    apiVersion = "apps/v1",
    kind = group.kind,
    metadata = groups.metadata(cluster, group.name, group.labels, annotations),
    spec = {
      replicas = node.replicas,
      selector = { matchLabels = names.selector(cluster.name, group.name, group.type) },
      template = pod.template(cluster, group, sha),
    },
  }
  if group.kind == "Deployment" then
    workload.spec.strategy = deployment_strategy(node)
  else
    local strategy = node.updateStrategy or spec.updateStrategy
    workload.spec.serviceName = service_name or ""
    workload.spec.podManagementPolicy =
      tables.text(node.podManagementPolicy, spec.podManagementPolicy) or "Parallel"
    workload.spec.updateStrategy = tables.filled(strategy or {})
    workload.spec.volumeClaimTemplates = claim_templates(cluster, group)
  end
  return workload
end

return M
