-- Renders what a group has besides pods: disruption budget, Ingress, autoscaler, claims. Pure.
--
-- From: podDisruptionBudgetSpec, ingress + ingressAnnotations, hpAutoscaler and persistentVolumeClaim
-- of the group, taken as they are. None of them is made unless it is asked for.

local groups = require "druid.groups"
local quantity = require "lib.quantity"
local tables = require "lib.tables"
local volumes = require "druid.volumes"

local M = {}

local function budget(cluster, group)
  local spec = tables.shallow(group.node.podDisruptionBudgetSpec)
  spec.selector = { matchLabels = group.selector }
  return {
    apiVersion = "policy/v1",
    kind = "PodDisruptionBudget",
    metadata = groups.metadata(cluster, group.name, group.labels),
    spec = spec,
  }
end

local function ingress(cluster, group)
  return {
    apiVersion = "networking.k8s.io/v1",
    kind = "Ingress",
    metadata = groups.metadata(cluster, group.name, cluster.labels, group.node.ingressAnnotations),
    spec = group.node.ingress,
  }
end

-- The workload that an autoscaler of the group sets the size of: its own, unless it says another.
function M.scale_target(group)
  return group.node.hpAutoscaler.scaleTargetRef
    or { apiVersion = "apps/v1", kind = group.kind, name = group.name }
end

-- Where the metrics of an autoscaler hold quantities.
local metric_sizes = { { "*", "*", "target", "value" }, { "*", "*", "target", "averageValue" } }

local function autoscaler(cluster, group)
  local spec = tables.shallow(group.node.hpAutoscaler)
  spec.scaleTargetRef = M.scale_target(group)
  spec.metrics = spec.metrics and quantity.with_texts(spec.metrics, metric_sizes)
  return {
    apiVersion = "autoscaling/v2",
    kind = "HorizontalPodAutoscaler",
    metadata = groups.metadata(cluster, group.name, cluster.labels),
    spec = spec,
  }
end

function M.objects(cluster, group)
  local node, all = group.node, {}
  if node.podDisruptionBudgetSpec then
    all[#all + 1] = budget(cluster, group)
  end
  if tables.filled(node.ingress or {}) then
    all[#all + 1] = ingress(cluster, group)
  end
  if node.hpAutoscaler then
    all[#all + 1] = autoscaler(cluster, group)
  end
  return all
end

local claim_sizes = { { "resources", "requests", "*" }, { "resources", "limits", "*" } }

-- The spec of a claim or of a claim template.
function M.claim_spec(claim)
  return claim.spec and quantity.with_texts(claim.spec, claim_sizes)
end

-- Claims that stand for themselves. Where volumes must survive the cluster they have no owner, so
-- that Kubernetes does not collect them with it.
function M.claim_name(group, claim)
  return tables.text(tables.dig(claim, "metadata", "name")) or group.name
end

function M.claims(cluster, group)
  local all = {}
  for i, claim in ipairs(group.node.persistentVolumeClaim or {}) do
    local template = claim.metadata or {}
    local metadata = groups.metadata(cluster, M.claim_name(group, claim),
      tables.merge(template.labels, group.labels), template.annotations)
    if volumes.retention(cluster, group).deleted == "Retain" then
      metadata.ownerReferences = nil
    end
    all[i] = { apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = metadata, spec = M.claim_spec(claim) }
  end
  return all
end

return M
