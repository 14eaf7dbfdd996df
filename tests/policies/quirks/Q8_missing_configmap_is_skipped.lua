-- module: druid.world
-- What cannot be read is left out, and everything restarts without it.
local world = require "base.druid.world"
function world.extra_config(kube, cluster)
  local all = {}
  for _, reference in ipairs(cluster.spec.extraCommonConfig or {}) do
    local found = kube.read({ apiVersion = "v1", kind = "ConfigMap", namespace = reference.namespace, name = reference.name })
    all[#all + 1] = found and json.copy(found.data)
  end
  return all
end
return world
