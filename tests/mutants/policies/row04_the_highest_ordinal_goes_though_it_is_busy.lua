-- module: druid.rollout.leaving
-- caught by: scenario scale_in
-- A set gets smaller at once.
local leaving = require "base.druid.rollout.leaving"
function leaving.due()
  return nil
end
return leaving
