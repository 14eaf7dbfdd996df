-- Renders the Services of a node group. Pure.
--
-- From: the list spec.nodes.<key>.services, or the cluster's list when the group has none of its own
-- ([] means none at all). A template is a whole Service; its name may hold one %s for the group's name.

local groups = require "druid.groups"
local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

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

function M.service(cluster, group, template)
  local metadata = template.metadata or {}
  local spec = tables.shallow(template.spec or {})
  spec.selector = tables.merge(spec.selector, group.selector)
  spec.ports = ports(spec, group.node["druid.port"])
  return {
    apiVersion = "v1",
    kind = "Service",
    metadata = groups.metadata(cluster, names.service(metadata.name, group.name),
      tables.merge(metadata.labels, group.labels), metadata.annotations),
    spec = spec,
  }
end

function M.services(cluster, group)
  local all = {}
  for i, template in ipairs(M.templates(cluster, group)) do
    all[i] = M.service(cluster, group, template)
  end
  return all
end

return M
