-- module: druid.volumes
-- What no pod mounts is an orphan.
local volumes = require "base.druid.volumes"
local orphans = volumes.orphans
function volumes.orphans(cluster, claims, sets, now)
  for _, set in pairs(sets) do
    if set.live and set.live.spec.replicas == 0 then
      return { mark = claims, unmark = {}, delete = {}, kept = {} }
    end
  end
  return orphans(cluster, claims, sets, now)
end
return volumes
