-- module: druid.rollout
-- caught by: scenario tiers
-- Groups of one type are updated side by side.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  local sorted, going = decide(groups, options), nil
  for _, group in ipairs(sorted) do
    if group.action == "go" then
      going = group.type
    elseif group.action == "wait" and group.type == going then
      group.action, group.waits_for = "go", nil
    end
  end
  return sorted
end
return rollout
