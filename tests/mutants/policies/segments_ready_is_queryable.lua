-- module: druid.rollout.queryable
-- caught by: scenario rollout_steered: cannot be reached, 0 before
-- As row 10, in a scenario that does not look at segments itself.
local queryable = require "base.druid.rollout.queryable"
function queryable.before.historical()
  return true
end
function queryable.after.historical()
  return true
end
return queryable
