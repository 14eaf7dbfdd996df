-- module: druid.rollout.queryable
-- caught by: scenario tier_of_two_groups: cannot be reached
-- Where Druid cannot be asked, the next Historical goes whoever of its tier is away.
local queryable = require "base.druid.rollout.queryable"
function queryable.lacks_by_kubernetes() return nil end
return queryable
