-- module: druid.rollout.step
-- caught by: case step_test: what a broken one had before its revision is remembered until it is back
-- A pod of a corrected revision serves as soon as it is Ready.
local step = require "base.druid.rollout.step"
local first = step.first
function step.first(...)
  local action = first(...)
  if action and action.act == "replace" then
    action.records = {}
  end
  return action
end
return step
