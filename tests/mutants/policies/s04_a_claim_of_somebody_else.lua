-- module: druid.volumes
-- caught by: scenario destroy: S4:
-- A claim with the labels of a set is the set's, whoever controls it.
local volumes = require "base.druid.volumes"
local origin = volumes.origin
function volumes.origin(cluster, claim)
  if ((claim.metadata.ownerReferences or {})[1] or {}).uid == cluster.uid then
    return origin(cluster, claim)
  end
  claim = json.copy(claim)
  claim.metadata.ownerReferences = nil
  return origin(cluster, claim)
end
return volumes
