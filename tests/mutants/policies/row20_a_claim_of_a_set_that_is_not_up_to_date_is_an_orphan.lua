-- module: druid.volumes
-- caught by: case volumes_test: nothing is deleted when the set is gone, parked, or not up to date
-- What a set does not have pods for just now is an orphan.
local volumes = require "base.druid.volumes"
local orphans = volumes.orphans
function volumes.orphans(cluster, claims, sets, now)
  for _, set in pairs(sets) do
    if set.live then
      set.live = json.copy(set.live)
      set.live.status = { observedGeneration = set.live.metadata.generation, replicas = set.live.spec.replicas }
    end
  end
  return orphans(cluster, claims, sets, now)
end
return volumes
