-- module: druid.rollout
-- A cluster that comes up is treated as one that runs.
local rollout = require "base.druid.rollout"
local decide = rollout.decide
function rollout.decide(groups, options)
  for _, group in ipairs(groups) do
    group.coming_up = false
  end
  return decide(groups, options)
end
return rollout
