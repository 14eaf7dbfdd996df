-- Renders a whole cluster: every object it should have, as if it were new. Pure.
--
-- The parts are in druid/render/. To add an object to each group, wrap `group`.

local config = require "druid.render.config"
local config_sha = require "druid.render.config_sha"
local extras = require "druid.render.extras"
local service = require "druid.render.service"
local tables = require "lib.tables"
local workload = require "druid.render.workload"

local M = {}

-- What one group consists of, except its workload, which needs to know what is live.
function M.group(cluster, group)
  return {
    group = group,
    config = config.node(cluster, group),
    services = service.services(cluster, group),
    extras = extras.objects(cluster, group),
    claims = extras.claims(cluster, group),
  }
end

-- { common = ConfigMap, groups = { … in the order of cluster.groups } }
function M.cluster(cluster, extra_config)
  local wanted = { common = config.common(cluster, extra_config), groups = {} }
  for i, group in ipairs(cluster.groups) do
    wanted.groups[i] = M.group(cluster, group)
  end
  return wanted
end

-- The value of configMapSHA that a new pod of this group gets: "<common>-<node>".
function M.config_sha(wanted, part)
  wanted.common_sha = wanted.common_sha or config_sha.one(wanted.common)   -- may be a megabyte: once
  return wanted.common_sha .. "-" .. config_sha.one(part.config)
end

function M.workload(cluster, part, sha)
  local first = part.services[1]
  return workload.workload(cluster, part.group, sha, first and first.metadata.name)
end

-- Everything as one list, in the order in which it is created.
function M.objects(cluster, extra_config)
  local wanted = M.cluster(cluster, extra_config)
  local all = { wanted.common }
  for _, part in ipairs(wanted.groups) do
    all[#all + 1] = part.config
    tables.append(all, part.services)
    tables.append(all, part.claims)
    tables.append(all, part.extras)
    all[#all + 1] = M.workload(cluster, part, M.config_sha(wanted, part))
  end
  return all
end

return M
