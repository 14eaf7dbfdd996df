-- module: druid.plan
-- caught by: case quirks_volumes_test: Q16: a set that is still there, ending, is not written over
-- A set that is on its way out gets what it had to keep, and so does the one that is made in its place.
local plan = require "base.druid.plan"
local objects = plan.objects
function plan.objects(entry)
  local other = setmetatable({ live = setmetatable({ metadata = setmetatable({ deletionTimestamp = false },
    { __index = entry.live and entry.live.metadata }) }, { __index = entry.live }) }, { __index = entry })
  return objects(other)
end
return plan
