-- module: druid.volumes
-- caught by: case volumes_test: claims of other clusters are never ours
-- Whatever bears the cluster's name is the cluster's.
local volumes = require "base.druid.volumes"
local origin = volumes.origin
function volumes.origin(cluster, claim)
  local kind, set, ordinal = origin(cluster, claim)
  return kind or "owned", set, ordinal
end
return volumes
