-- module: druid.rollout.tiers
-- caught by: scenario tier_of_two_groups: segments
-- Only the pods of the same group are looked at before one of them goes.
local tiers = require "base.druid.rollout.tiers"
local look = tiers.look
function tiers.look(kube, cluster, _, entry)
  return look(kube, cluster, { entry }, entry)
end
return tiers
