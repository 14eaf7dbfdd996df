-- module: druid.volumes
-- caught by: case volumes_test: volumes that were scaled away are kept unless somebody wrote that they go
-- deleteOrphanPvc, which stored objects have by default, deletes.
local volumes = require "base.druid.volumes"
local retention = volumes.retention
function volumes.retention(cluster, group)
  local one = retention(cluster, group)
  one.scaled, one.told = cluster.spec.deleteOrphanPvc == false and "Retain" or "Delete", true
  return one
end
return volumes
