-- module: druid.rollout
-- caught by: scenario update_image
-- A rolling update is something that has to be asked for.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  return decide(groups, { all_at_once = true, downgrade = options.downgrade, frozen = options.frozen, stop = options.stop })
end
return rollout
