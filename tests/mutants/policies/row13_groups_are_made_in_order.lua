-- module: druid.rollout
-- caught by: case rollout_test: groups that do not exist are created side by side while others wait
-- A group is made when those before it are ready.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  local sorted, before = decide(groups, options), true
  for _, group in ipairs(sorted) do
    if group.action == "create" and not before then
      group.action, group.waits_for = "wait", "its turn"
    end
    before = before and group.state.exists and group.state.settled
  end
  return sorted
end
return rollout
