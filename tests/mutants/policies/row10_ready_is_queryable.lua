-- module: druid.rollout.queryable
-- caught by: scenario historicals_roll_without_losing_segments
-- A pod that is Ready has its segments.
local queryable = require "base.druid.rollout.queryable"
function queryable.before.historical()
  return true
end
function queryable.after.historical()
  return true
end
return queryable
