-- Reads a Druid object into a cluster: who it is and which node groups it has. Pure.
--
-- The rest of the policy works on this, never on the object, so that the words in it are few:
-- a cluster has groups; a group has a key, a type (the Druid process), a name (U), a kind of workload.

local names = require "druid.names"
local owner = require "lib.owner"
local tables = require "lib.tables"

local M = {}

-- The Druid processes a group can run. An overlay may add to it.
M.types = {
  historical = true, middleManager = true, indexer = true, broker = true,
  router = true, overlord = true, coordinator = true,
}

-- Groups in the order of their keys. The object is a view (then all below it can only be read) or a table.
function M.cluster(object)
  local spec = object.spec or {}
  local cluster = {
    object = object,
    spec = spec,
    name = object.metadata.name,
    namespace = object.metadata.namespace,
    uid = object.metadata.uid,
    generation = object.metadata.generation or 1,
    owner = owner.reference(object),
    labels = names.cluster_labels(object.metadata.name),
    groups = {},
  }
  for i, key in ipairs(tables.keys(spec.nodes)) do
    local node = spec.nodes[key]
    local unique = names.unique(cluster.name, key)
    cluster.groups[i] = {
      key = key,
      name = unique,
      type = node.nodeType,
      node = node,
      -- Anything but the literal "Deployment" is a StatefulSet.
      kind = node.kind == "Deployment" and "Deployment" or "StatefulSet",
      selector = names.selector(cluster.name, unique, node.nodeType),
      labels = names.group_labels(cluster.name, unique, node.nodeType, spec.podLabels, node.podLabels),
    }
  end
  return cluster
end

-- The metadata of an object of the cluster.
function M.metadata(cluster, name, labels, annotations)
  return {
    name = name,
    namespace = cluster.namespace,
    labels = labels,
    annotations = tables.filled(annotations or {}),
    ownerReferences = { cluster.owner },
  }
end

return M
