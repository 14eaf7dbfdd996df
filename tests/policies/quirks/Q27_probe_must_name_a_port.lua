-- module: druid.check
-- A probe without a port is refused.
local check = require "base.druid.check"
table.insert(check.cluster_rules, function(cluster, add)
  local probe = cluster.spec.livenessProbe
  if probe and probe.httpGet and not probe.httpGet.port then
    add("spec.livenessProbe.httpGet.port", "is missing", "write 0")
  end
end)
return check
