-- Looks at what is there: the objects of one cluster, as the caches have them.
--
-- Nothing is decided here. Objects of a cluster are those whose controller is the Druid object (by
-- uid); pods are found through their StatefulSet, or by label where a Deployment stands in between.

local condition = require "lib.condition"
local extras = require "druid.render.extras"
local names = require "druid.names"
local selector = require "lib.selector"
local tables = require "lib.tables"

local M = {}

-- What is kept of pods.
M.pod_fields = { "metadata.labels", "status.phase", "status.reason", "status.conditions", "status.podIP",
  "status.startTime", "status.initContainerStatuses", "status.containerStatuses" }

-- What a cluster is made of, in the order in which a removed group is taken down.
M.kinds = {
  { apiVersion = "apps/v1", kind = "StatefulSet", list = "statefulSets", workload = true },
  { apiVersion = "apps/v1", kind = "Deployment", list = "deployments", workload = true },
  { apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler", list = "hpAutoscalers" },
  { apiVersion = "networking.k8s.io/v1", kind = "Ingress", list = "ingress" },
  { apiVersion = "policy/v1", kind = "PodDisruptionBudget", list = "podDisruptionBudgets" },
  { apiVersion = "v1", kind = "Service", list = "services" },
  { apiVersion = "v1", kind = "ConfigMap", list = "configMaps" },
}

function M.owned(kube, cluster)
  local owned = {}
  for _, kind in ipairs(M.kinds) do
    owned[kind.kind] = kube.list({ apiVersion = kind.apiVersion, kind = kind.kind,
      namespace = cluster.namespace, owner = cluster.uid })
  end
  return owned
end

local function get(kube, cluster, api_version, kind, name)
  return kube.get({ apiVersion = api_version, kind = kind, namespace = cluster.namespace, name = name })
end

-- The live workload of a group (a view), or nil.
function M.workload(kube, cluster, group)
  return get(kube, cluster, "apps/v1", group.kind, group.name)
end

function M.config(kube, cluster, name)
  return get(kube, cluster, "v1", "ConfigMap", name)
end

function M.service(kube, cluster, name)
  return get(kube, cluster, "v1", "Service", name)
end

function M.budget(kube, cluster, name)
  return get(kube, cluster, "policy/v1", "PodDisruptionBudget", name)
end

function M.claim(kube, cluster, name)
  local live = get(kube, cluster, "v1", "PersistentVolumeClaim", name)
  return live and json.copy(live) or nil
end

-- Pods of a group.
function M.pods(kube, cluster, group, live)
  local filter = { apiVersion = "v1", kind = "Pod", namespace = cluster.namespace }
  if group.kind == "StatefulSet" then
    if not live then
      return {}
    end
    filter.owner = live.metadata.uid
  else
    -- A live selector may be another one than a new workload would get.
    filter.labels = selector.text(tables.dig(live, "spec", "selector", "matchLabels") or group.selector)
  end
  return kube.list(filter)
end

-- What selectors see of the pods of a group: { labels =, ready = } of each that stays. Without a workload: of all that
-- bear the group's name.
function M.pod_labels(kube, cluster, group, live)
  local rows = {}
  local pods = live and M.pods(kube, cluster, group, live) or kube.list({ apiVersion = "v1", kind = "Pod",
    namespace = cluster.namespace, labels = selector.text(tables.merge(cluster.labels, { nodeSpecUniqueStr = group.name })) })
  for _, pod in ipairs(pods) do
    local ready = condition.is_true((pod.status or {}).conditions, "Ready")
    if not pod.metadata.deletionTimestamp then
      rows[#rows + 1] = { labels = pod.metadata.labels, ready = ready }
    end
  end
  return rows
end

-- Workloads that an autoscaler sets the size of, whoever made it, with the most that it may ask for:
-- "StatefulSet/druid-demo-brokers" = 5.
function M.autoscaled(kube, cluster)
  local set = {}
  local function take(target, most)
    local key = tostring(target.kind) .. "/" .. tostring(target.name)
    set[key] = math.max(set[key] or 0, math.tointeger(most) or 0)
  end
  for _, scaler in ipairs(kube.list({ apiVersion = "autoscaling/v2", kind = "HorizontalPodAutoscaler",
                                      namespace = cluster.namespace })) do
    local target = scaler.spec.scaleTargetRef
    if target then
      take(target, scaler.spec.maxReplicas)
    end
  end
  for _, group in ipairs(cluster.groups) do
    if group.node.hpAutoscaler then
      take(extras.scale_target(group), group.node.hpAutoscaler.maxReplicas)
    end
  end
  return set
end

-- Pods, claims and others of the whole cluster, for taking it down.
function M.labelled(kube, cluster, kind, api_version)
  return kube.list({ apiVersion = api_version or "v1", kind = kind, namespace = cluster.namespace,
    labels = selector.text(names.cluster_labels(cluster.name)) })
end

-- The ConfigMaps of spec.extraCommonConfig, in its order.
function M.extra_config_names(cluster)
  local list = {}
  for i, reference in ipairs(cluster.spec.extraCommonConfig or {}) do
    list[i] = { apiVersion = "v1", kind = "ConfigMap", name = reference.name,
      namespace = tables.text(reference.namespace) or cluster.namespace }
  end
  return list
end

-- Files of spec.extraCommonConfig, read live: they may be in any namespace and are not cached.
-- Gives a list of data maps, or nil and an error that names the missing one.
function M.extra_config(kube, cluster)
  local all = {}
  for i, wanted in ipairs(M.extra_config_names(cluster)) do
    local config, err = kube.read(wanted)
    if not config then
      return nil, { code = err.code, field = "spec.extraCommonConfig[" .. (i - 1) .. "]",
        message = string.format("ConfigMap %s/%s cannot be read: %s", wanted.namespace, tostring(wanted.name),
          err.message) }
    end
    all[i] = config.data and json.copy(config.data) or {}
  end
  return all
end

return M
