-- module: druid.rollout
-- caught by: case rollout_test: a cure for the group under way is not held back
-- The gate holds the fix back, too.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  local sorted = decide(groups, options)
  for _, group in ipairs(sorted) do
    if group.action == "go" and group.state.rolling then
      group.action, group.waits_for = "wait", "its turn"
    end
  end
  return sorted
end
return rollout
