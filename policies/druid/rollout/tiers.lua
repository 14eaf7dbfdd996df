-- Says which Historicals hold the same data: those of one tier, whatever group they are in.
--
-- A tier may be split over several groups, say one in each zone. What one of them lacks may be on the others alone, so
-- nothing of any of them goes while the tier is not complete. A group that comes up for the first time holds nothing
-- yet, and is not waited for. To override: `name`, where the tier is said anywhere but in druid.server.tier.

local address = require "druid.client.address"
local pods = require "druid.pods"
local tables = require "lib.tables"
local world = require "druid.world"

local M = {}

M.default = "_default_tier"

function M.name(cluster, group)
  return address.property(cluster, group, "druid.server.tier") or M.default
end

-- The tier of an entry: { name =, rows = pods of all its groups, wanted = how many there should be, others = set of the
-- names of other tiers }; nil for what is no Historical.
function M.look(kube_door, cluster, entries, entry)
  if entry.type ~= "historical" then
    return nil
  end
  local tier = { name = M.name(cluster, entry.group), rows = {}, wanted = 0, others = {} }
  for _, one in ipairs(entries) do
    local name = one.type == "historical" and M.name(cluster, one.group) or tier.name
    if name ~= tier.name then
      tier.others[name] = true
    elseif one.type == "historical" and one.state.exists and not one.coming_up then
      tier.wanted = tier.wanted + one.state.total
      for _, pod in ipairs(world.pods(kube_door, cluster, one.group, world.workload(kube_door, cluster, one.group))) do
        if tables.dig(pod, "status", "phase") ~= "Failed" then
          tier.rows[#tier.rows + 1] = pods.row(pod)
        end
      end
    end
  end
  return tier
end

return M
