-- Renders the Services of a node group. Pure.
--
-- From: the list spec.nodes.<key>.services, or the cluster's list when the group has none of its own
-- ([] means none at all). A template is a whole Service; its name may hold one %s for the group's name.

local groups = require "druid.groups"
local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

-- Processes that others call by their own host names, which they announce before Kubernetes calls them Ready.
-- A name that cannot be resolved then is a pod that is not asked for a while (a caller's cache keeps "no such
-- host", too), so the headless Service that gives these names publishes them from the start.
M.called_by_name = { historical = true, middleManager = true, indexer = true, broker = true, overlord = true,
  coordinator = true }

local function publishes_names(group, spec, index)
  return index == 1 and group.kind == "StatefulSet" and spec.clusterIP == "None" and M.called_by_name[group.type or ""]
    and spec.publishNotReadyAddresses == nil
end

function M.templates(cluster, group)
  return group.node.services or cluster.spec.services or {}
end

local function ports(template, druid_port)
  local list = template.ports
  if not list or #list == 0 then
    list = { { name = "service-port", port = druid_port, targetPort = druid_port } }
  end
  local all = {}
  for i, port in ipairs(list) do
    all[i] = tables.merge({ protocol = "TCP" }, port) -- the protocol is part of the merge key
  end
  return all
end

-- index: which of the group's Services it is; the first gives a StatefulSet's pods their names.
function M.name(group, template)
  return names.service(tables.dig(template, "metadata", "name"), group.name)
end

function M.service(cluster, group, template, index)
  local metadata = template.metadata or {}
  local spec = tables.shallow(template.spec or {})
  spec.selector = tables.merge(spec.selector, group.selector)
  spec.ports = ports(spec, group.node["druid.port"])
  if publishes_names(group, spec, index) then
    spec.publishNotReadyAddresses = true
  end
  return {
    apiVersion = "v1",
    kind = "Service",
    metadata = groups.metadata(cluster, M.name(group, template),
      tables.merge(metadata.labels, group.labels), metadata.annotations),
    spec = spec,
  }
end

function M.services(cluster, group)
  local all = {}
  for i, template in ipairs(M.templates(cluster, group)) do
    all[i] = M.service(cluster, group, template, i)
  end
  return all
end

return M
