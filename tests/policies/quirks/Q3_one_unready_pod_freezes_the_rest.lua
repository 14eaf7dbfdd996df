-- module: druid.rollout
-- A group that is not ready stops everything, its own cure included.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  local sorted, broken = decide(groups, options), false
  for _, group in ipairs(sorted) do
    broken = broken or group.state.exists and not group.state.settled
  end
  for _, group in ipairs(sorted) do
    if broken and group.action == "go" then
      group.action = "wait"
    end
  end
  return sorted
end
return rollout
