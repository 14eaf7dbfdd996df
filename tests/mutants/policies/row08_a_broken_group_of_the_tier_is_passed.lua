-- module: druid.rollout
-- caught by: scenario tier_of_two_groups: the template of the other group
-- A broken group of the same tier that comes later in the order holds nobody up.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  options.tier = nil
  return decide(groups, options)
end
return rollout
