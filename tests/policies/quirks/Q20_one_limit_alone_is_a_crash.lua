-- module: druid.render.workload
-- maxSurge is looked at where maxUnavailable is set, and the other way round.
local workload = require "base.druid.render.workload"
local make = workload.workload
function workload.workload(cluster, group, sha, service_name)
  local node = group.node
  if node.maxSurge or node.maxUnavailable then
    assert(node.maxSurge and node.maxUnavailable, "nil pointer")
  end
  return make(cluster, group, sha, service_name)
end
return workload
