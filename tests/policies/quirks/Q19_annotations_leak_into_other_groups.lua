-- module: druid.render.workload
-- The cluster's own map is filled, group by group.
local workload = require "base.druid.render.workload"
local make = workload.workload
function workload.workload(cluster, group, sha, service_name)
  for key, value in pairs(group.node.workloadAnnotations or {}) do
    cluster.spec.workloadAnnotations = cluster.spec.workloadAnnotations or {}
    cluster.spec.workloadAnnotations[key] = value
  end
  return make(cluster, group, sha, service_name)
end
return workload
