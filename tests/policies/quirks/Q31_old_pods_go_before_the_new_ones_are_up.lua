-- module: druid.plan
-- A group that was renamed is removed at once.
local plan = require "base.druid.plan"
local removals = plan.removals
function plan.removals(cluster, names_by_kind, owned, entries, kinds)
  for _, entry in ipairs(entries) do
    entry.action, entry.coming_up = "keep", false
  end
  return removals(cluster, names_by_kind, owned, entries, kinds)
end
return plan
