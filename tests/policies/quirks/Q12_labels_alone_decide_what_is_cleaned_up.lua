-- module: druid.world
-- Whatever bears the two labels is taken for the cluster's.
local world = require "base.druid.world"
function world.owned(kube, cluster)
  local owned = {}
  for _, kind in ipairs(world.kinds) do
    owned[kind.kind] = kube.list({ apiVersion = kind.apiVersion, kind = kind.kind, namespace = cluster.namespace,
      labels = "app=druid,druid_cr=" .. cluster.name })
  end
  return owned
end
return world
