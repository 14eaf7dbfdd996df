-- module: druid.rollout
-- Groups of one type have no order among themselves: all of them go.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  local sorted, going = decide(groups, options), {}
  for _, group in ipairs(sorted) do
    going[group.type] = going[group.type] or group.action == "go"
  end
  for _, group in ipairs(sorted) do
    if group.action == "wait" and going[group.type] then
      group.action = "go"
    end
  end
  return sorted
end
return rollout
