-- What the objects of a cluster are called and labelled. Pure.
--
-- Names, labels and annotations are those that Druid clusters on Kubernetes have had for years, so
-- that a running cluster is taken over without a restart. Change one and its object is made anew.

local tables = require "lib.tables"

local M = {}

M.finalizer = "deletepvc.finalizers.druid.apache.org"
M.ignored = "druid.apache.org/ignored"       -- annotation on a Druid: "true" pauses it
-- Annotations on workloads: what we rendered last, to tell our changes from other people's.
M.template_hash = "nemeton.dev/template"
M.config_hash = "nemeton.dev/config"
-- On a workload that the operator before us made: "fields" while its pod template is as that one wrote it,
-- "template" when ours would differ and is written with the next change only.
M.former = "nemeton.dev/former"
M.applied = "nemeton.dev/applied"            -- on all that was applied: the runtime's
M.adopt = "nemeton.dev/adopt"                -- annotation on a Druid: "now" takes over without looking whether
                                             -- the former operator is gone
-- On a StatefulSet whose pods the operator replaces one by one: what it remembers of them, as JSON. While
-- it is there the set is held in OnDelete.
M.step = "nemeton.dev/step"
-- On a StatefulSet that the Druid object leaves to its user: while it is there and the Druid object does so no more, the
-- strategy is ours to take back.
M.by_hand = "nemeton.dev/by-hand"
M.leaving = "nemeton.dev/leaving"            -- on a StatefulSet that gets smaller: what Druid was asked for it
M.left_out = "nemeton.dev/left-out"          -- in what `nemeton render` prints alone: what it could not know
M.rollout = "nemeton.dev/rollout"            -- annotation on a Druid: "pause" or "abort"

-- U: the name of a group's workload, container, budget, ingress and autoscaler.
function M.unique(cluster, key)
  return "druid-" .. cluster .. "-" .. key
end

function M.common_config(cluster)
  return cluster .. "-druid-common-config"
end

function M.node_config(unique)
  return unique .. "-config"
end

-- Labels of what belongs to the cluster as a whole.
function M.cluster_labels(cluster)
  return { app = "druid", druid_cr = cluster }
end

-- What selects the pods of one group. Pod labels stay out: a selector can never be changed.
function M.selector(cluster, unique, node_type)
  return { app = "druid", druid_cr = cluster, nodeSpecUniqueStr = unique, component = node_type }
end

-- Labels of everything that belongs to one group, its pods included.
function M.group_labels(cluster, unique, node_type, cluster_pod_labels, node_pod_labels)
  return tables.merge(cluster_pod_labels, node_pod_labels, M.selector(cluster, unique, node_type))
end

-- A Service's name: a template with one %s for U, or U itself.
function M.service(template, unique)
  if template == nil or template == "" then
    return unique
  end
  local at = template:find("%s", 1, true)
  if not at then
    return template
  end
  return template:sub(1, at - 1) .. unique .. template:sub(at + 2)
end

-- A claim made from a template of a StatefulSet: "<template>-<set>-<ordinal>". Gives template and
-- ordinal, or nil when the claim is not one of that set's.
function M.claim_parts(claim, unique)
  local template, ordinal = claim:match("^(.+)%-(%d+)$")
  local tail = "-" .. unique
  if not template or template:sub(-#tail) ~= tail or #template == #tail then
    return nil
  end
  return template:sub(1, -#tail - 1), math.tointeger(tonumber(ordinal))
end

return M
