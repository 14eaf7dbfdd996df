-- module: druid.volumes
-- The finalizer takes all claims that bear the cluster's name.
local volumes = require "base.druid.volumes"
function volumes.of_cluster(cluster, claims)
  local all = {}
  for _, claim in ipairs(claims) do
    if (claim.metadata.labels or {}).druid_cr == cluster.name then
      all[#all + 1] = claim
    end
  end
  return all
end
return volumes
