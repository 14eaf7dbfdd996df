-- module: druid.volumes
-- caught by: case volumes_test: an ordinal that the autoscaler may ask for again is no orphan
-- The replicas of this minute decide.
local volumes = require "base.druid.volumes"
local orphans = volumes.orphans
function volumes.orphans(cluster, claims, sets, now)
  for _, set in pairs(sets) do
    set.group = set.group and { name = set.group.name, node = { replicas = set.group.node.replicas,
      volumeRetention = set.group.node.volumeRetention } }
  end
  return orphans(cluster, claims, sets, now)
end
return volumes
